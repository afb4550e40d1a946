package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func draft(t testing.TB, b *modelstest.Bench, accountID int64, amount string) models.Payment {
	t.Helper()
	p, err := b.DraftRecharge(t.Context(), accountID, models.RechargeInput{Amount: amount, Method: "alipay"})
	must(t, err)
	return p
}

func expire(t testing.TB, b *modelstest.Bench, p models.Payment) {
	t.Helper()
	b.Clock.Set(*p.ExpiresAt)
	ended, err := b.ExpirePayment(t.Context(), p.No)
	must(t, err)
	if ended.State != models.PaymentExpired {
		t.Fatalf("the payment is %s", ended.State)
	}
}

// inState makes a payment that stands in the state.
func inState(t testing.TB, b *modelstest.Bench, accountID int64, state models.PaymentState) models.Payment {
	t.Helper()
	if state == models.PaymentDraft {
		return draft(t, b, accountID, "500")
	}
	p := b.Pending(t, accountID, "500")
	receipt := b.Receipt(p)
	switch state {
	case models.PaymentPaid:
		settle(t, b, receipt)
	case models.PaymentExpired:
		expire(t, b, p)
	case models.PaymentCancelled:
		_, err := b.CancelPayment(t.Context(), p.No)
		must(t, err)
	case models.PaymentFailed:
		receipt.AmountFen, receipt.Confirmed = receipt.AmountFen+1, true
		settle(t, b, receipt)
	}
	return wantState(t, b, p.No, state)
}

// Every command on a payment in every state that a command can bring about:
// where it ends, or how it is refused. The deadline is over.
func TestEveryCommandInEveryState(t *testing.T) {
	t.Parallel()
	const (
		refused = models.PaymentState("") // Conflict, nothing changes
		newOne  = models.PaymentState("a new payment")
	)
	states := []models.PaymentState{
		models.PaymentDraft, models.PaymentPending, models.PaymentPaid, models.PaymentExpired, models.PaymentCancelled, models.PaymentFailed,
	}
	commands := map[string]struct {
		run  func(*testing.T, *modelstest.Bench, models.Payment) (models.Payment, error)
		ends [6]models.PaymentState // in the order of states
	}{
		"confirm": {func(t *testing.T, b *modelstest.Bench, p models.Payment) (models.Payment, error) {
			return b.ConfirmPayment(t.Context(), p.AccountID, p.No, modelstest.Payee)
		}, [6]models.PaymentState{models.PaymentPending, models.PaymentPending, models.PaymentPaid, refused, refused, refused}},
		"cancel": {func(t *testing.T, b *modelstest.Bench, p models.Payment) (models.Payment, error) {
			return b.CancelPayment(t.Context(), p.No)
		}, [6]models.PaymentState{models.PaymentCancelled, models.PaymentCancelled, models.PaymentPaid, models.PaymentExpired, models.PaymentCancelled, models.PaymentFailed}},
		"expire": {func(t *testing.T, b *modelstest.Bench, p models.Payment) (models.Payment, error) {
			return b.ExpirePayment(t.Context(), p.No)
		}, [6]models.PaymentState{refused, models.PaymentExpired, models.PaymentPaid, models.PaymentExpired, models.PaymentCancelled, models.PaymentFailed}},
		"settle": {func(t *testing.T, b *modelstest.Bench, p models.Payment) (models.Payment, error) {
			if _, err := b.SettlePayment(t.Context(), b.Receipt(p), 0); err != nil {
				return p, err
			}
			return b.PaymentByNo(t.Context(), p.No)
		}, [6]models.PaymentState{models.PaymentPaid, models.PaymentPaid, models.PaymentPaid, models.PaymentPaid, models.PaymentPaid, models.PaymentFailed}},
		"resume": {func(t *testing.T, b *modelstest.Bench, p models.Payment) (models.Payment, error) {
			return b.ResumePayment(t.Context(), p.AccountID, p.No, modelstest.Payee)
		}, [6]models.PaymentState{refused, refused, refused, newOne, newOne, refused}},
	}
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		for name, command := range commands {
			for i, state := range states {
				t.Run(name+" "+string(state), func(t *testing.T) {
					p := inState(t, b, account, state)
					b.Clock.Add(b.Rules().PaymentTTL)
					got, err := command.run(t, b, p)
					switch want := command.ends[i]; want {
					case refused:
						wantCode(t, err, models.Conflict)
						wantState(t, b, p.No, state)
					case newOne:
						must(t, err)
						if got.No == p.No || got.State != models.PaymentPending || *got.ResumesID != p.ID {
							t.Errorf("resumed as %+v", got)
						}
						wantState(t, b, p.No, state)
					default:
						must(t, err)
						if got.No != p.No || got.State != want {
							t.Errorf("got %s %s, want %s", got.No, got.State, want)
						}
						wantState(t, b, p.No, want)
						if want != state && !state.MayBecome(want) {
							t.Errorf("%s became %s against the table of moves", state, want)
						}
					}
				})
				closeOpen(t, b, account)
			}
		}
		b.Sound(t)
	})
}

