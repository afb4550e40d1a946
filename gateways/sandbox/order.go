package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"
)

const (
	kindPage = "page"
	kindQR   = "qr"
	qrLife   = 2 * time.Hour // a QR code can't be scanned after that, whatever its deadline
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

// fingerprint is equal for two orders that ask for the same in the same words.
func (o order) fingerprint(deadlines ...string) string {
	parts := append([]string{
		o.kind, o.outTradeNo, yuan(o.totalFen), o.subject, o.body,
		o.passbackParams, o.notifyURL, o.returnURL,
	}, deadlines...)
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:])
}

// addressError says what is wrong with an address that a merchant gave.
type addressError string

func (e addressError) Error() string { return "sandbox: " + string(e) }

// checkURLs lets the sandbox tell its news to this machine only.
func checkURLs(notifyURL, returnURL string) error {
	if notifyURL != "" {
		u, err := url.Parse(notifyURL)
		if err != nil || !isWeb(u) || !isLoopback(u.Hostname()) || len(notifyURL) > 256 {
			return addressError("notify_url: the sandbox sends notifies to loopback hosts only (localhost, 127.0.0.1, ::1)")
		}
	}
	if returnURL != "" {
		u, err := url.Parse(returnURL)
		if err != nil || !isWeb(u) || len(returnURL) > 256 {
			return addressError("return_url must be an http or https address of at most 256 characters")
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

// stillOpen refuses an order whose trade has begun otherwise or has ended.
func (t *tx) stillOpen(o order) error {
	trade, found, err := t.trade("out_trade_no = ?", o.outTradeNo)
	switch {
	case err != nil || !found:
		return err
	case !trade.matches(o):
		return errInconsistent
	case trade.Status == StatusClosed:
		return errHasClosed
	case trade.Status != StatusWaiting:
		return errHasPaid
	}
	return nil
}
