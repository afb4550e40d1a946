package models_test

import (
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// count reads one number without the Store's code between.
func count(t testing.TB, b *modelstest.Bench, query string) (n int) {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	must(t, db.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}

// inbox stores a notify and writes its verdict, none for "".
func inbox(t testing.TB, b *modelstest.Bench, verdict models.Outcome, paymentNo string) {
	t.Helper()
	id, err := b.ReceiveNotify(t.Context(), models.RailAlipay, "203.0.113.7", "{}", []byte("body"))
	must(t, err)
	if verdict != "" {
		must(t, b.JudgeNotify(t.Context(), id, verdict, paymentNo, ""))
	}
}

func TestUnverifiedNotifiesAreForgottenAfterNinetyDays(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for range 1001 { // more than two parts
			inbox(t, b, models.OutcomeRefused, "")
		}
		inbox(t, b, "", "")
		inbox(t, b, models.OutcomeRefused, "R261124AAAAAAAAAAAAAA")
		inbox(t, b, models.OutcomeUnsettled, "R261124AAAAAAAAAAAAAA")
		inbox(t, b, models.OutcomeSuspense, "R261124BBBBBBBBBBBBBB")
		b.Clock.Add(90 * 24 * time.Hour)
		inbox(t, b, models.OutcomeRefused, "")
		must(t, b.ForgetOld(t.Context()))
		if n := count(t, b, "SELECT COUNT(*) FROM notify_inbox"); n != 1006 {
			t.Errorf("on the ninetieth day %d are kept", n)
		}
		b.Clock.Add(time.Second)
		must(t, b.ForgetOld(t.Context()))
		if n := count(t, b, "SELECT COUNT(*) FROM notify_inbox WHERE payment_no = ''"); n != 1 {
			t.Errorf("%d of no payment are kept, want the new one", n)
		}
		if n := count(t, b, "SELECT COUNT(*) FROM notify_inbox WHERE payment_no <> ''"); n != 3 {
			t.Errorf("%d of a payment are kept, want all", n)
		}
	})
}

func TestOldSignInsAreForgotten(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		user(t, b, "a@shop.test")
		left, err := signIn(t, b, "a@shop.test", rightPassword, "203.0.113.1")
		must(t, err)
		over, err := signIn(t, b, "a@shop.test", rightPassword, "203.0.113.2")
		must(t, err)
		_, err = signIn(t, b, "a@shop.test", "wrong enough", "203.0.113.3")
		if models.CodeOf(err) != models.Unauthenticated {
			t.Fatal(err)
		}
		must(t, b.SignOut(t.Context(), left, "192.0.2.1"))
		b.Clock.Add(30*24*time.Hour + time.Second)
		stays, err := signIn(t, b, "a@shop.test", rightPassword, "203.0.113.4")
		must(t, err)
		must(t, b.ForgetOld(t.Context()))
		if n := count(t, b, "SELECT COUNT(*) FROM sign_in_attempts"); n != 1 {
			t.Errorf("%d tries are kept after a month, want the new one", n)
		}
		if n := count(t, b, "SELECT COUNT(*) FROM sessions"); n != 3 {
			t.Errorf("%d sessions are kept after a month, want all", n)
		}
		who, err := b.WhoIs(t.Context(), stays)
		if err != nil || who == nil {
			t.Errorf("the open session is gone: %v", err)
		}
		b.Clock.Add(60 * 24 * time.Hour) // the one that was left is over for ninety days
		must(t, b.ForgetOld(t.Context()))
		if n := count(t, b, "SELECT COUNT(*) FROM sessions WHERE revoked_at IS NOT NULL"); n != 0 {
			t.Errorf("%d sessions that were left are kept", n)
		}
		b.Clock.Add(b.Rules().SessionTTL + 30*24*time.Hour + time.Second)
		must(t, b.ForgetOld(t.Context()))
		if n := count(t, b, "SELECT COUNT(*) FROM sessions"); n != 0 {
			t.Errorf("%d sessions that ended are kept", n)
		}
		wantNobody(t, b, over)
		if acts := count(t, b, "SELECT COUNT(*) FROM audit_log WHERE action = 'session.open'"); acts != 3 {
			t.Errorf("%d sign-ins are on the audit trail, want all", acts)
		}
	})
}