// closeOpen cancels what is still open, so that the next wish is a new one.
func closeOpen(t *testing.T, b *modelstest.Bench, accountID int64) {
	t.Helper()
	payments, _, err := b.Payments(t.Context(), accountID, models.PaymentFilter{}, models.Keyset{})
	must(t, err)
	for _, p := range payments {
		if p.State.IsOpen() {
			_, err := b.CancelPayment(t.Context(), p.No)
			must(t, err)
		}
	}
}

func TestMovesOfAPayment(t *testing.T) {
	t.Parallel()
	allowed := map[models.PaymentState]string{
		models.PaymentDraft:             "pending cancelled paid",
		models.PaymentPending:           "paid expired cancelled failed",
		models.PaymentExpired:           "paid failed",
		models.PaymentCancelled:         "paid failed",
		models.PaymentFailed:            "paid",
		models.PaymentPaid:              "partially_refunded refunded",
		models.PaymentPartiallyRefunded: "refunded",
		models.PaymentRefunded:          "",
	}
	for _, from := range models.PaymentStates {
		for _, to := range models.PaymentStates {
			want := slices.Contains(strings.Fields(allowed[from]), string(to))
			if got := from.MayBecome(to); got != want {
				t.Errorf("%s to %s: %v, want %v", from, to, got, want)
			}
		}
	}
}

func TestOneWishIsOnePayment(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		first := draft(t, b, account, "500")
		if again := draft(t, b, account, "￥５００．００"); again.No != first.No {
			t.Errorf("typed again: %s, want %s", again.No, first.No)
		}
		if other := draft(t, b, account, "501"); other.No == first.No {
			t.Error("another amount got the same payment")
		}
		p, err := b.ConfirmPayment(t.Context(), account, first.No, modelstest.Payee)
		must(t, err)
		if again := draft(t, b, account, "500"); again.No != p.No || again.State != models.PaymentPending {
			t.Errorf("while it waits to be paid: %+v", again)
		}
		b.Clock.Set(*p.ExpiresAt)
		if late := draft(t, b, account, "500"); late.No == p.No {
			t.Error("a payment whose deadline is over was offered again")
		}
		other, _ := b.Seller(t)
		if theirs := draft(t, b, other, "501"); theirs.AccountID != other {
			t.Error("two sellers share a draft")
		}
	})
}

func TestTwoTabsAtOnceMakeOnePayment(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		nos := atOnce(20, func() models.Outcome {
			p, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "500", Method: "alipay"})
			if err != nil {
				return models.Outcome(err.Error())
			}
			return models.Outcome(p.No)
		})
		if len(nos) != 1 {
			t.Errorf("20 tabs got %v", nos)
		}
		payments, _, err := b.Payments(t.Context(), account, models.PaymentFilter{}, models.Keyset{})
		if err != nil || len(payments) != 1 {
			t.Errorf("%d payments, %v", len(payments), err)
		}
	})
}

