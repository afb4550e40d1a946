package main

import (
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// The command against its own sandbox: an empty day is in order; a payment that
// no bill knows is told of, and is an error.
func TestReconcileCommand(t *testing.T) {
	folder := t.TempDir()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	url := "sqlite:" + filepath.Join(folder, "portal.db")
	s, err := LoadSettings([]string{"PORTAL_DATABASE_URL=" + url, "PORTAL_DATA_DIR=" + folder, "PORTAL_SANDBOX_ADDR=" + addr, "PORTAL_LOG_LEVEL=ERROR"})
	if err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) (string, error) {
		var out strings.Builder
		err := reconcileTo(t.Context(), &out, s, args)
		return out.String(), err
	}
	clock := modelstest.NewClock()
	clock.Set(time.Now().Add(-72 * time.Hour))
	store, err := models.Open(url, models.Options{Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b := &modelstest.Bench{Store: store, Clock: clock, Queue: &modelstest.Queue{}}
	store.SetQueue(b.Queue)
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	day := models.DayOn(clock.Now())
	out, err := run("--day", day)
	if err != nil || !strings.Contains(out, "matched 0, open differences 0, worked 0, ledger faults 0") {
		t.Errorf("an empty day: %q, %v", out, err)
	}
	account, _ := b.Seller(t)
	p := b.Pending(t, account, "300")
	if _, err := store.SettlePayment(t.Context(), b.Receipt(p), 0); err != nil {
		t.Fatal(err)
	}
	out, err = run("--day", day, "--rail", "alipay")
	if err == nil || !strings.Contains(err.Error(), "1 differences are open") || !strings.Contains(out, "only_ours 1") || !strings.Contains(out, "books: 1 payments 300.00, clearing account 300.00") {
		t.Errorf("a payment that no bill knows: %q, %v", out, err)
	}
	if out, err := run("--day", day, "--rail", "bank_transfer"); err == nil || out != "" || !strings.Contains(err.Error(), "error.reconcile.no_statement") {
		t.Errorf("a day that no statement holds: %q, %v", out, err)
	}
	importTransfer(t, b, strings.ReplaceAll(s.BankAccount, " ", ""), day)
	out, err = run("--day", day, "--rail", "bank_transfer")
	if err != nil || !strings.Contains(out, "bill: 1 payments 5.00") || !strings.Contains(out, "in suspense 1 5.00") || !strings.Contains(out, "not explained 0.00") {
		t.Errorf("a day of bank transfer: %q, %v", out, err)
	}
	trail, err := store.AuditTrail(t.Context(), models.AuditFilter{Action: "reconciliation.run"}, models.Keyset{})
	if err != nil || len(trail.Rows) != 4 || trail.Rows[0].Address != models.CommandLine.Address || trail.Rows[0].Subject != "reconciliation:"+strings.ReplaceAll(day, "-", "")+"4" {
		t.Errorf("four runs by hand stand on the audit trail as %+v, %v", trail.Rows, err)
	}
	for _, args := range [][]string{{}, {"--day", day, "more"}, {"--day", "yesterday"}, {"--day", models.DayOn(time.Now())}, {"--day", day, "--rail", "paypal"}, {"--month", "1"}} {
		if out, err := run(args...); err == nil || out != "" {
			t.Errorf("%v: %q, %v", args, out, err)
		}
	}
}

// importTransfer imports a statement of one line, of a day that is over.
func importTransfer(t *testing.T, b *modelstest.Bench, account, dayOn string) {
	t.Helper()
	at, err := time.ParseInLocation(time.DateOnly, dayOn, models.Shanghai)
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Set(at.AddDate(0, 0, 1).Add(12 * time.Hour))
	if _, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "finance@shop.test", Password: "long enough", Role: models.RoleFinance}); err != nil {
		t.Fatal(err)
	}
	db, err := b.Handle()
	if err != nil {
		t.Fatal(err)
	}
	var by models.Actor
	if err := db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = 'finance@shop.test'").Scan(&by.UserID); err != nil {
		t.Fatal(err)
	}
	_, err = b.ImportStatement(t.Context(), by, models.StatementInput{FileName: "bank.csv", OurAccount: account, Statement: models.Statement{
		Layout: "cmb", FileHash: strings.Repeat("ab", 32),
		Entries: []models.StatementEntry{{RowNo: 2, DayOn: dayOn, At: at.UTC(), AmountFen: 500, SerialNo: "S1"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
}
