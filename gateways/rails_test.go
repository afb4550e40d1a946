package gateways_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// What breaks between a gateway and us, and the right behaviour: each row that
// concerns Alipay.
func TestRows(t *testing.T) {
	rows := []struct {
		name string
		test func(*testing.T, *desk)
	}{
		{"notify lost: a poll finds it", faultNotifyLost},
		{"notify duplicated, at once: credited once, success to all", duplicatedAtOnce},
		{"notify before return", notifyBeforeReturn},
		{"return before notify", returnBeforeNotify},
		{"return replayed", returnReplayed},
		{"return forged or with parameters of its own", returnForged},
		{"return while the gateway is down", returnWhileDown},
		{"expiry: paid is settled", expiryOfPaid},
		{"expiry: waiting is closed at the gateway first", expiryOfWaiting},
		{"expiry: ended there by its own deadline", expiryOfClosed},
		{"expiry: close says paid", closeSaysPaid},
		{"expiry: never seen there", expiryOfNeverSeen},
		{"expiry: the gateway can't be asked, then it can", expiryWhileDown},
		{"expiry: the gateway can't be told, then it can", closeWhileDown},
		{"expiry: not before the deadline", expiryTooEarly},
		{"paid after we closed: late", paidAfterCancel},
		{"paid twice: two payments, both credited", twoPaymentsPaid},
		{"paid twice: the resumed and its successor", resumedBothPaid},
		{"query says not exist before the deadline: not final", notExistIsNotFinal},
		{"cancel: a draft needs no gateway", cancelDraft},
		{"cancel: paid meanwhile", cancelOfPaid},
		{"gateway down at confirm: no QR, the button works", confirmWhileDown},
		{"confirm again gives the way again", confirmAgain},
		{"resume: the old one is closed at the gateway first", resumePending},
		{"resume: the cancelled one is open at the gateway", resumeOfCancelledThatIsOpenThere},
		{"resume: the old one was paid meanwhile", resumeOfPaid},
		{"resume: the expired one was paid all the same", resumeOfPaidLate},
		{"resume while the gateway is down", resumeWhileDown},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			eachDesk(t, row.test)
		})
	}
}

func duplicatedAtOnce(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyLost)
	body := d.signed(t, d.notice(t, p.No))
	var sending sync.WaitGroup
	for range 16 {
		sending.Go(func() { wantAnswer(t, d.send(t, body), "success") })
	}
	sending.Wait()
	d.is(t, p, models.PaymentPaid)
	settled := 0
	for _, verdict := range d.verdicts(t, p.No) {
		if verdict == "settled" {
			settled++
		}
	}
	if settled != 1 {
		t.Errorf("%d of the notifies settled", settled)
	}
	d.balance(t, full)
}

// comeBack is what the payer's browser brings after paying at the cashier.
func (d *desk) comeBack(t *testing.T, p models.Payment, fault sandbox.Fault) url.Values {
	t.Helper()
	_, checkout, err := d.rails.Confirm(t.Context(), d.account, p.No, subject(p.No), gateways.Payer{})
	must(t, err)
	cashier, err := http.Get(checkout.RedirectURL)
	must(t, err)
	cashier.Body.Close()
	browser := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := browser.PostForm(cashier.Request.URL.String(), url.Values{"outcome": {"pay"}, "fault": {string(fault)}})
	must(t, err)
	answer.Body.Close()
	back, err := answer.Location()
	must(t, err)
	if back.Path != "/return/alipay" {
		t.Fatalf("the browser is sent to %s", back)
	}
	return back.Query()
}

func notifyBeforeReturn(t *testing.T, d *desk) {
	p := d.confirmed(t)
	brought := d.comeBack(t, p, sandbox.FaultNotifyFirst)
	d.is(t, p, models.PaymentPaid)
	no, err := d.rails.Return(t.Context(), models.RailAlipay, brought)
	must(t, err)
	if no != p.No {
		t.Errorf("the return is about %s", no)
	}
	d.balance(t, full)
}

func returnBeforeNotify(t *testing.T, d *desk) {
	p := d.confirmed(t)
	brought := d.comeBack(t, p, sandbox.FaultNotifyLate)
	d.is(t, p, models.PaymentPending) // the return says nothing of success
	_, err := d.rails.Return(t.Context(), models.RailAlipay, brought)
	must(t, err)
	d.is(t, p, models.PaymentPaid)
	d.Clock.Add(20 * time.Second)
	gatewaystest.Eventually(t, "the notify is judged", func() bool { return len(d.verdicts(t, p.No)) == 1 })
	wantList(t, "verdicts", d.verdicts(t, p.No), "already_settled")
	d.balance(t, full)
}

