package gateways_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// twoRails is the desk with a second rail beside Alipay, a double of WeChat Pay.
type twoRails struct {
	*desk
	other *gatewaystest.Double
}

func eachTwoRails(t *testing.T, test func(*testing.T, *twoRails)) {
	t.Helper()
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		d := &twoRails{newDesk(t, b), gatewaystest.NewDouble(models.RailWechat)}
		d.rails.By[models.RailWechat] = d.other
		b.SetMethods(d.rails,
			models.NewMethod(models.RailAlipay, 100*models.Yuan, 500_000*models.Yuan), models.NewMethod(models.RailWechat, 100*models.Yuan, 50_000*models.Yuan))
		test(t, d)
	})
}

func (d *twoRails) draft(t *testing.T, method string, amount models.Fen) models.Payment {
	t.Helper()
	p, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: amount.Wire(), Method: method})
	must(t, err)
	return p
}

func (d *twoRails) confirm(t *testing.T, no string) (models.Payment, gateways.Checkout, error) {
	t.Helper()
	return d.rails.Confirm(t.Context(), d.account, no, subject(no), gateways.Payer{})
}

// refused wants a payment that is a draft still, of a method that fails.
func (d *twoRails) refused(t *testing.T, no string) {
	t.Helper()
	_, _, err := d.confirm(t, no)
	var fields models.FieldErrors
	if !errors.As(err, &fields) || fields.On("method") == nil || fields.On("method").Key != "error.method.failing" {
		t.Fatalf("it is not refused: %v", err)
	}
	if p, err := d.PaymentByNo(t.Context(), no); err != nil || p.State != models.PaymentDraft {
		t.Errorf("it is %s, %v", p.State, err)
	}
}

func TestAFailingRailTakesNoNewPaymentUntilItAnswers(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		waits := d.draft(t, "alipay", 999*models.Yuan)
		first := d.confirmed(t)
		d.far.CutOff(true)
		var sent []models.Payment
		for i := range 5 { // the cashier's address needs no network; its QR code does
			p, checkout, err := d.confirm(t, d.draft(t, "alipay", models.Fen(201+i)*models.Yuan).No)
			must(t, err)
			if checkout.RedirectURL == "" || p.State != models.PaymentPending {
				t.Fatalf("confirmed to %+v, %s", checkout, p.State)
			}
			sent = append(sent, p)
		}
		if again := d.rails.TryAgainAt(models.RailAlipay); !again.Equal(d.Clock.Now().Add(30 * time.Second)) {
			t.Fatalf("it is tried again at %s", again)
		}
		before := len(d.far.Calls())
		d.refused(t, waits.No)
		if n := len(d.far.Calls()); n != before {
			t.Errorf("%d calls were made for a refused payment", n-before)
		}
		if m := d.method(t, models.RailAlipay); m.IsOpen() || m.Refusal().Key != "error.method.failing" {
			t.Errorf("it is offered as %+v", m)
		}
		if m := d.method(t, models.RailWechat); !m.IsOpen() {
			t.Errorf("another rail is held back too: %+v", m)
		}
		d.noted(t, models.RailAlipay, true)

		// Money goes on as ever: the way is given again, and a notify is settled.
		if _, checkout, err := d.confirm(t, first.No); err != nil || checkout.RedirectURL == "" {
			t.Errorf("a pending payment is held back: %+v, %v", checkout, err)
		}
		d.far.CutOff(false)
		d.pay(t, first, sandbox.FaultNone)
		d.becomes(t, first, models.PaymentPaid)

		// An answer before its time changes nothing; one after it does.
		_, err := d.rails.Ask(t.Context(), sent[1].No, gateways.ByPoll)
		must(t, err)
		d.refused(t, waits.No)
		d.Clock.Add(30 * time.Second)
		_, err = d.rails.Ask(t.Context(), sent[1].No, gateways.ByPoll)
		must(t, err)
		d.noted(t, models.RailAlipay, false)
		if p, _, err := d.confirm(t, waits.No); err != nil || p.State != models.PaymentPending {
			t.Errorf("it answers, and the payment is %s, %v", p.State, err)
		}
		d.Sound(t)
	})
}