func TestConfirmingTwiceIsConfirmingOnce(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		d := draft(t, b, account, "500")
		now := b.Clock.Now()
		first, err := b.ConfirmPayment(t.Context(), account, d.No, modelstest.Payee)
		must(t, err)
		if first.State != models.PaymentPending || !first.ExpiresAt.Equal(now.Add(30*time.Minute)) || first.Payee != modelstest.Payee {
			t.Errorf("confirmed: %+v", first)
		}
		b.Clock.Add(time.Minute)
		again, err := b.ConfirmPayment(t.Context(), account, d.No, "2088000000000002")
		must(t, err)
		if again.No != first.No || !again.ExpiresAt.Equal(*first.ExpiresAt) || again.Payee != modelstest.Payee {
			t.Errorf("confirmed again: %+v", again)
		}
		wantWatch(t, b, first)
		if desk(t, b, account).Account.LastMethod != models.RailAlipay {
			t.Error("the method is not remembered")
		}
	})
}

// wantWatch wants one pair of tasks for a payment that was sent.
func wantWatch(t *testing.T, b *modelstest.Bench, p models.Payment) {
	t.Helper()
	var expiries, queries []models.Task
	for _, task := range b.Queue.Tasks() {
		switch task.Args {
		case models.ExpirePayment{PaymentNo: p.No}:
			expiries = append(expiries, task)
		case models.QueryPayment{PaymentNo: p.No}:
			queries = append(queries, task)
		}
	}
	if len(expiries) != 1 || !expiries[0].RunAt.Equal(*p.ExpiresAt) {
		t.Errorf("expiries: %v", expiries)
	}
	if len(queries) != 1 || !queries[0].RunAt.Equal(p.ConfirmedAt.Add(models.QueryDelays[0])) {
		t.Errorf("queries: %v", queries)
	}
}

func TestConfirmingAtOnceIsConfirmingOnce(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		d := draft(t, b, account, "500")
		states := atOnce(20, func() models.Outcome {
			p, err := b.ConfirmPayment(t.Context(), account, d.No, modelstest.Payee)
			return models.Outcome(fmt.Sprintf("%s %v", p.State, err))
		})
		if states["pending <nil>"] != 20 {
			t.Errorf("20 confirmations: %v", states)
		}
		if events := timeline(t, b, account); !slices.Equal(events, []models.EventKind{models.EventRechargeConfirmed}) {
			t.Errorf("timeline: %v", events)
		}
	})
}

func TestAnotherSellersPaymentIsNotThere(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		other, _ := b.Seller(t)
		d := draft(t, b, account, "500")
		for _, no := range []string{d.No, "R26112400000000000000", "", "\x00", "\xff", strings.Repeat("R", 5000)} {
			_, err := b.OwnPayment(t.Context(), other, no)
			wantCode(t, err, models.NotFound)
			_, err = b.ConfirmPayment(t.Context(), other, no, modelstest.Payee)
			wantCode(t, err, models.NotFound)
			_, err = b.ResumePayment(t.Context(), other, no, modelstest.Payee)
			wantCode(t, err, models.NotFound)
			_, err = b.PaymentDesk(t.Context(), other, no)
			wantCode(t, err, models.NotFound)
			if no != d.No {
				_, err = b.PaymentByNo(t.Context(), no)
				wantCode(t, err, models.NotFound)
				_, err = b.ExpirePayment(t.Context(), no)
				wantCode(t, err, models.NotFound)
			}
		}
		wantState(t, b, d.No, models.PaymentDraft)
	})
}

func TestExpiryIsNotBeforeTheDeadline(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "500")
		b.Clock.Set(p.ExpiresAt.Add(-time.Microsecond))
		_, err := b.ExpirePayment(t.Context(), p.No)
		wantCode(t, err, models.Conflict)
		wantState(t, b, p.No, models.PaymentPending)
		expire(t, b, p)
		again, err := b.ExpirePayment(t.Context(), p.No)
		if err != nil || !again.ExpiredAt.Equal(*p.ExpiresAt) {
			t.Errorf("expired again: %+v, %v", again, err)
		}
		if queries := tasksOf(b, "query_payment"); len(queries) != 2 || !queries[1].RunAt.After(*p.ExpiresAt) {
			t.Errorf("the gateway is not asked once more after the end: %v", queries)
		}
	})
}