func returnReplayed(t *testing.T, d *desk) {
	p := d.confirmed(t)
	brought := d.comeBack(t, p, sandbox.FaultNotifyLost)
	for range 3 {
		no, err := d.rails.Return(t.Context(), models.RailAlipay, brought)
		must(t, err)
		if no != p.No {
			t.Errorf("the return is about %s", no)
		}
	}
	d.balance(t, full)
}

func returnForged(t *testing.T, d *desk) {
	p := d.confirmed(t)
	brought := d.comeBack(t, p, sandbox.FaultNotifyLost)
	other := d.confirmedOver(t, 400*models.Yuan)
	for name, forge := range map[string]func(url.Values){
		"another payment":         func(v url.Values) { v.Set("out_trade_no", other.No) },
		"a parameter of its own":  func(v url.Values) { v.Set("trade_status", "TRADE_SUCCESS") },
		"a parameter twice":       func(v url.Values) { v.Add("out_trade_no", other.No) },
		"no signature":            func(v url.Values) { v.Del("sign") },
		"another amount":          func(v url.Values) { v.Set("total_amount", "9999.00") },
		"nothing but the payment": func(v url.Values) { clear(v); v.Set("out_trade_no", p.No) },
	} {
		forged := url.Values{}
		for key, values := range brought {
			forged[key] = append([]string(nil), values...)
		}
		forge(forged)
		calls := len(d.far.Calls())
		_, err := d.rails.Return(t.Context(), models.RailAlipay, forged)
		if models.CodeOf(err) != models.NotFound || len(d.far.Calls()) != calls {
			t.Errorf("%s: %v, and %d questions asked", name, err, len(d.far.Calls())-calls)
		}
	}
	d.is(t, p, models.PaymentPending)
}

func returnWhileDown(t *testing.T, d *desk) {
	p := d.confirmed(t)
	brought := d.comeBack(t, p, sandbox.FaultNotifyLost)
	d.far.CutOff(true)
	no, err := d.rails.Return(t.Context(), models.RailAlipay, brought)
	must(t, err)
	if no != p.No {
		t.Errorf("the return is about %s", no)
	}
	if p := d.is(t, p, models.PaymentPending); p.CheckingSince == nil {
		t.Error("nothing says that the payment is being checked")
	}
}

func expiryOfPaid(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyLost)
	d.overdue(p)
	p, err := d.rails.CloseAndExpire(t.Context(), p.No)
	must(t, err)
	if p.State != models.PaymentPaid || p.PaidLate {
		t.Errorf("the payment is %s, late %v", p.State, p.PaidLate)
	}
	d.balance(t, full)
}

func expiryOfWaiting(t *testing.T, d *desk) {
	p := d.scanned(t)
	d.behind.Store(int64(time.Minute))
	var order []string
	d.far.Before(func(method string) {
		order = append(order, method+" while "+string(d.now(t, p).State))
	})
	d.expired(t, p)
	wantList(t, "calls", order, "alipay.trade.query while pending", "alipay.trade.close while pending")
	trade, err := d.far.Trade(t.Context(), p.No)
	must(t, err)
	if trade.Status != sandbox.StatusClosed {
		t.Errorf("the gateway holds it as %s", trade.Status)
	}
	d.balance(t, owing)
}

func expiryOfClosed(t *testing.T, d *desk) {
	p := d.expired(t, d.scanned(t))
	for _, method := range d.far.Calls() {
		if method == "alipay.trade.close" {
			t.Error("a trade that had ended at the gateway was closed again")
		}
	}
	gatewaystest.Eventually(t, "the notify of its end is judged", func() bool { return len(d.verdicts(t, p.No)) == 1 })
	wantList(t, "verdicts", d.verdicts(t, p.No), "not_paid")
	d.balance(t, owing)
}

func closeSaysPaid(t *testing.T, d *desk) {
	p := d.scanned(t)
	d.behind.Store(int64(time.Minute))
	d.overdue(p)
	d.far.Before(func(method string) {
		if method == "alipay.trade.close" {
			d.pay(t, p, sandbox.FaultNotifyLost)
		}
	})
	p, err := d.rails.CloseAndExpire(t.Context(), p.No)
	must(t, err)
	if p.State != models.PaymentPaid || p.PaidLate {
		t.Errorf("the payment is %s, late %v", p.State, p.PaidLate)
	}
	d.balance(t, full)
}

func expiryOfNeverSeen(t *testing.T, d *desk) {
	d.expired(t, d.confirmed(t))
	d.balance(t, owing)
}

func expiryWhileDown(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.overdue(p)
	d.far.CutOff(true)
	_, err := d.rails.CloseAndExpire(t.Context(), p.No)
	wantCode(t, err, models.Unavailable)
	if p := d.is(t, p, models.PaymentPending); p.CheckingSince == nil {
		t.Error("nothing says that the payment is being checked")
	}
	d.far.CutOff(false)
	if p := d.expired(t, p); p.CheckingSince != nil {
		t.Error("the expired payment is still said to be checked")
	}
}

