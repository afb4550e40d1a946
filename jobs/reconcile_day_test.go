package jobs_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/bank"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// Once a start the days before are asked for, each reconciled as its bill comes;
// a bill that is not there yet is waited for.
func TestDaysAreReconciledByThemselves(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		kind := models.ReconcileDay{}.Kind()
		s.start(t)
		eventually(t, "the days before yesterday are done", func() bool { // yesterday's bill may come at 09:30 only
			rows := s.days(t)
			return len(rows) == 4 && !slices.ContainsFunc(rows[1:], func(r models.ReconciliationView) bool { return r.State != models.ReconciliationDone })
		})
		rows := s.days(t)
		// Asked for again by staff, a day is run again, once.
		ask := models.ReconcileInput{Day: rows[1].DayOn, Rail: "alipay"}
		must(t, s.AskReconciliation(t.Context(), models.Actor{}, ask, s.rails.Billed()))
		eventually(t, "the day is run again", func() bool { return s.days(t)[1].Run == 2 })
		for range 2 {
			must(t, s.PlanReconciliations(t.Context(), s.rails.Billed()))
		}
		eventually(t, "none is asked for again that is done", func() bool { return s.count(t, kind, "")-s.count(t, kind, "completed") <= 1 })
		if rows := s.days(t); rows[1].Run != 2 || rows[2].Run != 1 || rows[3].Run != 1 {
			t.Errorf("the days are %+v", rows)
		}
		s.Sound(t)
	})
}

// While the gateway has no bill, or can't be reached, the task comes again.
func TestBillIsWaitedFor(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		s.deaf.Store(true)
		p := s.confirmed(t, "300")
		_, err := s.far.PayByScan(t.Context(), p.QRContent, sandbox.FaultNotifyLost)
		must(t, err)
		s.ahead.Store(int64(24 * time.Hour)) // ours is a day ahead of the gateway's clock
		kind := models.ReconcileDay{}.Kind()
		must(t, s.PlanReconciliations(t.Context(), s.rails.Billed()))
		planned := s.count(t, kind, "")
		must(t, s.PlanReconciliations(t.Context(), s.rails.Billed()))
		if again := s.count(t, kind, ""); planned != 4 || again != planned {
			t.Fatalf("planned twice, %d tasks became %d", planned, again)
		}
		ask := models.ReconcileInput{Day: models.DayOn(time.Now()), Rail: "alipay"}
		must(t, s.AskReconciliation(t.Context(), models.Actor{}, ask, s.rails.Billed())) // now, whatever waits
		s.far.CutOff(true)
		s.start(t)
		eventually(t, "it is put off", func() bool { return s.snoozed(t, kind) > 0 })
		if rows := s.days(t); len(rows) == 0 || rows[0].Run != 0 {
			t.Errorf("the days are %+v", rows)
		}
	})
}

func (s *shop) days(t *testing.T) []models.ReconciliationView {
	t.Helper()
	rows, _, err := s.Reconciliations(t.Context(), models.Keyset{})
	must(t, err)
	return rows
}

// A day of bank transfer that no statement holds ends its task, and is run by
// itself once one is imported.
func TestBankDayIsRunOnceAStatementHoldsIt(t *testing.T) {
	eachShop(t, asUsual, func(t *testing.T, s *shop) {
		const account = "6222020000012345678"
		rail, err := bank.New(bank.Config{Name: "示例网络科技有限公司", Account: account, Branch: "示例银行杭州分行", Code: "102331000001"})
		must(t, err)
		s.rails.By = map[models.Rail]gateways.Gateway{models.RailBankTransfer: rail}
		_, err = s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "finance@shop.test", Password: "long enough", Role: models.RoleFinance})
		must(t, err)
		var by models.Actor
		must(t, s.db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = 'finance@shop.test'").Scan(&by.UserID))
		kind, dayOn := models.ReconcileDay{}.Kind(), models.DayOn(s.now().AddDate(0, 0, -2))
		ask := models.ReconcileInput{Day: dayOn, Rail: "bank_transfer"}
		must(t, s.AskReconciliation(t.Context(), models.Actor{}, ask, s.rails.Billed()))
		s.start(t)
		eventually(t, "the task ends", func() bool { return s.count(t, kind, "completed") > 0 })
		if rows := s.days(t); s.snoozed(t, kind) != 0 || len(rows) == 0 || slices.ContainsFunc(rows, func(r models.ReconciliationView) bool { return r.State != models.ReconciliationWaiting || r.Run != 0 }) {
			t.Errorf("the days are %+v, %d tasks are put off", rows, s.snoozed(t, kind))
		}
		at, err := time.ParseInLocation(time.DateOnly, dayOn, models.Shanghai)
		must(t, err)
		_, err = s.ImportStatement(t.Context(), by, models.StatementInput{FileName: "bank.csv", OurAccount: account, Statement: models.Statement{
			Layout: "cmb", FileHash: strings.Repeat("ab", 32),
			Entries: []models.StatementEntry{{RowNo: 2, DayOn: dayOn, At: at.UTC(), AmountFen: 5 * models.Yuan, SerialNo: "S1"}},
		}})
		must(t, err)
		eventually(t, "the day is done", func() bool {
			return slices.ContainsFunc(s.days(t), func(r models.ReconciliationView) bool {
				return r.DayOn == dayOn && r.State == models.ReconciliationDone && r.PaymentCount == 1 && r.SuspenseCount == 1
			})
		})
		s.Sound(t)
	})
}
