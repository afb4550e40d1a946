package models_test

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// A difference ends as refunded by a refund of its own payment that is settled
// after it was found, and by nothing else.
func TestDifferenceEndsByARefundSince(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		short, fee, missing := recharge(t, b, account, 300*yuan), recharge(t, b, account, 300*yuan), recharge(t, b, account, 300*yuan)
		before := refunded(t, b, o, short, "10")
		must(t, settled(t, b, before)) // the bill does not name it: a difference of its own
		dayAfter(b)
		lines := []models.BillLine{line(b.Receipt(short)), line(b.Receipt(fee))}
		lines[0].AmountFen, lines[1].FeeFen = 299_00, -3_01
		day := reconcile(t, b, lines...)
		row := func(kind models.DifferenceKind, requestNo string) models.DifferenceView {
			t.Helper()
			_, rows := differences(t, b, day.ID)
			i := slices.IndexFunc(rows, func(d models.DifferenceView) bool { return d.Kind == kind && d.RequestNo == requestNo })
			if i < 0 {
				t.Fatalf("no %s in %+v", kind, rows)
			}
			return rows[i]
		}
		is := func(kind models.DifferenceKind, requestNo string, refundable, refunded bool) {
			t.Helper()
			d := row(kind, requestNo)
			if d.Refundable != refundable || d.Refunded != refunded {
				t.Errorf("%s %s: may be refunded %v, was %v", kind, requestNo, d.Refundable, d.Refunded)
			}
			if !refunded {
				err := b.CloseRefunded(t.Context(), o.finance, d.ID)
				wantCode(t, err, models.Conflict)
			}
		}
		b.Clock.Add(time.Hour)
		is(models.AmountDiffers, "", true, false)
		refused := refunded(t, b, o, short, "20")
		_, err := b.ReleaseRefund(t.Context(), refused.RequestNo, "no")
		must(t, err)
		since := refunded(t, b, o, short, "290") // the rest
		is(models.AmountDiffers, "", true, false)
		_, err = b.SendingRefund(t.Context(), since.RequestNo)
		must(t, err)
		is(models.AmountDiffers, "", true, false)
		must(t, settled(t, b, since))
		must(t, settled(t, b, refunded(t, b, o, fee, "300")))
		is(models.AmountDiffers, "", false, true)
		is(models.OnlyOurs, before.RequestNo, false, false) // another refund than that which it names
		is(models.FeeDiffers, "", false, false)
		is(models.OnlyOurs, "", true, false)
		id := row(models.AmountDiffers, "").ID
		var closing sync.WaitGroup
		ends := make([]error, 8)
		for i := range ends {
			closing.Go(func() { ends[i] = b.CloseRefunded(t.Context(), o.finance, id) })
		}
		closing.Wait()
		if n := len(slices.DeleteFunc(ends, func(err error) bool { return models.CodeOf(err) == models.Conflict })); n != 1 || errors.Join(ends...) != nil {
			t.Errorf("%d of eight ended it: %v", n, errors.Join(ends...))
		}
		wantCode(t, b.CloseRefunded(t.Context(), o.finance, id), models.Conflict)
		wantCode(t, b.CloseRefunded(t.Context(), o.finance, 4711), models.NotFound)
		d := row(models.AmountDiffers, "")
		if d.Resolution != models.Refunded || d.Note != since.RequestNo || *d.WorkedBy != o.finance.UserID || d.Refunded || d.IsOpen() {
			t.Errorf("it stands as %+v", d)
		}
		db, err := b.Handle()
		must(t, err)
		var acts int
		var after string
		must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*), MAX(after) FROM audit_log WHERE action = 'difference.work'").Scan(&acts, &after))
		if acts != 1 || after != "refunded: "+since.RequestNo {
			t.Errorf("%d acts are on the trail, %q", acts, after)
		}

		must(t, settled(t, b, refunded(t, b, o, missing, "1"))) // a part is enough
		is(models.OnlyOurs, "", true, true)

		// Run again it stays so, unless the amount changes: then it is found anew,
		// and what went back before that ends it no more.
		found := d.FoundAt
		b.Clock.Add(time.Hour)
		reconcile(t, b, lines...)
		if d := row(models.AmountDiffers, ""); d.Resolution != models.Refunded || !d.FoundAt.Equal(found) {
			t.Errorf("run again it is %+v", d)
		}
		lines[0].AmountFen = 298_00
		reconcile(t, b, lines...)
		is(models.AmountDiffers, "", false, false)
		if d := row(models.AmountDiffers, ""); !d.IsOpen() || !d.FoundAt.Equal(b.Clock.Now()) {
			t.Errorf("changed it is %+v", d)
		}
		b.Sound(t)
	})
}
