//go:build !sqlite_fts5 && !fts5

package models

// The search needs SQLite's FTS5, which go-sqlite3 compiles in under a build
// tag only. `make` and e2e/postgres.sh set it. By hand say it once,
//
//	export GOFLAGS=-tags=sqlite_fts5
//
// or with each command: go run -tags sqlite_fts5 . serve
const _ = build_without_FTS5__say_GOFLAGS_tags_sqlite_fts5
