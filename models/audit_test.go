package models_test

import (
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// acted makes a log of some rows: who and from where, with before and after.
func acted(t testing.TB, b *modelstest.Bench) models.Actor {
	t.Helper()
	by := staff(t, b)
	by.Address = "192.0.2.9"
	account, campaigns := b.Seller(t, 100*yuan)
	modelstest.Edited(t)(b.SetBudget(t.Context(), by, account, models.RowRef{ID: campaigns[0]}, "300"))
	must(t, b.FreezeAccount(t.Context(), by, account, "checks, \u5145\u503c\n"))
	must(t, b.UnfreezeAccount(t.Context(), by, account))
	must(t, b.SwitchCampaign(t.Context(), by, account, campaigns[0], false))
	return by
}

func verified(t testing.TB, b *modelstest.Bench, noted ...string) models.AuditCheck {
	t.Helper()
	check, err := b.VerifyAudit(t.Context(), noted...)
	must(t, err)
	return check
}

func run(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// tampering lets raw SQL do what the triggers of the audit log refuse, and
// gives back what puts everything as it was.
func tampering(t testing.TB, b *modelstest.Bench) (db *sql.DB, restore func()) {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	if b.Engine() == models.Postgres {
		run(t, db, "ALTER TABLE audit_log DISABLE TRIGGER ALL", "ALTER TABLE audit_head DISABLE TRIGGER ALL")
	} else {
		rows, err := db.QueryContext(t.Context(), "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name IN ('audit_log', 'audit_head')")
		must(t, err)
		defer rows.Close()
		var names []string
		for rows.Next() {
			var name string
			must(t, rows.Scan(&name))
			names = append(names, name)
		}
		must(t, rows.Err())
		for _, name := range names {
			run(t, db, "DROP TRIGGER "+name)
		}
	}
	run(t, db, "CREATE TABLE log_then AS SELECT * FROM audit_log", "CREATE TABLE head_then AS SELECT * FROM audit_head")
	return db, func() {
		run(t, db, "DELETE FROM audit_log", "INSERT INTO audit_log SELECT * FROM log_then",
			"DELETE FROM audit_head", "INSERT INTO audit_head SELECT * FROM head_then")
	}
}

// hashed is what README.md says the hash of a row is, written down once more.
func hashed(fields ...string) string {
	var all strings.Builder
	for _, field := range fields {
		fmt.Fprintf(&all, "%d:%s,", len(field), field)
	}
	sum := sha256.Sum256([]byte(all.String()))
	return hex.EncodeToString(sum[:])
}

func hashOf(e models.AuditEntry) string {
	r := e.Record()
	return hashed(r[9], r[0], r[1], r[2], r[5], r[6], r[4], r[7], r[8])
}

func TestAuditLogIsAChain(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		if empty := verified(t, b); empty.Fault != nil || empty.Rows != 0 {
			t.Fatalf("an empty log: %+v", empty)
		}
		by := acted(t, b)
		early := verified(t, b)
		b.Clock.Add(time.Hour + 123456*time.Microsecond)
		must(t, b.FreezeAccount(t.Context(), by, 1, "again"))
		trail, err := b.AuditTrail(t.Context(), models.AuditFilter{}, models.Keyset{})
		must(t, err)
		last := verified(t, b, early.Hash)
		if last.Fault != nil || last.Rows != early.Rows+1 || last.RowID != trail.RowID || last.Hash != trail.Hash || !last.Noted {
			t.Errorf("the log: %+v; before: %+v; its end: %d %s", last, early, trail.RowID, trail.Hash)
		}
		if other := verified(t, b, strings.Repeat("a", 64)); other.Noted {
			t.Error("a hash is found that no row has")
		}
		prev := strings.Repeat("0", 64)
		for i, e := range slices.Backward(trail.Rows) {
			if want := int64(len(trail.Rows) - i); e.ID != want || e.PrevHash != prev || e.Hash != hashOf(e) {
				t.Errorf("row %d: %+v, want the id %d, the hash %s before it and %s", i, e, want, prev, hashOf(e))
			}
			prev = e.Hash
		}
		newest := trail.Rows[0]
		newest.PrevHash, newest.Hash = "", ""
		want := models.AuditEntry{
			ID: last.RowID, At: b.Now(), UserID: by.UserID, Email: newest.Email, Address: "192.0.2.9",
			Action: "account.freeze", Subject: "account:1", Before: "active", After: "frozen: again",
		}
		if diff := cmp.Diff(want, newest); diff != "" || newest.Email == "" {
			t.Errorf("the newest act: %s", diff)
		}
		b.Sound(t)
	})
}

