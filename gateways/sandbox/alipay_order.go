package sandbox

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	minOrderLife   = time.Minute
	maxOrderLife   = 15 * 24 * time.Hour
	pageOrderLife  = maxOrderLife // unless the merchant says otherwise
	qrOrderLife    = 3 * time.Hour
	maxSubjectLen  = 256
	maxPassbackLen = 512
)

var outTradeNoForm = regexp.MustCompile(`^[0-9A-Za-z_]{1,64}$`)

// newOrder checks a page.pay or precreate and gives the order it asks for.
func newOrder(call request, kind string, now time.Time) (order, error) {
	biz := call.biz
	total, ok := parseYuan(string(biz.TotalAmount))
	switch {
	case !outTradeNoForm.MatchString(string(biz.OutTradeNo)):
		return order{}, badParameter("out_trade_no must be 1 to 64 letters, digits or underscores")
	case !ok:
		return order{}, badParameter("total_amount must be yuan from 0.01 to 100000000 with at most 2 decimals")
	case biz.Subject == "" || utf8.RuneCountInString(string(biz.Subject)) > maxSubjectLen || strings.ContainsAny(string(biz.Subject), "/=&"):
		return order{}, badParameter("subject must be 1 to 256 characters without / = &")
	case len(biz.PassbackParams) > maxPassbackLen || utf8.RuneCountInString(string(biz.Body)) > maxSubjectLen:
		return order{}, badParameter("passback_params or body is too long")
	case !rightProduct(kind, string(biz.ProductCode)):
		return order{}, badParameter("product_code " + string(biz.ProductCode) + " is not sold here")
	}
	if err := checkURLs(call.params["notify_url"], call.params["return_url"]); err != nil {
		return order{}, err
	}
	expiresAt, err := deadline(biz, kind, now)
	if err != nil {
		return order{}, err
	}
	o := order{
		token: rand.Text(), kind: kind,
		outTradeNo: string(biz.OutTradeNo), totalFen: total, subject: string(biz.Subject),
		body: string(biz.Body), passbackParams: string(biz.PassbackParams),
		notifyURL: call.params["notify_url"], returnURL: call.params["return_url"],
		createdAt: now, expiresAt: expiresAt,
	}
	o.digest = o.fingerprint(string(biz.TimeExpire), string(biz.TimeoutExpress))
	return o, nil
}

func rightProduct(kind, code string) bool {
	if kind == kindPage {
		return code == "FAST_INSTANT_TRADE_PAY"
	}
	return code == "" || code == "FACE_TO_FACE_PAYMENT" || code == "QR_CODE_OFFLINE"
}

// deadline reads time_expire, or timeout_express, or takes the method's default.
// It may be past: the buyer can come too late.
func deadline(biz bizContent, kind string, now time.Time) (time.Time, error) {
	if biz.TimeExpire != "" {
		at, err := time.ParseInLocation(wireTime, string(biz.TimeExpire), beijing)
		if err != nil || at.Sub(now) > maxOrderLife {
			return time.Time{}, badParameter("time_expire must be yyyy-MM-dd HH:mm:ss, at most 15 days ahead")
		}
		return at.UTC(), nil
	}
	if biz.TimeoutExpress != "" {
		life, ok := parseTimeout(string(biz.TimeoutExpress), now)
		if !ok {
			return time.Time{}, badParameter("timeout_express must be from 1m to 15d")
		}
		return now.Add(life), nil
	}
	if kind == kindQR {
		return now.Add(qrOrderLife), nil
	}
	return now.Add(pageOrderLife), nil
}

// parseTimeout reads 90m, 2h, 3d, or 1c, which is the end of the day in Beijing.
func parseTimeout(text string, now time.Time) (time.Duration, bool) {
	if text == "1c" {
		local := now.In(beijing)
		midnight := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, beijing)
		return midnight.Sub(now), true
	}
	units := map[byte]time.Duration{'m': time.Minute, 'h': time.Hour, 'd': 24 * time.Hour}
	unit, known := units[text[len(text)-1]]
	count, err := strconv.Atoi(text[:len(text)-1])
	if !known || err != nil || count > 15*24*60 {
		return 0, false
	}
	life := time.Duration(count) * unit
	return life, life >= minOrderLife && life <= maxOrderLife
}

// precreate answers with a QR code; the trade begins when it is scanned.
func (s *alipayWire) precreate(ctx context.Context, call request) (object, error) {
	var saved order
	err := s.store.inTx(ctx, func(t *tx) error {
		o, err := newOrder(call, kindQR, t.now)
		if err != nil {
			return err
		}
		if !t.now.Before(o.expiresAt) {
			return badParameter("time_expire has passed")
		}
		if err := t.stillOpen(o); err != nil {
			return err
		}
		saved, err = t.saveOrder(o)
		return err
	})
	if err != nil {
		return nil, err
	}
	return success(field{"out_trade_no", saved.outTradeNo}, field{"qr_code", call.origin + "/qr/" + saved.token}), nil
}

// servePagePay begins the trade, for the buyer has come, and leads to the cashier.
func (s *alipayWire) servePagePay(w http.ResponseWriter, r *http.Request, call request, err error) {
	var saved order
	if err == nil {
		err = s.store.inTx(r.Context(), func(t *tx) error {
			o, err := newOrder(call, kindPage, t.now)
			if err != nil {
				return err
			}
			if saved, err = t.saveOrder(o); err != nil {
				return err
			}
			_, err = t.openTrade(saved)
			return err
		})
	}
	if err != nil {
		s.explain(w, r, err)
		return
	}
	http.Redirect(w, r, s.cashier(saved), http.StatusFound)
}
