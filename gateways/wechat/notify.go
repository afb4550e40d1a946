package wechat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	maxNotifyBytes = 64 << 10

	eventPaid    = "TRANSACTION.SUCCESS"
	eventsRefund = "REFUND."

	nonceBytes = 12 // of AES-GCM
)

var _ gateways.Denier = (*Rail)(nil)

// ReadNotify verifies one notify: signature and time of the message as it came,
// then what is sealed in it, our merchant and our app; whatever is not ours is
// ErrUnverified. The receipt's Raw holds the opened part. A notice of a refund,
// which names no app, comes with RefundNotice set.
func (r *Rail) ReadNotify(header http.Header, body []byte) (models.Receipt, error) {
	if len(body) > maxNotifyBytes {
		return models.Receipt{}, unverified("notify too long")
	}
	if err := oneReading(header); err != nil {
		return models.Receipt{}, unverified(err.Error())
	}
	message, err := r.opened(header, body)
	if err != nil {
		return models.Receipt{}, err
	}
	told := answer{raw: message.Resource.Plaintext}
	if err := json.Unmarshal([]byte(told.raw), &told); err != nil {
		return models.Receipt{}, unverified("what is sealed can't be read")
	}
	refund := strings.HasPrefix(message.EventType, eventsRefund)
	switch {
	case message.EventType != eventPaid && !refund:
		return models.Receipt{}, unverified("news of something else")
	case told.MchID != r.mchID:
		return models.Receipt{}, unverified("for another merchant")
	case told.AppID != r.appID && (!refund || told.AppID != ""):
		return models.Receipt{}, unverified("for another app")
	}
	if refund { // what was refunded was paid; when is not said
		told.TradeState, told.SuccessTime = "REFUND", ""
	}
	receipt := told.receipt()
	if receipt.RefundNotice = refund; refund {
		receipt.RefundNo = told.OutRefundNo
	}
	return receipt, nil
}

// opened gives a message that WeChat Pay signed within five minutes of now,
// with what is sealed in it. The library panics on a nonce of another length and
// on a message without a resource; its errors hold the whole request.
func (r *Rail) opened(header http.Header, body []byte) (message *notify.Request, err error) {
	defer func() {
		if recover() != nil {
			message, err = nil, unverified("not a notify")
		}
	}()
	request := &http.Request{Header: header, Body: io.NopCloser(bytes.NewReader(body))}
	message, err = r.notifies.ParseNotifyRequest(context.Background(), request, new(json.RawMessage))
	switch {
	case err != nil:
		return nil, unverified("not signed by WeChat Pay's key just now, or not sealed with our key")
	case len(message.Resource.Nonce) != nonceBytes:
		return nil, unverified("not a notify")
	}
	return message, nil
}

// ReadReturn refuses: on this rail the browser brings nothing that is signed,
// and comes back to the payment's own page.
func (r *Rail) ReadReturn(map[string][]string) (string, error) {
	return "", unverified("nothing is signed that a browser brings")
}

// Answer is what WeChat Pay waits for, for five seconds; anything but 200 or
// 204 makes it send the notify again.
func (r *Rail) Answer(ok bool) (status int, contentType string, body string) {
	if ok {
		return http.StatusOK, "application/json", `{"code":"SUCCESS","message":""}`
	}
	return http.StatusInternalServerError, "application/json", `{"code":"FAIL","message":"not settled"}`
}

// Deny answers what WeChat Pay did not sign for us, its probes among it.
func (r *Rail) Deny() (status int, contentType string, body string) {
	return http.StatusUnauthorized, "application/json", `{"code":"FAIL","message":"not verified"}`
}

func unverified(why string) error {
	return fmt.Errorf("wechat: %w: %w", errors.New(why), gateways.ErrUnverified)
}
