package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func TestAuditCommands(t *testing.T) {
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t, 10_000, 20_000)
		asks, decides := b.Office(t)
		b.Frozen(t, asks, decides, account, "=1+1, checks")
		verify := func(args ...string) (string, error) {
			var out bytes.Buffer
			err := verifyAudit(t.Context(), b.Store, args, &out)
			return out.String(), err
		}
		first, err := verify()
		hash := strings.TrimSpace(first[strings.LastIndex(first, " ")+1:])
		if err != nil || !strings.HasPrefix(first, "8 rows hold; the last is row 8 with the hash ") || len(hash) != 64 {
			t.Fatalf("verify says %q, %v", first, err)
		}
		export := func(args ...string) ([][]string, error) {
			var out bytes.Buffer
			if err := exportAudit(t.Context(), b.Store, args, &out); err != nil {
				return nil, err
			}
			return csv.NewReader(strings.NewReader(strings.TrimPrefix(out.String(), "\ufeff"))).ReadAll()
		}
		lines, err := export("--from", "2026-11-24", "--to", "2026-11-24")
		if err != nil || len(lines) != 9 || !slices.Equal(lines[0], models.AuditColumns) || lines[8][0] != "8" || lines[8][8] != "frozen: =1+1, checks" || lines[8][10] != hash {
			t.Errorf("export gives %q, %v", lines, err)
		}
		if lines, err := export("--from", "2026-11-25"); err != nil || len(lines) != 1 {
			t.Errorf("of a day without acts: %q, %v", lines, err)
		}
		if _, err := export("--from", "2026-11-25", "--to", "soon"); err == nil || !strings.Contains(err.Error(), "--to is not a day") {
			t.Errorf("to soon: %v", err)
		}
		if out, err := verify("--noted", hash); err != nil || !strings.HasPrefix(out, "10 rows hold") { // the two exports are on the log
			t.Errorf("with a noted hash: %q, %v", out, err)
		}
		if out, err := verify("--noted", strings.Repeat("0", 64)); err == nil || out != "" {
			t.Errorf("a hash that nobody noted: %q, %v", out, err)
		}
		if _, err := verify("--noted", hash[1:]); err == nil || !strings.Contains(err.Error(), "64 hexadecimal digits") {
			t.Errorf("a hash that was copied badly: %v", err)
		}
		db, err := b.Handle()
		if err != nil {
			t.Fatal(err)
		}
		forbid := "DROP TRIGGER audit_log_no_update"
		if b.Engine() == models.Postgres {
			forbid += " ON audit_log"
		}
		for _, statement := range []string{forbid, `UPDATE audit_log SET address = '203.0.113.7' WHERE id = 3`} {
			if _, err := db.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := verify(); err == nil || out != "" || !strings.Contains(err.Error(), "row 3 of the audit log was changed") || !strings.Contains(err.Error(), "the 2 rows before it hold") {
			t.Errorf("of a changed row verify says %q, %v", out, err)
		}
	})
}

// The command as it is called, settings and all.
func TestAuditCommandNeedsACurrentSchema(t *testing.T) {
	url := "sqlite:" + t.TempDir() + "/portal.db"
	environ := []string{"PORTAL_DATABASE_URL=" + url, "PORTAL_DATA_DIR=" + t.TempDir()}
	for _, args := range [][]string{{"audit", "verify"}, {"audit", "export"}} {
		if err := run(t.Context(), args, environ); err == nil || !strings.Contains(err.Error(), "migrate") {
			t.Errorf("%v on an empty database: %v", args, err)
		}
	}
	if err := run(t.Context(), []string{"migrate"}, environ); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), []string{"audit", "verify"}, environ); err != nil {
		t.Errorf("an empty log does not hold: %v", err)
	}
	for _, args := range [][]string{{"audit"}, {"audit", "mend"}, {"audit", "verify", "x"}, {"audit", "export", "x"}} {
		if err := run(t.Context(), args, environ); err == nil || !strings.Contains(fmt.Sprint(err), "say: audit") {
			t.Errorf("%v: %v", args, err)
		}
	}
}