// Each field of a row is changed by raw SQL, rows are taken away, put in and
// exchanged: the first row that is not as it was is named.
func TestTamperingWithTheAuditLogIsNamed(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		acted(t, b)
		whole := verified(t, b)
		trail, err := b.AuditTrail(t.Context(), models.AuditFilter{}, models.Keyset{})
		must(t, err)
		end := whole.RowID
		budget := trail.Rows[slices.IndexFunc(trail.Rows, func(e models.AuditEntry) bool { return e.Action == "campaign.budget" })]
		forged := budget
		forged.After = "999.00"
		db, restore := tampering(t, b)
		change := func(set string) string { return fmt.Sprintf("UPDATE audit_log SET %s WHERE id = %d", set, budget.ID) }
		remove := func(which string) string { return "DELETE FROM audit_log WHERE " + which }
		type fault struct {
			row  int64
			what models.AuditFaultKind
		}
		itself := fault{budget.ID, models.AuditChanged}
		for name, c := range map[string]struct {
			statements []string
			want       fault
		}{
			"at":                        {[]string{change("at = '2026-11-24 06:00:00.000001+00:00'")}, itself},
			"user_id":                   {[]string{change("user_id = 2")}, itself},
			"user_id taken away":        {[]string{change("user_id = NULL")}, itself},
			"action":                    {[]string{change("action = 'campaign.switch'")}, itself},
			"subject":                   {[]string{change("subject = 'campaign:11'")}, itself},
			"address":                   {[]string{change("address = ''")}, itself},
			"before":                    {[]string{change(`"before" = '100.01'`)}, itself},
			"after":                     {[]string{change(`"after" = '300.000'`)}, itself},
			"before moved into after":   {[]string{change(`"before" = '', "after" = "before" || "after"`)}, itself},
			"id":                        {[]string{change("id = 4711"), remove("id > 4711")}, fault{budget.ID, models.AuditMissing}},
			"prev_hash":                 {[]string{change("prev_hash = '" + strings.Repeat("b", 64) + "'")}, itself},
			"hash":                      {[]string{change("hash = '" + strings.Repeat("c", 64) + "'")}, itself},
			"no hash":                   {[]string{change("hash = ''")}, fault{budget.ID, models.AuditUnsealed}},
			"changed with a new hash":   {[]string{change(`"after" = '999.00', hash = '` + hashOf(forged) + "'")}, fault{budget.ID + 1, models.AuditUnlinked}},
			"the first row deleted":     {[]string{remove("id = 1")}, fault{1, models.AuditMissing}},
			"one in the middle deleted": {[]string{remove("id = 3")}, fault{3, models.AuditMissing}},
			"some in the middle":        {[]string{remove("id IN (3, 4)")}, fault{3, models.AuditMissing}},
			"the last row deleted":      {[]string{remove(fmt.Sprint("id = ", end))}, fault{end, models.AuditMissing}},
			"the last two deleted":      {[]string{remove(fmt.Sprint("id >= ", end-1))}, fault{end - 1, models.AuditMissing}},
			"all deleted":               {[]string{"DELETE FROM audit_log"}, fault{1, models.AuditMissing}},
			"all deleted, head too":     {[]string{"DELETE FROM audit_log", "DELETE FROM audit_head"}, fault{0, models.AuditHead}},
			"a row put in at the end": {[]string{fmt.Sprintf("INSERT INTO audit_log (id, at, action, subject, prev_hash, hash) VALUES (%d, '2026-11-24 06:00:00+00:00', 'x', 'y', '%s', '%s')",
				end+1, whole.Hash, strings.Repeat("d", 64))}, fault{end + 1, models.AuditChanged}},
			"the head's hash":    {[]string{"UPDATE audit_head SET hash = '" + strings.Repeat("e", 64) + "'"}, fault{end, models.AuditHead}},
			"the head's hash ''": {[]string{"UPDATE audit_head SET hash = ''"}, fault{end, models.AuditHead}},
			"the head set back":  {[]string{"UPDATE audit_head SET row_id = row_id - 1"}, fault{end, models.AuditHead}},
			"the head set ahead": {[]string{"UPDATE audit_head SET row_id = row_id + 1"}, fault{end + 1, models.AuditMissing}},
			"the head deleted":   {[]string{"DELETE FROM audit_head"}, fault{end, models.AuditHead}},
		} {
			run(t, db, c.statements...)
			check := verified(t, b)
			if check.Fault == nil || (fault{check.Fault.RowID, check.Fault.What}) != c.want || !strings.Contains(check.Fault.String(), fmt.Sprint("row ", c.want.row)) {
				t.Errorf("%s: found %v, want %v", name, check.Fault, c.want)
			}
			restore()
			if again := verified(t, b); again.Fault != nil {
				t.Fatalf("%s: put back, there is still %v", name, again.Fault)
			}
		}
		// What is not even of its column's kind.
		unread := change("at = 'infinity'")
		if b.Engine() == models.SQLite {
			run(t, db, "PRAGMA foreign_keys = off")
			unread = change("user_id = 'nobody'")
		}
		run(t, db, unread)
		if check := verified(t, b); check.Fault == nil || check.Fault.RowID != budget.ID || check.Fault.What != models.AuditUnread {
			t.Errorf("%s: found %v", unread, check.Fault)
		}
		restore()
		// The end cut off, head and all, leaves a shorter log that holds: whoever
		// noted the hash finds it gone.
		run(t, db, remove(fmt.Sprint("id = ", end)), fmt.Sprintf("UPDATE audit_head SET row_id = %d, hash = '%s'", end-1, trail.Rows[0].PrevHash))
		if short := verified(t, b, whole.Hash); short.Fault != nil || short.Noted || short.RowID != end-1 {
			t.Errorf("a log that was cut short: %+v", short)
		}
	})
}

