package gateways_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/text/encoding/simplifiedchinese"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// Notifies that are not what they seem.
func TestNotices(t *testing.T) {
	rows := []struct {
		name string
		test func(*testing.T, *desk)
	}{
		{"amount differs and the gateway can't be asked: it comes again", amountDiffersWhileDown},
		{"amount differs and the gateway does not confirm", amountNotConfirmed},
		{"of an unknown payment", unknownPayment},
		{"of another provider", otherProvider},
		{"for another app or merchant", otherMerchant},
		{"TRADE_FINISHED months later", finishedLater},
		{"of a refund after paid", refundAfterPaid},
		{"TRADE_CLOSED after paid", closedAfterPaid},
		{"of a refund before we knew of the payment", refundBeforePaid},
		{"in GBK", noticeInGBK},
		{"with + and % in its values", noticeWithSigns},
		{"with a field that nobody knows", noticeWithNews},
		{"old and replayed", noticeReplayed},
		{"forged, from localhost", noticeFromLocalhost},
		{"that is no form", noticeOfNonsense},
		{"stored raw before it is judged", storedBeforeJudged},
		{"that can't be stored", notStored},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			eachDesk(t, row.test)
		})
	}
}

// paidUnheard is a payment that was paid and whose notify was lost, and the
// fields that it had.
func (d *desk) paidUnheard(t *testing.T) (models.Payment, url.Values) {
	t.Helper()
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNotifyLost)
	return p, d.notice(t, p.No)
}

func with(fields url.Values, pairs ...string) url.Values {
	changed := url.Values{}
	for key, values := range fields {
		changed[key] = values
	}
	for i := 0; i < len(pairs); i += 2 {
		changed.Set(pairs[i], pairs[i+1])
	}
	return changed
}

func amountDiffersWhileDown(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	wrong := d.signed(t, with(fields, "total_amount", "400.00"))
	d.far.CutOff(true)
	wantAnswer(t, d.send(t, wrong), "fail")
	d.is(t, p, models.PaymentPending)
	d.far.CutOff(false)
	wantAnswer(t, d.send(t, wrong), "success")
	d.is(t, p, models.PaymentPaid)
	wantList(t, "verdicts", d.verdicts(t, p.No), "unsettled", "settled")
	d.balance(t, full)
}

func amountNotConfirmed(t *testing.T, d *desk) {
	_, fields := d.paidUnheard(t)
	p := d.confirmedOver(t, 400*models.Yuan)
	_, err := d.far.Scan(t.Context(), p.QRContent)
	must(t, err)
	wantAnswer(t, d.send(t, d.signed(t, with(fields, "out_trade_no", p.No, "trade_no", "2026112422001000000000000001"))), "fail")
	d.is(t, p, models.PaymentPending)
	wantList(t, "verdicts", d.verdicts(t, p.No), "refused")
	findings, err := d.Findings(t.Context(), p.ID, 5)
	must(t, err)
	if len(findings) != 1 || findings[0].AskedBy != gateways.ByNotify || findings[0].Answer != "not_paid" {
		t.Errorf("findings are %v", findings)
	}
}

func unknownPayment(t *testing.T, d *desk) {
	_, fields := d.paidUnheard(t)
	wantAnswer(t, d.send(t, d.signed(t, with(fields, "out_trade_no", "R2611240000000000000A"))), "fail")
	// One that the gateway confirms, ordered under our app by somebody else.
	order := gateways.Order{
		OutTradeNo: "R2611240000000000000B", AmountFen: asked, Subject: "?", ExpiresAt: d.Clock.Now().Add(time.Hour), NotifyURL: d.notify,
	}
	_, err := d.far.Rail.Open(t.Context(), order)
	must(t, err)
	_, err = d.far.Pay(t.Context(), order.OutTradeNo, sandbox.FaultNone)
	must(t, err)
	gatewaystest.Eventually(t, "the money stands in suspense", func() bool {
		figures, err := d.Figures(t.Context())
		return err == nil && figures.Suspense == asked
	})
	wantAnswer(t, d.send(t, d.signed(t, d.notice(t, order.OutTradeNo))), "success")
	wantList(t, "verdicts", d.verdicts(t, order.OutTradeNo), "suspense", "suspense")
	figures, err := d.Figures(t.Context())
	must(t, err)
	if figures.Suspense != asked {
		t.Errorf("the second notify made it %s", figures.Suspense.Wire())
	}
}

