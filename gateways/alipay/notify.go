package alipay

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/text/encoding/simplifiedchinese"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const maxNotifyBytes = 64 << 10

// ReadNotify verifies one notify: signature, then app_id, then seller_id;
// whatever is not ours is ErrUnverified. The receipt's Raw holds all fields,
// form encoded, in UTF-8. A notice about a refund comes with RefundNotice set;
// a trade closed or still waiting with that state. The header is not looked
// at: all that counts is in the signed body.
func (r *Rail) ReadNotify(_ http.Header, body []byte) (models.Receipt, error) {
	if len(body) > maxNotifyBytes {
		return models.Receipt{}, unverified(errors.New("notify too long"))
	}
	values, err := url.ParseQuery(string(body))
	if err != nil {
		return models.Receipt{}, unverified(errors.New("notify is not a form"))
	}
	fields, err := r.verified(values)
	if err != nil {
		return models.Receipt{}, err
	}
	fields, raw := inUTF8(fields)
	receipt := r.receipt(tradeFacts{
		outTradeNo: fields["out_trade_no"], tradeNo: fields["trade_no"], status: fields["trade_status"],
		amount: fields["total_amount"], currency: fields["trans_currency"], paidAt: fields["gmt_payment"], raw: raw,
	})
	if receipt.RefundNotice = aboutRefund(fields); receipt.RefundNotice {
		receipt.RefundNo = fields["out_biz_no"]
	}
	return receipt, nil
}

// ReadReturn verifies what the browser brought back, as strictly as a notify,
// and gives the payment no. It names no state and proves nothing about money.
func (r *Rail) ReadReturn(query map[string][]string) (string, error) {
	fields, err := r.verified(query)
	if err != nil {
		return "", err
	}
	if fields["out_trade_no"] == "" {
		return "", unverified(errors.New("no payment is named"))
	}
	return fields["out_trade_no"], nil
}

// Answer is exactly what Alipay waits for; anything but "success" makes it
// send the notify again.
func (r *Rail) Answer(ok bool) (status int, contentType string, body string) {
	if ok {
		return http.StatusOK, "text/plain", "success"
	}
	return http.StatusOK, "text/plain", "fail"
}

// verified gives the fields of a message that Alipay signed for our app and
// our merchant. All fields that came take part in the signature (rule "V1":
// all but sign and sign_type): none is filtered out before.
func (r *Rail) verified(values url.Values) (map[string]string, error) {
	fields, err := oneReading(values)
	if err != nil {
		return nil, unverified(err)
	}
	if _, named := fields["alipay_cert_sn"]; named {
		return nil, unverified(errors.New("a certificate is named, but we use Alipay's key"))
	}
	if fields["sign_type"] != "RSA2" {
		return nil, unverified(errors.New("sign_type is not RSA2"))
	}
	if err := r.client.VerifySign(context.Background(), values); err != nil {
		return nil, unverified(errors.New("signature is not Alipay's"))
	}
	switch {
	case fields["app_id"] != r.appID:
		return nil, unverified(errors.New("signed for another app"))
	case fields["seller_id"] != r.sellerID:
		return nil, unverified(errors.New("signed for another merchant"))
	}
	return fields, nil
}

// aboutRefund tells a refund notice, which else looks like one of payment:
// a partial refund says TRADE_SUCCESS again.
func aboutRefund(fields map[string]string) bool {
	refunded := fields["refund_fee"]
	if fen, readable := models.FenFromYuan(refunded); readable && fen == 0 {
		refunded = ""
	}
	return refunded != "" || fields["gmt_refund"] != "" || fields["out_biz_no"] != ""
}

// inUTF8 decodes the values if they are declared to be in GBK (the signature
// covers the bytes as they came, so this is for afterwards), and writes them
// all as one form-encoded text.
func inUTF8(fields map[string]string) (decoded map[string]string, raw string) {
	chinese := strings.HasPrefix(strings.ToLower(fields["charset"]), "gb")
	decoded, all := make(map[string]string, len(fields)), make(url.Values, len(fields))
	for name, value := range fields {
		if chinese {
			if text, err := simplifiedchinese.GB18030.NewDecoder().String(value); err == nil {
				value = text
			}
		}
		decoded[name] = strings.ToValidUTF8(value, "\uFFFD")
		all.Set(name, decoded[name])
	}
	return decoded, all.Encode()
}

func unverified(why error) error {
	return fmt.Errorf("alipay: %w: %w", why, gateways.ErrUnverified)
}
