package unionpay

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const maxNotifyBytes = 64 << 10

// ReadNotify verifies one back notify: signature, then merchant; whatever is not
// ours is ErrUnverified. A notice about a refund comes with RefundNotice set and
// the refund's own number; it names the payment by the gateway's number alone.
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
	receipt := r.receipt(fields, fields["respCode"], values.Encode())
	switch fields["txnType"] {
	case txnPay:
	case txnRefund:
		receipt.RefundNotice, receipt.RefundNo = true, receipt.OutTradeNo
		receipt.OutTradeNo, receipt.GatewayTradeNo, receipt.OpenedAt = "", fields["origQryId"], instant("")
	default:
		receipt.State = models.TradeUnknown
	}
	return receipt, nil
}

// ReadReturn verifies the front notify that the payer's browser brought, as
// strictly as a back one, and gives the payment no. It proves nothing about money.
// A browser ends the lines of a form's values by CR LF, so that a certificate
// that was signed with LF alone is read in that way too.
func (r *Rail) ReadReturn(query map[string][]string) (string, error) {
	fields, err := r.verified(query)
	if certificate := query["signPubKeyCert"]; err != nil && len(certificate) == 1 {
		plain := maps.Clone(query)
		plain["signPubKeyCert"] = []string{strings.ReplaceAll(certificate[0], "\r\n", "\n")}
		fields, err = r.verified(plain)
	}
	if err != nil {
		return "", err
	}
	if fields["orderId"] == "" || fields["txnType"] != txnPay {
		return "", unverified(errors.New("no payment is named"))
	}
	return fields["orderId"], nil
}

// Answer is what UnionPay waits for: status 200, whatever the words; anything
// else makes it send the notify again.
func (r *Rail) Answer(ok bool) (status int, contentType string, body string) {
	if ok {
		return http.StatusOK, "text/plain", "ok"
	}
	return http.StatusInternalServerError, "text/plain", "fail"
}

// Deny answers what UnionPay did not sign for us: that is no fault of ours.
func (r *Rail) Deny() (status int, contentType string, body string) {
	return http.StatusUnauthorized, "text/plain", "not verified"
}

// verified gives the fields of a message that UnionPay signed for our merchant.
// All fields that came take part in the signature: none is filtered out before.
func (r *Rail) verified(values url.Values) (map[string]string, error) {
	fields, err := oneReading(values)
	if err != nil {
		return nil, unverified(err)
	}
	if err := r.trust.verify(fields, r.now()); err != nil {
		return nil, unverified(err)
	}
	if fields["merId"] != r.merID {
		return nil, unverified(errors.New("signed for another merchant"))
	}
	return fields, nil
}

func unverified(why error) error {
	return fmt.Errorf("unionpay: %w: %w", why, gateways.ErrUnverified)
}