// wechat is a provider of its own that happens to speak the same wire.
type wechat struct{ gateways.Gateway }

func (wechat) Rail() models.Rail { return models.RailWechat }

func (w wechat) ReadNotify(header http.Header, body []byte) (models.Receipt, error) {
	receipt, err := w.Gateway.ReadNotify(header, body)
	receipt.Rail = models.RailWechat
	return receipt, err
}

func otherProvider(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	other := gatewaystest.OpenAlipay(t, d.Clock.Now)
	d.rails.By[models.RailWechat] = wechat{other.Rail}
	body, err := other.SignNotify(fields, false)
	must(t, err)
	d.notify = strings.Replace(d.notify, "alipay", "wechat", 1)
	wantAnswer(t, d.send(t, body), "fail")
	d.is(t, p, models.PaymentPending)
	d.notify = strings.Replace(d.notify, "wechat", "unionpay", 1)
	if answer := d.send(t, body); answer == "success" {
		t.Error("a rail that is not there took a notify")
	}
	d.is(t, p, models.PaymentPending)
}

func otherMerchant(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	for _, change := range [][2]string{
		{"app_id", "9021000000000002"}, {"seller_id", "2088721000000002"}, {"seller_id", ""}, {"sign_type", "RSA"}, {"alipay_cert_sn", "x"},
	} {
		body := d.signed(t, with(fields, change[0], change[1]))
		if change[0] == "sign_type" {
			body = strings.Replace(body, "sign_type=RSA2", "sign_type=RSA", 1)
		}
		if answer := d.send(t, body); answer != "fail" {
			t.Errorf("with %s=%s the gateway is told %q", change[0], change[1], answer)
		}
	}
	d.is(t, p, models.PaymentPending)
	wantList(t, "verdicts", d.verdicts(t, ""), "refused", "refused", "refused", "refused", "refused")
}