func TestResumeNamesTheOldPayment(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		old := b.Pending(t, account, "500")
		expire(t, b, old)
		next, err := b.ResumePayment(t.Context(), account, old.No, modelstest.Payee)
		must(t, err)
		if next.No == old.No || next.AmountFen != old.AmountFen || next.Rail != old.Rail || *next.ResumesID != old.ID {
			t.Errorf("resumed as %+v", next)
		}
		if !next.ExpiresAt.Equal(b.Clock.Now().Add(b.Rules().PaymentTTL)) {
			t.Errorf("the new deadline is %v", next.ExpiresAt)
		}
		wantWatch(t, b, next)
		d, err := b.PaymentDesk(t.Context(), account, next.No)
		if err != nil || d.Resumes != old.No || d.ResumedBy != "" {
			t.Errorf("the new one's page: resumes %q, resumed by %q, %v", d.Resumes, d.ResumedBy, err)
		}
		d, err = b.PaymentDesk(t.Context(), account, old.No)
		if err != nil || d.Resumes != "" || d.ResumedBy != next.No {
			t.Errorf("the old one's page: resumes %q, resumed by %q, %v", d.Resumes, d.ResumedBy, err)
		}
		// Both paid all the same: both are credited.
		settle(t, b, b.Receipt(next))
		if got := settle(t, b, b.Receipt(old)); got != models.OutcomeLate {
			t.Errorf("the old one, paid late: %s", got)
		}
		wantFunds(t, b, account, 1000*yuan, 0)
		b.Sound(t)
	})
}

func TestResumeOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for range 3 {
			account, _ := b.Seller(t)
			old := b.Pending(t, account, "500")
			expire(t, b, old)
			nos := atOnce(20, func() models.Outcome {
				p, err := b.ResumePayment(t.Context(), account, old.No, modelstest.Payee)
				if err != nil {
					return models.Outcome(err.Error())
				}
				return models.Outcome(p.No)
			})
			if len(nos) != 1 {
				t.Errorf("20 resumes made %v", nos)
			}
			payments, _, err := b.Payments(t.Context(), account, models.PaymentFilter{}, models.Keyset{})
			if err != nil || len(payments) != 2 {
				t.Errorf("%d payments, %v", len(payments), err)
			}
		}
	})
}

func TestRefusedRechargesStandOnTheirFields(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		for _, c := range []struct{ amount, method, field, key string }{
			{"", "alipay", "amount", "error.amount.empty"},
			{"abc", "alipay", "amount", "error.amount.not_a_number"},
			{"199.99", "alipay", "amount", "error.amount.too_small"},
			{"500000.01", "alipay", "amount", "error.amount.too_large"},
			{"500", "", "method", "error.method.empty"},
			{"500", "cash", "method", "error.method.unknown"},
			{"-5", "cash", "amount", "error.amount.negative"}, // both are said
			{"-5", "cash", "method", "error.method.unknown"},
		} {
			_, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: c.amount, Method: c.method})
			wantField(t, err, c.field, c.key)
			wantCode(t, err, models.Invalid)
		}
		payments, _, err := b.Payments(t.Context(), account, models.PaymentFilter{}, models.Keyset{})
		if err != nil || len(payments) != 0 {
			t.Errorf("%d payments were stored, %v", len(payments), err)
		}
		for _, amount := range []string{"200", "500,000.00"} {
			draft(t, b, account, amount)
		}
		_, err = b.DraftRecharge(t.Context(), 999999, models.RechargeInput{Amount: "500", Method: "alipay"})
		wantCode(t, err, models.NotFound)
	})
}