// method is one of the methods as they are offered now.
func (d *twoRails) method(t *testing.T, rail models.Rail) models.Method {
	t.Helper()
	read, err := d.RechargeDesk(t.Context(), d.account)
	must(t, err)
	return read.Methods[slices.IndexFunc(read.Methods, func(m models.Method) bool { return m.Rail == rail })]
}

// noted wants staff to see that a rail fails, or works.
func (d *twoRails) noted(t *testing.T, rail models.Rail, failing bool) {
	t.Helper()
	states, err := d.MethodStates(t.Context())
	must(t, err)
	for _, s := range states {
		if s.Rail == rail && (s.FailingSince != nil) != failing {
			t.Errorf("staff see %+v", s)
		}
	}
}

func TestTheRailIsTriedByOnePaymentAndLeftAloneForLonger(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		d.other.Fail(gateways.ErrUnavailable)
		for i := range 5 {
			p, _, err := d.confirm(t, d.draft(t, "wechat", models.Fen(201+i)*models.Yuan).No)
			wantCode(t, err, models.Unavailable)
			if p.State != models.PaymentPending {
				t.Errorf("it is %s", p.State)
			}
		}
		first, second := d.draftLater(t, 301), d.draftLater(t, 302)
		d.Clock.Add(30 * time.Second)
		_, _, err := d.confirm(t, first.No) // the try, in vain
		wantCode(t, err, models.Unavailable)
		d.refused(t, second.No)
		if again := d.rails.TryAgainAt(models.RailWechat); !again.Equal(d.Clock.Now().Add(time.Minute)) {
			t.Errorf("it is tried again at %s", again)
		}
		d.Clock.Add(time.Minute)
		d.other.Fail(nil)
		for _, p := range []models.Payment{second, d.draft(t, "wechat", 303*models.Yuan)} {
			if _, checkout, err := d.confirm(t, p.No); err != nil || checkout.QRContent == "" {
				t.Errorf("it answers, and %+v, %v", checkout, err)
			}
		}
	})
}

// draftLater is a draft on the failing double: drafts of before stand, and the
// form makes no new ones meanwhile.
func (d *twoRails) draftLater(t *testing.T, yuan int) models.Payment {
	t.Helper()
	d.SetMethods(nil, d.Methods()...)
	defer d.SetMethods(d.rails, d.Methods()...)
	return d.draft(t, "wechat", models.Fen(yuan)*models.Yuan)
}

func TestAnswersAndCallersWhoLeaveAreNoFailures(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		p := d.draft(t, "wechat", asked)
		_, _, err := d.confirm(t, p.No)
		must(t, err)
		open := func(what string) {
			t.Helper()
			if again := d.rails.TryAgainAt(models.RailWechat); !again.IsZero() {
				t.Fatalf("%s: it is tried again at %s", what, again)
			}
		}
		for _, answer := range []error{gateways.ErrNotExist, gateways.ErrRefused} {
			d.other.Fail(answer)
			for range 12 {
				_, err := d.rails.Ask(t.Context(), p.No, gateways.BySeller)
				if errors.Is(answer, gateways.ErrNotExist) {
					must(t, err)
				}
			}
			open(answer.Error())
		}
		d.other.Fail(gateways.ErrUnavailable)
		before := d.other.Calls("query")
		for range 12 {
			left, leave := context.WithCancel(t.Context())
			d.other.During(func(string) { leave() })
			if _, err := d.rails.Ask(left, p.No, gateways.BySeller); err == nil {
				t.Error("an answer was kept for who left")
			}
		}
		d.other.During(nil)
		if n := d.other.Calls("query") - before; n != 12 {
			t.Errorf("%d of 12 were asked", n)
		}
		open("the callers left")
		for range 12 {
			_, err := d.rails.Ask(t.Context(), p.No, gateways.ByPoll)
			wantCode(t, err, models.Unavailable)
		}
		open("nobody waits for a poll")
		for range 5 {
			_, err := d.rails.Ask(t.Context(), p.No, gateways.BySeller)
			wantCode(t, err, models.Unavailable)
		}
		if d.rails.TryAgainAt(models.RailWechat).IsZero() {
			t.Error("five sellers waited in vain, and it does not fail")
		}
		// The gateway is asked all the same: money never waits for a breaker.
		before = d.other.Calls("query")
		d.other.Fail(nil)
		receipt := d.Receipt(p)
		receipt.Payee = d.other.Payee()
		d.other.Pay(receipt)
		_, err = d.rails.Ask(t.Context(), p.No, gateways.BySeller)
		must(t, err)
		if d.other.Calls("query") != before+1 {
			t.Error("a seller's question was held back")
		}
		d.is(t, p, models.PaymentPaid)
	})
}

