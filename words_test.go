package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"ztc-portal/models"
)

func TestRefusalsOnTheCommandLineAreSentences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want string
	}{
		{errors.New("there is no command"), "there is no command"},
		{fmt.Errorf("key 7: %w", &models.Error{Code: models.NotFound, Key: "error.not_found", Err: errors.New("no such API key")}), "key 7: Not found, or it does not belong to your account."},
		{models.FieldErrors{
			{Code: models.Invalid, Field: "name", Key: "error.name.empty"},
			{Code: models.Invalid, Field: "scope", Key: "error.scope.unknown", Args: map[string]any{"Scope": "everything"}},
		}, "name: Enter a name.\nscope: There is no scope everything."},
		{&models.Error{Code: models.Internal, Key: "nobody.knows.it"}, "internal: nobody.knows.it"},
	} {
		if got := inWords(c.err); got != c.want {
			t.Errorf("%v is said as %q, want %q", c.err, got, c.want)
		}
	}
}

// Through the command itself, on a database of its own.
func TestAPIKeyRefusalsAreSentences(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	environ := []string{"PORTAL_DATA_DIR=" + folder, "PORTAL_DATABASE_URL=sqlite:" + filepath.Join(folder, "portal.db")}
	ctx := context.Background()
	if err := run(ctx, []string{"migrate"}, environ); err != nil {
		t.Fatal(err)
	}
	for args, want := range map[string]string{
		"--scope=everything --name=x": "scope: There is no scope everything.",
		"--name=":                     "name: Enter a name.",
		"--name=a\x1b[31mb":           "name: The name must hold no control characters.",
		"--name=a\nb":                 "name: The name must hold no control characters.",
	} {
		err := run(ctx, append([]string{"apikey", "create"}, strings.Split(args, " ")...), environ)
		if err == nil || inWords(err) != want {
			t.Errorf("apikey create %q says %v, want %q", args, err, want)
		}
	}
}