func TestNotesOnAPendingPayment(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "500")
		since := b.Clock.Now()
		must(t, b.NoteChecking(t.Context(), p.No, true))
		b.Clock.Add(time.Minute)
		must(t, b.NoteChecking(t.Context(), p.No, true))
		must(t, b.SetQR(t.Context(), p.No, "https://qr.test/1"))
		p = wantState(t, b, p.No, models.PaymentPending)
		if p.CheckingSince == nil || !p.CheckingSince.Equal(since) || p.QRContent != "https://qr.test/1" {
			t.Errorf("noted: %+v", p)
		}
		must(t, b.NoteChecking(t.Context(), p.No, false))
		if p = wantState(t, b, p.No, models.PaymentPending); p.CheckingSince != nil {
			t.Errorf("still checking since %v", p.CheckingSince)
		}
		must(t, b.NoteChecking(t.Context(), p.No, true))
		settle(t, b, b.Receipt(p))
		if p = wantState(t, b, p.No, models.PaymentPaid); p.CheckingSince != nil {
			t.Errorf("paid, and still checking since %v", p.CheckingSince)
		}
		must(t, b.NoteChecking(t.Context(), p.No, true))
		must(t, b.SetQR(t.Context(), p.No, "other"))
		if p = wantState(t, b, p.No, models.PaymentPaid); p.CheckingSince != nil || p.QRContent != "https://qr.test/1" {
			t.Errorf("a paid payment was noted on: %+v", p)
		}
	})
}

func TestInboxKeepsWhatCame(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "500")
		body := []byte("raw\x00\xff bytes")
		id, err := b.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.7", "Content-Type: \xff\x00text", body)
		must(t, err)
		outcome, err := b.SettlePayment(t.Context(), b.Receipt(p), id)
		if err != nil || outcome != models.OutcomeSettled {
			t.Fatal(outcome, err)
		}
		refused, err := b.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.7", "", body)
		must(t, err)
		must(t, b.JudgeNotify(t.Context(), refused, models.OutcomeRefused, p.No, "signature \xff\x00"+strings.Repeat("x", 600)))
		rows, err := b.Notifies(t.Context(), p.No)
		must(t, err)
		if len(rows) != 2 || rows[0].Verdict != string(models.OutcomeSettled) || rows[1].Verdict != string(models.OutcomeRefused) {
			t.Fatalf("inbox: %+v", rows)
		}
		if string(rows[0].Body) != string(body) || rows[0].JudgedAt == nil || len(rows[1].Detail) > 500 {
			t.Errorf("inbox: %+v", rows)
		}
		must(t, b.NoteQuery(t.Context(), p.ID, "poll", "waiting", ""))
		b.Clock.Add(time.Second)
		must(t, b.NoteQuery(t.Context(), p.ID, "seller", "unavailable", "\xff"))
		findings, err := b.Findings(t.Context(), p.ID, 5)
		if err != nil || len(findings) != 2 || findings[0].AskedBy != "seller" || findings[1].Answer != "waiting" {
			t.Errorf("findings: %+v, %v", findings, err)
		}
	})
}

// What the payer never opened could not be closed at the gateway: it can be
// paid until its deadline, so it is asked about after that as well.
func TestACancelledPaymentIsAskedAboutUntilItsDeadlineIsOver(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "500")
		before := len(b.Queue.Tasks())
		_, err := b.CancelPayment(t.Context(), p.No)
		must(t, err)
		last := time.Time{}
		for _, task := range b.Queue.Tasks()[before:] {
			if ask, ok := task.Args.(models.QueryPayment); ok && ask.PaymentNo == p.No && task.RunAt.After(last) {
				last = task.RunAt
			}
		}
		if !last.After(*p.ExpiresAt) {
			t.Errorf("asked for the last time at %v, it can be paid until %v", last, p.ExpiresAt)
		}
	})
}

func TestDiscardDraftLeavesAConfirmedPaymentAlone(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "500")
		got, err := b.DiscardDraft(t.Context(), p.No)
		if err != nil || got.State != models.PaymentPending {
			t.Errorf("%s, %v", got.State, err)
		}
		wantState(t, b, p.No, models.PaymentPending)
	})
}
