package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"time"
)

// noticeID numbers a notify as Alipay does.
func (*alipayWire) noticeID(now time.Time) string { return newNumber(now, "00222", 34) }

// notice are the fields of a notify, all but notify_time and the signature.
func (*alipayWire) notice(id string, tr Trade, r *refunded) map[string]string {
	fields := map[string]string{
		"notify_type": "trade_status_sync", "notify_id": id,
		"charset": "utf-8", "version": "1.0",
		"app_id": appID, "auth_app_id": appID, "seller_id": sellerID,
		"buyer_id": buyerID, "buyer_logon_id": buyerLogonID,
		"out_trade_no": tr.OutTradeNo, "trade_no": tr.TradeNo, "trade_status": string(tr.Status),
		"subject": tr.Subject, "body": tr.body, "passback_params": tr.passbackParams,
		"total_amount": yuan(tr.amountFen()),
		"gmt_create":   wireStamp(tr.CreatedAt), "gmt_payment": wireStamp(tr.PaidAt), "gmt_close": wireStamp(tr.ClosedAt),
	}
	if tr.HeldFen > 0 {
		paid := yuan(tr.HeldFen)
		fields["receipt_amount"], fields["buyer_pay_amount"], fields["invoice_amount"] = paid, paid, paid
		fields["point_amount"] = "0.00"
		fields["fund_bill_list"] = fmt.Sprintf(`[{"amount":"%s","fundChannel":"ALIPAYACCOUNT"}]`, paid)
	}
	if r != nil {
		fields["refund_fee"] = yuan(tr.RefundedFen)
		fields["gmt_refund"] = wireStamp(r.at)
		fields["out_biz_no"] = r.requestNo
	}
	return fields
}

// took: Alipay's notify is answered by these seven bytes.
func (*alipayWire) took(d Delivery) bool { return d.Status == http.StatusOK && d.Body == "success" }

// seal gives a notify as a signed form.
func (w *alipayWire) seal(fields map[string]string, evil bool, at time.Time) (http.Header, string, error) {
	stamped := maps.Clone(fields) // copies are sent side by side
	stamped["notify_time"] = wireStamp(at)
	form, err := w.signForm(stamped, evil)
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}, form, err
}

// signForm gives fields, signed, as the body of a notify; evil signs with a key
// that nobody trusts.
func (w *alipayWire) signForm(fields map[string]string, evil bool) (string, error) {
	key := w.keys.platform
	if evil {
		var err error
		if key, err = w.evil(); err != nil {
			return "", err
		}
	}
	message, err := signMessage(key, fields)
	if err != nil {
		return "", err
	}
	return encodeForm(message), nil
}

func encodeForm(fields map[string]string) string {
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	return form.Encode()
}

// back is where the browser goes after the cashier: the merchant's
// return_url with the twelve signed fields, which say nothing of success. "" if
// the merchant gave no return_url.
func (w *alipayWire) back(o order, tr Trade, now time.Time) (way, error) {
	if o.returnURL == "" {
		return way{}, nil
	}
	to, err := url.Parse(o.returnURL)
	if err != nil {
		return way{}, fmt.Errorf("sandbox: %w", err)
	}
	message, err := signMessage(w.keys.platform, map[string]string{
		"app_id": appID, "auth_app_id": appID, "charset": "utf-8", "version": "1.0",
		"method": pagePay + ".return", "seller_id": sellerID,
		"out_trade_no": tr.OutTradeNo, "trade_no": tr.TradeNo,
		"total_amount": yuan(tr.amountFen()), "timestamp": wireStamp(now),
	})
	if err != nil {
		return way{}, err
	}
	own := to.RawQuery
	to.RawQuery = encodeForm(message)
	if own != "" {
		to.RawQuery = own + "&" + to.RawQuery
	}
	return way{URL: to.String()}, nil
}

// SignNotify gives the form body of a notify with these fields (empty ones and
// any signature left out), signed by the gateway, or by a key that nobody
// trusts if evil.
func (s *Sandbox) SignNotify(fields url.Values, evil bool) (string, error) {
	single, err := singleValues(fields)
	if err != nil {
		return "", err
	}
	return s.wire.(*alipayWire).signForm(single, evil)
}