// A rail that opens payments without its gateway proves nothing by that: once it
// may be tried, all may pass, until somebody asks.
func TestAnOpeningWithoutACallProvesNothing(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		d.other.NoQR()
		pending := d.draft(t, "wechat", asked)
		_, _, err := d.confirm(t, pending.No)
		must(t, err)
		d.other.Fail(gateways.ErrUnavailable)
		for range 5 {
			_, err := d.rails.Ask(t.Context(), pending.No, gateways.BySeller)
			wantCode(t, err, models.Unavailable)
		}
		first, second, third := d.draftLater(t, 301), d.draftLater(t, 302), d.draftLater(t, 303)
		d.refused(t, first.No)
		d.Clock.Add(30 * time.Second)
		for _, p := range []models.Payment{first, second} {
			if _, checkout, err := d.confirm(t, p.No); err != nil || checkout.Form == nil {
				t.Errorf("opened as %+v, %v", checkout, err)
			}
		}
		d.noted(t, models.RailWechat, true)
		_, err = d.rails.Ask(t.Context(), pending.No, gateways.ByPoll) // the background finds out
		wantCode(t, err, models.Unavailable)
		d.refused(t, third.No)
		if again := d.rails.TryAgainAt(models.RailWechat); !again.Equal(d.Clock.Now().Add(time.Minute)) {
			t.Errorf("it is tried again at %s", again)
		}
	})
}

func TestManySellersMeetAFailingRailAtOnce(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		var drafts []models.Payment
		for i := range 24 {
			drafts = append(drafts, d.draft(t, "wechat", models.Fen(201+i)*models.Yuan))
		}
		d.other.Fail(gateways.ErrUnavailable)
		for i := range 5 {
			_, _, err := d.confirm(t, drafts[i].No)
			wantCode(t, err, models.Unavailable)
		}
		d.Clock.Add(30 * time.Second)
		before := d.other.Calls("open")
		var all sync.WaitGroup
		for _, p := range drafts[5:] {
			all.Go(func() {
				_, _, err := d.rails.Confirm(t.Context(), d.account, p.No, subject(p.No), gateways.Payer{})
				if err == nil {
					t.Error("the gateway is down, and a payment was opened")
				}
			})
			all.Go(func() { d.rails.TryAgainAt(models.RailWechat) })
		}
		all.Wait()
		if n := d.other.Calls("open") - before; n != 1 {
			t.Errorf("%d payments tried the rail at once", n)
		}
		states := map[models.PaymentState]int{}
		for _, p := range drafts {
			stands, err := d.PaymentByNo(t.Context(), p.No)
			must(t, err)
			states[stands.State]++
		}
		if got := fmt.Sprint(states); got != "map[draft:18 pending:6]" {
			t.Errorf("they are %s", got)
		}
		d.noted(t, models.RailWechat, true)
		d.Sound(t)
	})
}