func finishedLater(t *testing.T, d *desk) {
	p := d.paid(t)
	d.Clock.Add(90 * 24 * time.Hour)
	must(t, d.far.Finish(t.Context(), p.No))
	gatewaystest.Eventually(t, "the notify is judged", func() bool { return len(d.verdicts(t, p.No)) == 2 })
	wantList(t, "verdicts", d.verdicts(t, p.No), "settled", "already_settled")
	d.is(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func refundAfterPaid(t *testing.T, d *desk) {
	p := d.paid(t)
	fields := d.notice(t, p.No)
	wantAnswer(t, d.send(t, d.signed(t, with(fields, "refund_fee", "100.00", "gmt_refund", "2026-11-24 15:00:00.123", "out_biz_no", "X1"))), "success")
	wantList(t, "verdicts", d.verdicts(t, p.No), "settled", "not_paid")
	d.is(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func closedAfterPaid(t *testing.T, d *desk) {
	p := d.paid(t)
	closed := with(d.notice(t, p.No), "trade_status", "TRADE_CLOSED", "gmt_close", "2026-11-24 15:00:00", "refund_fee", "300.00")
	wantAnswer(t, d.send(t, d.signed(t, closed)), "success")
	wantList(t, "verdicts", d.verdicts(t, p.No), "settled", "not_paid")
	d.is(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func refundBeforePaid(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	wantAnswer(t, d.send(t, d.signed(t, with(fields, "refund_fee", "100.00", "out_biz_no", "X1"))), "success")
	d.is(t, p, models.PaymentPending)
	d.balanceUnheard(t)
}

// balanceUnheard wants nothing to have been credited.
func (d *desk) balanceUnheard(t *testing.T) {
	t.Helper()
	read, err := d.RechargeDesk(t.Context(), d.account)
	must(t, err)
	if read.Funds.Cash != owing {
		t.Errorf("cash is %s", read.Funds.Cash.Wire())
	}
	d.Sound(t)
}

// taken wants a notify with these fields to be believed, and kept byte by byte.
func (d *desk) taken(t *testing.T, p models.Payment, body string) {
	t.Helper()
	wantAnswer(t, d.send(t, body), "success")
	d.is(t, p, models.PaymentPaid)
	rows, err := d.Notifies(t.Context(), p.No)
	must(t, err)
	if len(rows) != 1 || string(rows[0].Body) != body {
		t.Errorf("kept are %d notifies, not the one that came", len(rows))
	}
	d.balance(t, full)
}

func noticeInGBK(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	inGBK, err := simplifiedchinese.GBK.NewEncoder().String("账户充值 ￥300")
	must(t, err)
	d.taken(t, p, d.signed(t, with(fields, "charset", "GBK", "subject", inGBK)))
}

func noticeWithSigns(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	d.taken(t, p, d.signed(t, with(fields, "body", "1+1 = 100%25 & 50%+", "passback_params", "a%2Bb+c%zz")))
}

func noticeWithNews(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	d.taken(t, p, d.signed(t, with(fields, "new_in_2027", "anything")))
}

func noticeReplayed(t *testing.T, d *desk) {
	first := d.confirmed(t)
	d.pay(t, first, sandbox.FaultNotifyLost)
	body := d.signed(t, d.notice(t, first.No))
	wantAnswer(t, d.send(t, body), "success")
	d.Clock.Add(48 * time.Hour)
	second := d.confirmed(t)
	wantAnswer(t, d.send(t, body), "success")
	d.is(t, second, models.PaymentPending)
	d.balance(t, full)
}

func noticeFromLocalhost(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	forged, err := d.far.SignNotify(fields, true)
	must(t, err)
	wantAnswer(t, d.send(t, forged, func(r *http.Request) {
		r.Host = "localhost"
		r.Header.Set("X-Forwarded-For", "127.0.0.1")
		r.Header.Set("X-Forwarded-Host", "localhost")
	}), "fail")
	unsigned := with(fields)
	unsigned.Del("sign")
	wantAnswer(t, d.send(t, unsigned.Encode(), func(r *http.Request) { r.Host = "localhost" }), "fail")
	d.is(t, p, models.PaymentPending)
	d.balanceUnheard(t)
}

func noticeOfNonsense(t *testing.T, d *desk) {
	for _, body := range []string{"", "SIGNTEST", "%zz=1", "\x00\xff\xfe", `{"a":1}`, "a=1&a=2"} {
		wantAnswer(t, d.send(t, body), "fail")
	}
	rows, err := d.Notifies(t.Context(), "")
	must(t, err)
	if len(rows) != 6 || string(rows[3].Body) != "\x00\xff\xfe" {
		t.Errorf("%d notifies are kept", len(rows))
	}
}

func storedBeforeJudged(t *testing.T, d *desk) {
	p, fields := d.paidUnheard(t)
	body := d.signed(t, fields)
	d.Queue.Fail = errors.New("the queue takes nothing")
	wantAnswer(t, d.send(t, body), "fail")
	d.is(t, p, models.PaymentPending)
	rows, err := d.Notifies(t.Context(), p.No)
	must(t, err)
	if len(rows) != 1 || rows[0].Verdict != "unsettled" || string(rows[0].Body) != body {
		t.Fatalf("kept is %+v", rows)
	}
	d.balanceUnheard(t)
	d.Queue.Fail = nil
	wantAnswer(t, d.send(t, body), "success")
	d.is(t, p, models.PaymentPaid)
	d.balance(t, full)
}

func notStored(t *testing.T, d *desk) {
	_, fields := d.paidUnheard(t)
	body := d.signed(t, fields)
	must(t, d.Close())
	wantAnswer(t, d.send(t, body), "fail")
}
