package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// Three days, a recharge late on each side of midnight in Shanghai, a bonus that
// pays first, clicks that come a day late, and arrears: each day closes with what
// the ledger says.
func TestTheOverviewsDaysCloseWithTheLedger(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := b.Seller(t, 10_000*yuan)
		at(b, 0, 23)
		recharge(t, b, account, 300*yuan)
		b.Clock.Add(59 * time.Minute)
		recharge(t, b, account, 200*yuan)
		b.Clock.Add(2 * time.Minute) // the second day has begun
		grant(t, b, account, "g", 50*yuan)
		b.Charge(t, "a", campaigns[0], 80*yuan) // 50 of bonus, 30 of cash
		at(b, 1, 9)
		got, err := b.PostCharges(t.Context(), []models.Charge{{ChargeID: "late", CampaignID: campaigns[0], AmountFen: 500 * yuan, ChargedAt: b.Clock.Now().AddDate(0, 0, -1)}})
		wantCounts(t, got, err, 1, 0)
		o, err := b.AccountOverview(t.Context(), account)
		must(t, err)
		var days []string
		for _, d := range o.Days {
			if d.CostFen != 0 || d.Recharges > 0 || d.ClosingFen != 0 {
				days = append(days, fmt.Sprintf("%s cost %s in %d %s closed %s", models.DayOn(d.From)[8:], d.CostFen.Wire(), d.Recharges, d.RechargeFen.Wire(), d.ClosingFen.Wire()))
			}
		}
		want := "24 cost 0.00 in 2 500.00 closed 500.00; 25 cost 580.00 in 0 0.00 closed 470.00; 26 cost 0.00 in 0 0.00 closed -30.00"
		if got := strings.Join(days, "; "); got != want || len(o.Days) != 14 {
			t.Errorf("%d days: %s", len(o.Days), got)
		}
		b.Sound(t)
		// The reader of the books misses no move.
		db, err := b.Handle()
		must(t, err)
		_, err = db.ExecContext(t.Context(), "UPDATE money_days SET cash_in_fen = cash_in_fen - 1 WHERE kind = 'recharge'")
		must(t, err)
		faults, err := b.VerifyLedger(t.Context())
		must(t, err)
		if len(faults) != 1 || faults[0].What != "cash by day of account" || faults[0].Want-faults[0].Got != 1 {
			t.Errorf("%+v", faults)
		}
	})
}