func TestASwitchedOffRailGivesItsTryBack(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		p := d.draft(t, "wechat", asked)
		ended := d.draft(t, "wechat", 2*asked)
		_, _, err := d.confirm(t, ended.No)
		must(t, err)
		asks, _ := d.Office(t)
		must(t, d.SwitchMethod(t.Context(), asks, models.MethodSwitch{Rail: models.RailWechat, Off: true, Reason: "moved away"}))
		var fields models.FieldErrors
		if _, _, err := d.confirm(t, p.No); !errors.As(err, &fields) || fields.On("method").Key != "error.method.off" {
			t.Errorf("confirmed on a rail that is off: %v", err)
		}
		// Resume must not end the old one when it can't make the new.
		if _, err := d.rails.Resume(t.Context(), d.account, ended.No, subject, gateways.Payer{}); !errors.As(err, &fields) || d.other.Calls("close") != 0 {
			t.Errorf("resumed on a rail that is off: %v", err)
		}
		d.is(t, ended, models.PaymentPending)
		if _, _, err := d.confirm(t, ended.No); err != nil {
			t.Errorf("a pending one is held back: %v", err)
		}
		if d.other.Calls("open") != 2 {
			t.Errorf("opened %d times", d.other.Calls("open"))
		}
	})
}

func TestChangeOfMethod(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		change := func(p models.Payment, method string) models.Payment {
			t.Helper()
			next, err := d.rails.ChangeMethod(t.Context(), d.account, p.No, method)
			must(t, err)
			return next
		}
		draft := d.draft(t, "wechat", asked)
		next := change(draft, "alipay")
		if next.No == draft.No || next.Rail != models.RailAlipay || next.AmountFen != asked || next.State != models.PaymentDraft {
			t.Errorf("changed to %+v", next)
		}
		d.is(t, draft, models.PaymentCancelled)
		if again := change(next, "alipay"); again.No != next.No {
			t.Errorf("changed to what it is: %+v", again)
		}
		if again := change(draft, "alipay"); again.No != draft.No {
			t.Errorf("changed after its end: %+v", again)
		}
		for _, wrong := range []string{"", "paypal", "unionpay"} {
			stands, err := d.rails.ChangeMethod(t.Context(), d.account, next.No, wrong)
			wantCode(t, err, models.Invalid)
			if stands.No != next.No || d.is(t, next, models.PaymentDraft).Rail != models.RailAlipay {
				t.Errorf("%q changed it to %+v", wrong, stands)
			}
		}
		_, err := d.rails.ChangeMethod(t.Context(), d.account+1, next.No, "wechat")
		wantCode(t, err, models.NotFound)

		// A pending one is closed at its gateway first.
		pending, _, err := d.confirm(t, next.No)
		must(t, err)
		_, err = d.far.Scan(t.Context(), pending.QRContent)
		must(t, err)
		other := change(pending, "wechat")
		trade, err := d.far.Trade(t.Context(), pending.No)
		must(t, err)
		if other.Rail != models.RailWechat || other.State != models.PaymentDraft || trade.Status != sandbox.StatusClosed {
			t.Errorf("changed to %+v, the old trade is %s", other, trade.Status)
		}
		d.is(t, pending, models.PaymentCancelled)
	})
}

func TestChangeOfMethodWhenTheOldIsPaidOrCannotBeAsked(t *testing.T) {
	eachTwoRails(t, func(t *testing.T, d *twoRails) {
		paid := d.scanned(t)
		d.pay(t, paid, sandbox.FaultNotifyLost)
		stands, err := d.rails.ChangeMethod(t.Context(), d.account, paid.No, "wechat")
		must(t, err)
		if stands.No != paid.No || stands.State != models.PaymentPaid || d.payments(t) != 2 {
			t.Errorf("it is paid, and %+v", stands)
		}
		d.balance(t, full)

		silent := d.confirmedOver(t, 2*asked)
		d.far.CutOff(true)
		next, err := d.rails.ChangeMethod(t.Context(), d.account, silent.No, "wechat")
		must(t, err)
		if next.Rail != models.RailWechat || next.State != models.PaymentDraft {
			t.Errorf("changed to %+v", next)
		}
		if p := d.is(t, silent, models.PaymentPending); p.CheckingSince == nil {
			t.Error("nothing says that the old one is being checked")
		}
		// Paid after all, and the other way too: both are credited.
		d.far.CutOff(false)
		d.pay(t, silent, sandbox.FaultNone)
		d.becomes(t, silent, models.PaymentPaid)
		d.Sound(t)
	})
}
