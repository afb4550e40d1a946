package sandbox

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// noticeID numbers a notify as WeChat Pay does.
func (*wechatWire) noticeID(time.Time) string {
	b := make([]byte, 16)
	rand.Read(b) // never fails: it ends the process instead
	text := hex.EncodeToString(b)
	return fmt.Sprintf("%s-%s-%s-%s-%s", text[:8], text[8:12], text[12:16], text[16:20], text[20:])
}

// notice are the parts of a notify before it is sealed: payments and refunds
// are told, closed trades are not.
func (w *wechatWire) notice(id string, tr Trade, r *refunded) map[string]string {
	fields := map[string]string{"id": id, "event_type": "TRANSACTION.SUCCESS", "original_type": "transaction", "create_time": wechatStamp(tr.PaidAt)}
	plain := wechatTrade(tr)
	switch {
	case r != nil:
		done := wechatStamp(r.at.Add(w.refundTakes()))
		fields["event_type"], fields["original_type"], fields["create_time"] = "REFUND.SUCCESS", "refund", done
		plain = map[string]any{
			"mchid": wechatMchID, "out_trade_no": tr.OutTradeNo, "transaction_id": tr.TradeNo, "out_refund_no": r.requestNo,
			"refund_id": refundID(tr, *r), "refund_status": "SUCCESS", "success_time": done, "user_received_account": buyerLogonID,
			"amount": map[string]int64{"total": tr.HeldFen, "refund": r.amountFen, "payer_total": tr.HeldFen, "payer_refund": r.amountFen},
		}
	case tr.Status != StatusSuccess:
		return nil
	}
	text, err := json.Marshal(plain)
	if err != nil {
		panic("sandbox: a notify that JSON can't hold: " + err.Error())
	}
	fields["plain"], fields["summary"] = string(text), wechatText["summary_"+fields["original_type"]]
	return fields
}

// seal encrypts what the notify tells, under a fresh nonce, and signs the whole.
func (w *wechatWire) seal(fields map[string]string, evil bool, _ time.Time) (http.Header, string, error) {
	key := w.keys.platform
	if evil {
		var err error
		if key, err = w.evil(); err != nil {
			return nil, "", err
		}
	}
	kind, nonce := fields["original_type"], rand.Text()[:12]
	sealed, err := seal256(w.apiKey, nonce, kind, []byte(fields["plain"]))
	if err != nil {
		return nil, "", err
	}
	body, err := json.Marshal(map[string]any{
		"id": fields["id"], "create_time": fields["create_time"], "event_type": fields["event_type"],
		"resource_type": "encrypt-resource", "summary": fields["summary"],
		"resource": map[string]string{
			"algorithm": "AEAD_AES_256_GCM", "original_type": kind, "associated_data": kind, "nonce": nonce, "ciphertext": sealed,
		},
	})
	if err != nil {
		return nil, "", fmt.Errorf("sandbox: %w", err)
	}
	header, err := w.signature(body, key)
	if err != nil {
		return nil, "", err
	}
	header.Set("Content-Type", "application/json")
	return header, string(body), nil
}

// took: 200 and 204 end the sending.
func (*wechatWire) took(d Delivery) bool {
	return d.Status == http.StatusOK || d.Status == http.StatusNoContent
}

// back is the merchant's page that H5 was told to come back to; nothing is signed.
func (*wechatWire) back(o order, _ Trade, _ time.Time) (way, error) {
	return way{URL: o.returnURL}, nil
}