// What the database takes of the audit log: a row that follows the last one,
// and nothing else.
func TestTheDatabaseTakesAuditRowsOnlyAtTheEnd(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		acted(t, b)
		end := verified(t, b)
		db, err := b.Handle()
		must(t, err)
		row := func(verb string, id int64, prev, hash string) string {
			return fmt.Sprintf("%s INTO audit_log (id, at, action, subject, prev_hash, hash) VALUES (%d, '2026-11-24 06:00:00+00:00', 'x', 'y', '%s', '%s')", verb, id, prev, hash)
		}
		hash := strings.Repeat("f", 64)
		wrong := []string{
			"UPDATE audit_log SET action = 'x'", "UPDATE audit_log SET hash = ''", "UPDATE audit_log SET prev_hash = hash WHERE id = 2",
			"UPDATE audit_log SET id = id + 1000", "DELETE FROM audit_log WHERE id = 3",
			"INSERT INTO audit_log (at, action, subject) VALUES ('2026-11-24 06:00:00+00:00', 'x', 'y')",
			row("INSERT", end.RowID+1, end.Hash, ""), row("INSERT", end.RowID+1, hash, hash), row("INSERT", end.RowID+2, end.Hash, hash), row("INSERT", 3, end.Hash, hash),
			"UPDATE audit_head SET row_id = row_id - 1", "UPDATE audit_head SET hash = ''", "UPDATE audit_head SET row_id = row_id + 1, hash = ''",
			"DELETE FROM audit_head", "INSERT INTO audit_head (id, row_id, hash) VALUES (1, 1, '')",
		}
		if b.Engine() == models.SQLite {
			wrong = append(wrong, row("REPLACE", 3, end.Hash, hash), row("REPLACE", end.RowID+2, strings.Repeat("0", 64), hash), "REPLACE INTO audit_head (id, row_id, hash) VALUES (1, 0, '')")
		} else {
			wrong = append(wrong, "TRUNCATE audit_log", "TRUNCATE audit_head")
		}
		for _, statement := range wrong {
			if _, err := db.ExecContext(t.Context(), statement); err == nil {
				t.Errorf("taken: %s", statement)
			} else if !isConstraint(err) {
				t.Errorf("%s: refused for another reason: %v", statement, err)
			}
		}
		if now := verified(t, b); now != end {
			t.Errorf("the log is %+v, was %+v", now, end)
		}
		run(t, db, row("INSERT", end.RowID+1, end.Hash, hash)) // so the shape is right
	})
}

