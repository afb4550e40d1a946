package sandbox

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	wechatOrderLife = 7 * 24 * time.Hour // unless the merchant says otherwise
	h5Life          = 5 * time.Minute    // of the address that opens the app

	tradeTypeNative = "NATIVE"
	tradeTypeH5     = "MWEB"
)

var wechatNumber = regexp.MustCompile(`^[0-9A-Za-z_*|-]{6,32}$`)

// wechatAmount is money on this wire, in fen.
type wechatAmount struct {
	Total    int64  `json:"total"`
	Refund   int64  `json:"refund"`
	Currency string `json:"currency"`
}

// wechatOrder is what a merchant asks for.
type wechatOrder struct {
	AppID       string       `json:"appid"`
	MchID       string       `json:"mchid"`
	Description string       `json:"description"`
	OutTradeNo  string       `json:"out_trade_no"`
	TimeExpire  string       `json:"time_expire"`
	Attach      string       `json:"attach"`
	NotifyURL   string       `json:"notify_url"`
	Amount      wechatAmount `json:"amount"`
	SceneInfo   struct {
		PayerClientIP string `json:"payer_client_ip"`
		H5Info        struct {
			Type string `json:"type"`
		} `json:"h5_info"`
	} `json:"scene_info"`
}

// native gives the code that a phone scans.
func (w *wechatWire) native(ctx context.Context, call wechatCall) (any, error) {
	o, err := w.place(ctx, call, kindQR)
	if err != nil {
		return nil, err
	}
	return map[string]string{"code_url": call.origin + "/qr/" + o.token}, nil
}

// h5 gives the address that opens the app from a phone's browser.
func (w *wechatWire) h5(ctx context.Context, call wechatCall) (any, error) {
	o, err := w.place(ctx, call, kindPage)
	if err != nil {
		return nil, err
	}
	return map[string]string{"h5_url": call.origin + "/h5/" + o.token}, nil
}

// place stores an order; its trade begins at once. The same order again is the
// same, fresh; one that differs in anything is refused.
func (w *wechatWire) place(ctx context.Context, call wechatCall, kind string) (saved order, err error) {
	var asked wechatOrder
	if err := call.read(&asked); err != nil {
		return order{}, err
	}
	err = w.store.inTx(ctx, func(t *tx) error {
		o, err := newWechatOrder(asked, kind, t.now)
		if err != nil {
			return err
		}
		if err := t.stillOpen(o); err != nil {
			return err
		}
		before, found, err := t.order("out_trade_no = ?", o.outTradeNo)
		if err != nil {
			return err
		}
		if found && before.digest != o.digest {
			return errInconsistent
		}
		if saved, err = t.saveOrder(o); err != nil {
			return err
		}
		if _, err = t.exec(`UPDATE orders SET created_ms = ? WHERE token = ?`, millis(t.now), saved.token); err != nil {
			return err
		}
		saved.createdAt = t.now
		_, err = t.openTrade(saved)
		return err
	})
	return saved, err
}

// newWechatOrder checks what was asked for.
func newWechatOrder(asked wechatOrder, kind string, now time.Time) (order, error) {
	expiresAt := now.Add(wechatOrderLife)
	if asked.TimeExpire != "" {
		at, err := time.Parse(time.RFC3339, asked.TimeExpire)
		if err != nil || !at.After(now) || at.Sub(now) > wechatOrderLife {
			return order{}, wechatParameter("time_expire must be an instant by RFC 3339, within seven days from now")
		}
		expiresAt = at.UTC()
	}
	tradeType := tradeTypeNative
	if kind == kindPage {
		tradeType = tradeTypeH5
	}
	switch {
	case asked.MchID != wechatMchID || asked.AppID != wechatAppID:
		return order{}, &wechatRefusal{http.StatusBadRequest, "APPID_MCHID_NOT_MATCH", ""}
	case !wechatNumber.MatchString(asked.OutTradeNo):
		return order{}, wechatParameter("out_trade_no must be 6 to 32 letters, digits or _-|*")
	case asked.Amount.Total <= 0 || asked.Amount.Total > maxAmountFen || asked.Amount.Currency != "" && asked.Amount.Currency != "CNY":
		return order{}, wechatParameter("amount.total must be fen above 0, in CNY")
	case asked.Description == "" || len(asked.Description) > 127 || !utf8.ValidString(asked.Description) || utf8.RuneCountInString(asked.Attach) > 128:
		return order{}, wechatParameter("description must be 1 to 127 bytes, attach at most 128 characters")
	case asked.NotifyURL == "" || strings.Contains(asked.NotifyURL, "?"):
		return order{}, wechatParameter("notify_url is needed, without a query")
	case kind == kindPage && (net.ParseIP(asked.SceneInfo.PayerClientIP) == nil || asked.SceneInfo.H5Info.Type == ""):
		return order{}, wechatParameter("scene_info must tell the payer's address and h5_info.type")
	}
	if err := checkURLs(asked.NotifyURL, ""); err != nil {
		return order{}, err
	}
	o := order{
		token: rand.Text(), kind: kind, outTradeNo: asked.OutTradeNo, totalFen: asked.Amount.Total,
		subject: asked.Description, body: tradeType, passbackParams: asked.Attach,
		notifyURL: asked.NotifyURL, createdAt: now, expiresAt: expiresAt,
	}
	o.digest = o.fingerprint(asked.TimeExpire)
	return o, nil
}

// serveH5 is where the browser lands with what h5 gave: within five minutes,
// from a page of the merchant's, which may say where to come back to.
func (w *wechatWire) serveH5(rw http.ResponseWriter, r *http.Request) {
	var o order
	err := w.store.inTx(r.Context(), func(t *tx) error {
		found := false
		var err error
		if o, found, err = t.order("token = ? AND kind = ?", r.PathValue("token"), kindPage); err != nil {
			return err
		}
		back := r.URL.Query().Get("redirect_url")
		switch {
		case !found:
			return ErrNoTrade
		case !t.now.Before(o.createdAt.Add(h5Life)):
			return errExpired
		case r.Referer() == "":
			return &wechatRefusal{http.StatusForbidden, "H5_REFERER", ""}
		case back == "":
			return nil
		}
		if err := checkURLs("", back); err != nil {
			return err
		}
		_, err = t.exec(`UPDATE orders SET return_url = ? WHERE token = ?`, back, o.token)
		return err
	})
	if err != nil {
		w.explain(rw, r, err)
		return
	}
	http.Redirect(rw, r, w.cashier(o), http.StatusFound)
}
