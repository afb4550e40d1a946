package models_test

import (
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// A refund that has no end a quarter of an hour after it was approved is an
// alert to staff, until it is given back or refused; asking once more is no end.
func TestRefundsWithoutAnEndAreWatched(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 500*yuan)
		sent := func(amount string) models.Refund {
			r := refunded(t, b, o, p, amount)
			_, err := b.SendingRefund(t.Context(), r.RequestNo)
			must(t, err)
			return r
		}
		under := func() (kinds []string) {
			t.Helper()
			rows, _, err := b.Approvals(t.Context(), models.ApprovalFilter{Show: "refunds"}, models.Keyset{})
			must(t, err)
			for _, row := range rows {
				kinds = append(kinds, string(row.Kind)+" "+row.AmountFen.Wire())
			}
			return kinds
		}
		first := b.Clock.Now()
		settles, releases := sent("100"), sent("50")
		must(t, settled(t, b, sent("20"))) // one with an end
		ask(t, b, o.finance, refunding(p, "30"))
		b.Clock.Add(15*time.Minute - time.Microsecond)
		last := sent("7")
		wantFigure(t, b, models.FigureRefunds, 0, true, "")
		d := figures(t, b)
		if d.Refunds.Count != 3 || d.Refunds.AmountFen != 157*yuan || !d.Refunds.OldestAt.Equal(first) {
			t.Errorf("under way are %+v", d.Refunds)
		}
		b.Clock.Add(time.Microsecond)
		_, err := b.SendingRefund(t.Context(), settles.RequestNo)
		must(t, err)
		wantFigure(t, b, models.FigureRefunds, 2, true, models.LevelWarn)
		if open := judged(t, b); len(open) != 1 || open[0].Figure != models.FigureRefunds || open[0].Value != 2 {
			t.Errorf("alerts are %+v", open)
		}
		if got := under(); len(got) != 3 || got[0] != "refund 7.00" || got[2] != "refund 100.00" {
			t.Errorf("the list behind it shows %q", got)
		}
		must(t, settled(t, b, settles))
		wantFigure(t, b, models.FigureRefunds, 1, true, models.LevelWarn)
		_, err = b.ReleaseRefund(t.Context(), releases.RequestNo, "no")
		must(t, err)
		wantFigure(t, b, models.FigureRefunds, 0, true, "")
		if open := judged(t, b); len(open) != 0 {
			t.Errorf("all ended, and %+v", open)
		}
		must(t, settled(t, b, last))
		if d := figures(t, b); d.Refunds != (models.OpenRefunds{}) || len(under()) != 0 {
			t.Errorf("all ended, and under way are %+v", d.Refunds)
		}
	})
}
