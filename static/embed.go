// Package static holds what the browser fetches: the built style sheet, scripts
// and icon sprite of static/dist, inside the binary.
package static

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
)

//go:embed dist
var dist embed.FS

// Files is the folder that is served under Prefix.
var Files = mustSub(dist, "dist")

// Prefix is the path under which Files is served.
const Prefix = "/static/"

// Version changes whenever any built file changes; with it in the address a
// file may be cached for good.
var Version = mustHash(Files)

// URL gives the address of a built file by its name, e.g. "app.css", with the
// version in it.
func URL(name string) string { return Prefix + name + "?v=" + Version }

func mustSub(files fs.FS, folder string) fs.FS {
	sub, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // the folder's name is a constant
	}
	return sub
}

// mustHash reads every file in the order of its name; reading what is inside
// the binary cannot fail.
func mustHash(files fs.FS) string {
	sum := sha256.New()
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, path)
		sum.Write([]byte(path))
		sum.Write(content)
		return err
	})
	if err != nil {
		panic(err)
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}