// Two processes act at once: one order, no fork, and no act is lost.
func TestAuditChainHasNoForkUnderConcurrency(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		by := staff(t, b)
		const writers, acts = 8, 10
		stores := []*models.Store{b.Store, b.Again(t)}
		db, err := b.Handle()
		must(t, err)
		type shop struct{ account, campaign, keyword int64 }
		shops := make([]shop, writers)
		for i := range shops {
			account, campaigns := b.Seller(t, 100*yuan)
			shops[i] = shop{account, campaigns[0], 0}
			must(t, db.QueryRowContext(t.Context(), "SELECT id FROM keywords WHERE campaign_id = $1", campaigns[0]).Scan(&shops[i].keyword))
		}
		before := verified(t, b)
		var all sync.WaitGroup
		for i, s := range shops {
			all.Go(func() {
				for n := range acts {
					store := stores[(i+n)%2]
					// A bid is told to no engine, so that no other lock puts these acts in an order.
					if _, err := store.SetBid(t.Context(), by, s.account, s.campaign, models.RowRef{ID: s.keyword}, fmt.Sprintf("2.%d", n)); err != nil {
						t.Errorf("writer %d, act %d: %v", i, n, err)
					}
				}
			})
		}
		reading := make(chan struct{})
		var reader sync.WaitGroup
		reader.Go(func() { // a log that grows meanwhile holds at every reading
			for {
				select {
				case <-reading:
					return
				default:
				}
				if check, err := b.VerifyAudit(t.Context()); err != nil || check.Fault != nil {
					t.Errorf("read meanwhile: %v, %v", check.Fault, err)
				}
			}
		})
		all.Wait()
		close(reading)
		reader.Wait()
		after := verified(t, b)
		if after.Fault != nil || after.Rows != before.Rows+writers*acts || after.RowID != after.Rows {
			t.Errorf("after %d acts the log is %+v, was %+v", writers*acts, after, before)
		}
	})
}

// A command that fails after its act is written leaves neither.
func TestActExistsExactlyIfItsCommandCommitted(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		by := acted(t, b)
		before := verified(t, b)
		if err := b.FreezeAccount(t.Context(), models.Actor{UserID: 4711}, 1, "by nobody"); err == nil {
			t.Fatal("nobody froze an account")
		}
		a, err := b.RechargeDesk(t.Context(), 1)
		must(t, err)
		if after := verified(t, b); after != before || a.Account.FrozenAt != nil {
			t.Errorf("frozen at %v; the log is %+v, was %+v", a.Account.FrozenAt, after, before)
		}
		must(t, b.FreezeAccount(t.Context(), by, 1, "by somebody"))
		if after := verified(t, b); after.Fault != nil || after.Rows != before.Rows+1 {
			t.Errorf("the log is %+v, was %+v", after, before)
		}
	})
}

// A portal whose log has lost its end acts no more, rather than without a trace.
func TestActsAreRefusedWithoutTheEndOfTheLog(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		by := acted(t, b)
		db, restore := tampering(t, b)
		for _, statement := range []string{"UPDATE audit_head SET hash = '', row_id = 0", "DELETE FROM audit_head"} {
			run(t, db, statement)
			if err := b.FreezeAccount(t.Context(), by, 1, "checks"); err == nil || models.CodeOf(err) != models.Internal {
				t.Errorf("%s: an act is taken: %v", statement, err)
			}
			restore()
		}
		must(t, b.FreezeAccount(t.Context(), by, 1, "checks"))
	})
}

// The acts of the seed and of every test stand in AuditActions, and so have
// their words; none stands there that nobody does. One that is put together from
// a state, and is missing, fails when it is done.
func TestEveryActHasItsName(t *testing.T) {
	act := regexp.MustCompile(`(?:\.audit\([^"\n]*|\{"[a-z_]+", )"([a-z_]+\.[a-z_.]+)"`) // or a value that sellers edit
	files, err := filepath.Glob("*.go")
	must(t, err)
	done := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		source, err := os.ReadFile(file)
		must(t, err)
		for _, m := range act.FindAllStringSubmatch(string(source), -1) {
			done[m[1]] = true
		}
	}
	for _, action := range []string{
		models.ActAsk, models.ActRepair, models.ActClose, "session.open", "session.password",
		"job.cancel", "job.retry", "job.delete", "queue.pause", "queue.resume", // named by handlers/admin/queue.go
	} {
		done[action] = true
	}
	for _, state := range models.ApprovalStates[1:] { // all but open
		done["approval."+string(state)] = true
	}
	for _, state := range []models.RefundState{models.RefundSettled, models.RefundReleased} {
		done["refund."+string(state)] = true
	}
	for action := range done {
		if !slices.Contains(models.AuditActions, action) {
			t.Errorf("%q is not in AuditActions", action)
		}
	}
	for _, action := range models.AuditActions {
		if !done[action] {
			t.Errorf("nobody does %q", action)
		}
	}
}
