package gateways_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/bank"
	"ztc-portal/models"
)

const ourAccount = "6222020000012345678"

// withBank offers bank transfer too, and gives who imports statements.
func (d *desk) withBank(t *testing.T) models.Actor {
	t.Helper()
	rail, err := bank.New(bank.Config{Name: "示例网络科技有限公司", Account: ourAccount, Branch: "示例银行杭州分行", Code: "102331000001"})
	must(t, err)
	d.rails.By[models.RailBankTransfer] = rail
	d.Offer(models.RailAlipay, models.RailBankTransfer)
	_, err = d.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "finance@desk.test", Password: "long enough", Role: models.RoleFinance})
	must(t, err)
	db, err := d.Handle()
	must(t, err)
	var by models.Actor
	must(t, db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = 'finance@desk.test'").Scan(&by.UserID))
	return by
}

// imports brings one line of a day, named by its serial number.
func (d *desk) imports(t *testing.T, by models.Actor, dayOn, serial, remark string, amount models.Fen) {
	t.Helper()
	at, err := time.ParseInLocation(time.DateOnly, dayOn, models.Shanghai)
	must(t, err)
	_, err = d.ImportStatement(t.Context(), by, models.StatementInput{FileName: "bank.csv", OurAccount: ourAccount, Statement: models.Statement{
		Layout: "cmb", FileHash: strings.Repeat("ab", 32),
		Entries: []models.StatementEntry{{RowNo: 2, DayOn: dayOn, At: at.UTC(), AmountFen: amount, SerialNo: serial, Remark: remark}},
	}})
	must(t, err)
}

// The bill of bank transfer is what statements say: there is none while none
// holds the whole day, however long one waits, and nobody is asked about it.
func TestBankTransferIsReconciledByItsStatements(t *testing.T) {
	eachDesk(t, func(t *testing.T, d *desk) {
		by := d.withBank(t)
		if billed := d.rails.Billed(); !slices.Equal(billed, []models.Rail{models.RailAlipay, models.RailBankTransfer}) {
			t.Errorf("bills come from %v", billed)
		}
		draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: "300", Method: "bank_transfer"})
		must(t, err)
		p, _, err := d.rails.Confirm(t.Context(), d.account, draft.No, subject(draft.No), gateways.Payer{})
		must(t, err)
		d.imports(t, by, today, "S1", *p.ReferenceCode, 300*models.Yuan) // the day is not over
		d.Clock.Set(models.BillDue(today).Add(72 * time.Hour))
		for range 2 {
			_, err := d.rails.Reconcile(t.Context(), models.RailBankTransfer, today)
			if models.CodeOf(err) != models.Unavailable || !errors.Is(err, gateways.ErrNoStatement) {
				t.Errorf("without a statement: %v", err)
			}
		}
		if rows, _, err := d.Reconciliations(t.Context(), models.Keyset{}); err != nil || len(rows) != 0 {
			t.Errorf("runs that never began left %+v, %v", rows, err)
		}
		d.imports(t, by, today, "S2", "", 5*models.Yuan)
		done, err := d.rails.Reconcile(t.Context(), models.RailBankTransfer, today)
		must(t, err)
		open := d.open(t, done)
		if done.PaymentCount != 2 || done.PaymentFen != 305*models.Yuan || done.SuspenseCount != 2 || done.UnexplainedFen() != 0 || done.LedgerFaultCount != 0 {
			t.Errorf("it stands as %+v", done)
		}
		if len(open) != 1 || open[0].Kind != models.StateDiffers || open[0].OutTradeNo != p.No || open[0].OursState != string(models.PaymentPending) {
			t.Fatalf("it differs in %+v", open)
		}
		if _, err := d.rails.RepairDifference(t.Context(), by, open[0].ID); models.CodeOf(err) != models.Conflict || !strings.Contains(err.Error(), "not_repairable") {
			t.Errorf("repaired by asking nobody: %v", err)
		}
		delete(d.rails.By, models.RailBankTransfer)
		if _, err := d.rails.Reconcile(t.Context(), models.RailBankTransfer, today); models.CodeOf(err) != models.Invalid {
			t.Errorf("without an account: %v", err)
		}
		d.Sound(t)
	})
}