func closeWhileDown(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.overdue(p)
	d.far.Before(func(method string) { d.far.CutOff(method == "alipay.trade.close") })
	_, err := d.rails.CloseAndExpire(t.Context(), p.No)
	wantCode(t, err, models.Unavailable)
	if p := d.is(t, p, models.PaymentPending); p.CheckingSince == nil {
		t.Error("nothing says that the payment is being checked")
	}
	d.far.Before(nil)
	d.far.CutOff(false)
	d.expired(t, p)
}

func expiryTooEarly(t *testing.T, d *desk) {
	p := d.confirmed(t)
	_, err := d.rails.CloseAndExpire(t.Context(), p.No)
	wantCode(t, err, models.Conflict)
	d.is(t, p, models.PaymentPending)
}

func paidAfterCancel(t *testing.T, d *desk) {
	p := d.scanned(t)
	p, err := d.rails.Cancel(t.Context(), d.account, p.No)
	must(t, err)
	d.is(t, p, models.PaymentCancelled)
	d.pay(t, p, sandbox.FaultPayAfterClose)
	if p := d.becomes(t, p, models.PaymentPaid); !p.PaidLate {
		t.Error("money for a cancelled payment is not marked late")
	}
	d.balance(t, full)
}

func twoPaymentsPaid(t *testing.T, d *desk) {
	first := d.confirmed(t)
	second := d.confirmedOver(t, 400*models.Yuan)
	d.pay(t, second, sandbox.FaultNone)
	d.pay(t, first, sandbox.FaultNone)
	d.becomes(t, first, models.PaymentPaid)
	d.becomes(t, second, models.PaymentPaid)
	d.balance(t, full+400*models.Yuan)
}

func resumedBothPaid(t *testing.T, d *desk) {
	old := d.scanned(t)
	next, err := d.rails.Resume(t.Context(), d.account, old.No, subject, gateways.Payer{})
	must(t, err)
	d.pay(t, next, sandbox.FaultNone)
	d.becomes(t, next, models.PaymentPaid)
	d.pay(t, old, sandbox.FaultPayAfterClose)
	if old := d.becomes(t, old, models.PaymentPaid); !old.PaidLate {
		t.Error("the old payment's money is not marked late")
	}
	d.balance(t, full+asked)
}

func notExistIsNotFinal(t *testing.T, d *desk) {
	p := d.confirmed(t)
	got, err := d.rails.Ask(t.Context(), p.No, gateways.ByPoll)
	must(t, err)
	if got.State != models.TradeNotExist {
		t.Errorf("the gateway says %s", got.State)
	}
	d.is(t, p, models.PaymentPending)
	d.pay(t, p, sandbox.FaultNone)
	d.becomes(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func cancelDraft(t *testing.T, d *desk) {
	d.far.CutOff(true)
	draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: "300", Method: "alipay"})
	must(t, err)
	p, err := d.rails.Cancel(t.Context(), d.account, draft.No)
	must(t, err)
	d.is(t, p, models.PaymentCancelled)
	if calls := d.far.Calls(); len(calls) > 0 {
		t.Errorf("the gateway was asked: %v", calls)
	}
}

func cancelOfPaid(t *testing.T, d *desk) {
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyLost)
	p, err := d.rails.Cancel(t.Context(), d.account, p.No)
	must(t, err)
	if p.State != models.PaymentPaid {
		t.Errorf("the payment is %s", p.State)
	}
	d.balance(t, full)
}

func confirmWhileDown(t *testing.T, d *desk) {
	d.far.CutOff(true)
	p := d.confirmed(t)
	if p.QRContent != "" {
		t.Errorf("a gateway that is down gave the code %q", p.QRContent)
	}
	d.comeBack(t, p, sandbox.FaultNone) // the browser reaches the cashier by itself
	d.becomes(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func confirmAgain(t *testing.T, d *desk) {
	d.far.CutOff(true)
	p := d.confirmed(t)
	d.far.CutOff(false)
	again, checkout, err := d.rails.Confirm(t.Context(), d.account, p.No, subject(p.No), gateways.Payer{})
	must(t, err)
	if checkout.RedirectURL == "" || again.QRContent == "" || !again.ExpiresAt.Equal(*p.ExpiresAt) {
		t.Errorf("confirmed again to %+v, %+v", again, checkout)
	}
	if kept := d.now(t, p); kept.QRContent != again.QRContent {
		t.Error("the code is not kept")
	}
	d.overdue(p)
	if _, checkout, err = d.rails.Confirm(t.Context(), d.account, p.No, subject(p.No), gateways.Payer{}); err != nil || checkout.RedirectURL != "" {
		t.Errorf("past its deadline the payment is sent to %q, %v", checkout.RedirectURL, err)
	}
}
