package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

const (
	qrLife         = 2 * time.Hour // a QR code can't be scanned after that, whatever its deadline
	minOrderLife   = time.Minute
	maxOrderLife   = 15 * 24 * time.Hour
	pageOrderLife  = maxOrderLife // unless the merchant says otherwise
	qrOrderLife    = 3 * time.Hour
	kindPage       = "page"
	kindQR         = "qr"
	maxSubjectLen  = 256
	maxPassbackLen = 512
)

// errExpired: the deadline passed before the buyer came, so no trade began.
var errExpired = errors.New("sandbox: order expired before the buyer came")

// order is what a merchant asked for. It becomes a trade when the buyer comes.
type order struct {
	token          string
	digest         string
	kind           string
	outTradeNo     string
	totalFen       int64
	subject        string
	body           string
	passbackParams string
	notifyURL      string
	returnURL      string
	createdAt      time.Time
	expiresAt      time.Time
}

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

// fingerprint is equal for two orders that ask for the same in the same words.
func (o order) fingerprint(deadlines ...string) string {
	parts := append([]string{
		o.kind, o.outTradeNo, yuan(o.totalFen), o.subject, o.body,
		o.passbackParams, o.notifyURL, o.returnURL,
	}, deadlines...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
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

// checkURLs lets the sandbox tell its news to this machine only.
func checkURLs(notifyURL, returnURL string) error {
	if notifyURL != "" {
		u, err := url.Parse(notifyURL)
		if err != nil || !isWeb(u) || !isLoopback(u.Hostname()) || len(notifyURL) > 256 {
			return badParameter("notify_url: the sandbox sends notifies to loopback hosts only (localhost, 127.0.0.1, ::1)")
		}
	}
	if returnURL != "" {
		u, err := url.Parse(returnURL)
		if err != nil || !isWeb(u) || len(returnURL) > 256 {
			return badParameter("return_url must be an http or https address of at most 256 characters")
		}
	}
	return nil
}

func isWeb(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || (ip != nil && ip.IsLoopback())
}

const orderColumns = `token, digest, kind, out_trade_no, total_fen, subject, body, passback_params,
	notify_url, return_url, created_ms, expires_ms`

func scanOrder(row scanner) (order, error) {
	var o order
	var created, expires int64
	err := row.Scan(&o.token, &o.digest, &o.kind, &o.outTradeNo, &o.totalFen, &o.subject, &o.body,
		&o.passbackParams, &o.notifyURL, &o.returnURL, &created, &expires)
	o.createdAt, o.expiresAt = fromMillis(created), fromMillis(expires)
	return o, err
}

// saveOrder stores o, or gives the order stored earlier for the same request.
func (t *tx) saveOrder(o order) (order, error) {
	_, err := t.exec(`INSERT INTO orders (`+orderColumns+`) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)
		ON CONFLICT (digest) DO NOTHING`,
		o.token, o.digest, o.kind, o.outTradeNo, o.totalFen, o.subject, o.body, o.passbackParams,
		o.notifyURL, o.returnURL, millis(o.createdAt), millis(o.expiresAt))
	if err != nil {
		return order{}, err
	}
	saved, _, err := t.order("digest = ?", o.digest)
	return saved, err
}

// order finds the newest order that the condition picks; false if there is none.
func (t *tx) order(condition string, args ...any) (order, bool, error) {
	found, err := query(t, scanOrder, `SELECT `+orderColumns+` FROM orders WHERE `+condition+
		` ORDER BY created_ms DESC, rowid DESC LIMIT 1`, args...)
	if err != nil || len(found) == 0 {
		return order{}, false, err
	}
	return found[0], true, nil
}

// precreate answers with a QR code; the trade begins when it is scanned.
func (s *Sandbox) precreate(ctx context.Context, call request) (object, error) {
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

// stillOpen refuses an order whose trade has begun otherwise or has ended.
func (t *tx) stillOpen(o order) error {
	trade, found, err := t.trade("out_trade_no = ?", o.outTradeNo)
	switch {
	case err != nil || !found:
		return err
	case !trade.matches(o):
		return business("ACQ.CONTEXT_INCONSISTENT")
	case trade.Status == StatusClosed:
		return business("ACQ.TRADE_HAS_CLOSE")
	case trade.Status != StatusWaiting:
		return business("ACQ.TRADE_HAS_SUCCESS")
	}
	return nil
}
