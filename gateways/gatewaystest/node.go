package gatewaystest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Node runs a script of the package's testdata with in as JSON, and reads what it
// prints into out. npm is the package that the script needs; "": Node alone.
func Node(t testing.TB, npm, script string, in, out any) {
	t.Helper()
	requireNPM(t, npm)
	asked, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	run := exec.CommandContext(ctx, "node", filepath.Join("testdata", script))
	var printed, complaint bytes.Buffer
	run.Stdin, run.Stdout, run.Stderr = bytes.NewReader(asked), &printed, &complaint
	if err := run.Run(); err != nil {
		t.Fatalf("node %s: %v\n%s", script, err, complaint.String())
	}
	if err := json.Unmarshal(printed.Bytes(), out); err != nil {
		t.Fatalf("node %s printed %q: %v", script, printed.String(), err)
	}
}

// requireNPM fails with what to do when the npm package is not installed.
func requireNPM(t testing.TB, npm string) {
	t.Helper()
	if npm == "" {
		return
	}
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the test")
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "node_modules", npm, "package.json")); err != nil {
		t.Fatalf("the npm package %s is not installed: run `npm ci` beside go.mod (%v)", npm, err)
	}
}
