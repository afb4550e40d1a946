package unionpay_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/models"
)

const refundNo = "F260304ABCDEFGHJKMNPQ"

func testRefund() gateways.RefundOrder {
	return gateways.RefundOrder{
		Ref: asked(testNow), RequestNo: refundNo, AmountFen: 100_00, PaidFen: 1600_00, AskedAt: time.Date(2026, 3, 4, 12, 4, 0, 0, time.UTC),
		NotifyURL: "https://portal.test/notify/unionpay",
	}
}

// giving answers the three questions of a refund: of the payment, to refund, of
// the refund.
func giving(t *testing.T, paid, refund, of []string) (gateways.Refunder, *canned) {
	t.Helper()
	gateway := &canned{answer: func(asked url.Values) url.Values {
		switch {
		case asked.Get("txnType") == "04":
			return message(append([]string{"txnType", "04", "orderId", refundNo, "txnTime", "20260304200400"}, refund...)...)
		case asked.Get("orderId") == refundNo:
			return message(append([]string{"txnType", "04", "orderId", refundNo, "txnTime", "20260304200400", "txnAmt", "10000"}, of...)...)
		}
		return message(paid...)
	}}
	return newRail(t, serve(t, gateway)), gateway
}

func TestRefundIsAnOrderOfItsOwn(t *testing.T) {
	t.Parallel()
	refunder, gateway := giving(t, []string{"origRespCode", "00", "bizType", "000202"}, nil, nil)
	got, err := refunder.Refund(t.Context(), testRefund())
	if err != nil || got.State != gateways.RefundUnclear || got.Raw == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	sent := gateway.asked[1]
	for field, want := range map[string]string{
		"txnType": "04", "txnSubType": "00", "bizType": "000202", "channelType": "07", "orderId": refundNo, "txnTime": "20260304200400",
		"txnAmt": "10000", "origQryId": "202603042000001234568", "backUrl": "https://portal.test/notify/unionpay", "merId": testMerID,
	} {
		if sent.Get(field) != want {
			t.Errorf("%s is %q, want %q", field, sent.Get(field), want)
		}
	}
}

func TestRefundResults(t *testing.T) {
	t.Parallel()
	paid := []string{"origRespCode", "00"}
	for name, tt := range map[string]struct {
		paid, refund, of []string
		want             gateways.RefundState
		err              error
	}{
		"taken on":             {paid, []string{"respCode", "00"}, nil, gateways.RefundUnclear, nil},
		"timed out":            {paid, []string{"respCode", "03"}, nil, gateways.RefundUnclear, nil},
		"not clear":            {paid, []string{"respCode", "04"}, nil, gateways.RefundUnclear, nil},
		"later":                {paid, []string{"respCode", "05"}, nil, gateways.RefundUnclear, nil},
		"repeated and done":    {paid, []string{"respCode", "12"}, []string{"origRespCode", "00"}, gateways.RefundUnclear, nil},
		"repeated, under way":  {paid, []string{"respCode", "12"}, []string{"origRespCode", "05"}, gateways.RefundUnclear, nil},
		"repeated, had failed": {paid, []string{"respCode", "12"}, []string{"origRespCode", "01"}, "", gateways.ErrRefused},
		"repeated, not told":   {paid, []string{"respCode", "12"}, []string{"respCode", "06"}, "", gateways.ErrUnavailable},
		"too much":             {paid, []string{"respCode", "36"}, nil, "", gateways.ErrRefused},
		"busy":                 {paid, []string{"respCode", "06"}, nil, "", gateways.ErrUnavailable},
		"of another order":     {paid, []string{"orderId", "F260304ZZZZZZZZZZZZZZ"}, nil, "", gateways.ErrUnverified},
		"of nothing":           {[]string{"respCode", "34"}, nil, nil, "", gateways.ErrNotExist},
		"of what is not paid":  {[]string{"origRespCode", "05"}, nil, nil, "", gateways.ErrRefused},
	} {
		refunder, _ := giving(t, tt.paid, tt.refund, tt.of)
		if got, err := refunder.Refund(t.Context(), testRefund()); got.State != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %+v, %v; want %q, %v", name, got, err, tt.want, tt.err)
		}
	}
}

func TestRefundQueryResults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		of     []string
		want   gateways.RefundState
		amount models.Fen
		err    error
	}{
		"done":             {[]string{"origRespCode", "00"}, gateways.RefundDone, 100_00, nil},
		"done with a flaw": {[]string{"origRespCode", "A6"}, gateways.RefundDone, 100_00, nil},
		"under way":        {[]string{"origRespCode", "04"}, gateways.RefundUnclear, 0, nil},
		"failed":           {[]string{"origRespCode", "01"}, gateways.RefundNone, 0, nil},
		"never received":   {[]string{"respCode", "34"}, gateways.RefundNone, 0, nil},
		"no amount":        {[]string{"origRespCode", "00", "txnAmt", "1.00"}, gateways.RefundUnclear, 0, nil},
		"busy":             {[]string{"respCode", "06"}, "", 0, gateways.ErrUnavailable},
		"a payment":        {[]string{"origRespCode", "00", "txnType", "01"}, "", 0, gateways.ErrUnverified},
	} {
		refunder, _ := giving(t, nil, nil, tt.of)
		got, err := refunder.RefundQuery(t.Context(), testRefund())
		if got.State != tt.want || got.AmountFen != tt.amount || !errors.Is(err, tt.err) {
			t.Errorf("%s: %+v, %v; want %q of %d, %v", name, got, err, tt.want, tt.amount, tt.err)
		}
	}
}

// The gateway gives the money back and only the answer to that is lost: the same
// number asked again moves nothing.
func TestRefundWhoseAnswerWasLostIsDoneOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	notify, back := r.URLs()
	order := testOrder()
	order.OpenedAt, order.ExpiresAt, order.NotifyURL, order.ReturnURL = time.Now().UTC().Truncate(time.Second), time.Now().Add(time.Hour), notify, back
	checkout, err := r.rail.Open(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	r.Arrive(t, order, checkout)
	r.Pay(t, order)
	refund := gateways.RefundOrder{Ref: order.Ref(), RequestNo: refundNo, AmountFen: 1000_00, PaidFen: 1600_00, AskedAt: order.OpenedAt, NotifyURL: notify}
	mend := r.Break(t, conformance.Unsigned)
	r.only.Store("/gateway/api/backTransReq.do")
	if got, err := r.rail.Refund(t.Context(), refund); !errors.Is(err, gateways.ErrUnavailable) {
		t.Fatalf("%+v, %v; want ErrUnavailable", got, err)
	}
	mend()
	if got, err := r.rail.Refund(t.Context(), refund); err != nil || got.State != gateways.RefundUnclear {
		t.Errorf("again: %+v, %v", got, err)
	}
	if held, err := r.far.Trade(t.Context(), order.OutTradeNo); err != nil || held.RefundedFen != 1000_00 {
		t.Errorf("given back were %d fen, %v", held.RefundedFen, err)
	}
	if got, err := r.rail.RefundQuery(t.Context(), refund); err != nil || got.State != gateways.RefundDone || got.AmountFen != 1000_00 {
		t.Errorf("RefundQuery: %+v, %v", got, err)
	}
	notice := r.Notify(t, refundNo)
	if got, err := r.rail.ReadNotify(notice.Header, notice.Body); err != nil || !got.RefundNotice || got.RefundNo != refundNo {
		t.Errorf("its notice reads %+v, %v", got, err)
	}
}
