// Package migrations holds the schema of both engines, the same numbers for
// the same steps. Files are append-only: what was released is never edited.
package migrations

import "embed"

// Files has one folder an engine: sqlite and postgres.
//
//go:embed sqlite/*.sql postgres/*.sql
var Files embed.FS
