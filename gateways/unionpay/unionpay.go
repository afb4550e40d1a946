// Package unionpay is the UnionPay rail: the online gateway (full channel) in
// version 5.1.0, B2C and B2B. There is no library between us and the wire: the
// messages are name=value pairs signed with RSA, and this package is all of it.
package unionpay

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	defaultTimeout = 5 * time.Second
	billTimeout    = 2 * time.Minute
	maxAnswerBytes = 1 << 20
	wireTime       = "20060102150405" // always Beijing time on this wire
)

// What is called below the gateway's address.
const (
	pathFront  = "/gateway/api/frontTransReq.do" // by the payer's browser
	pathBack   = "/gateway/api/backTransReq.do"
	pathQuery  = "/gateway/api/queryTrans.do"
	nameOfFile = "settlement file"
)

// Config is what one merchant at UnionPay consists of.
type Config struct {
	GatewayURL string           // https://gateway.95516.com, without a slash at its end
	FileURL    string           // where settlement files lie; FileURLOf(GatewayURL) when empty
	MerID      string           // the merchant's number, 15 characters
	PFX        []byte           // the merchant's certificate and private key, PKCS #12
	Password   string           // of PFX
	RootPEM    []byte           // UnionPay's root certificate
	MiddlePEM  []byte           // and the one between it and the signer's
	Test       bool             // the signer of UnionPay's test environment is believed too
	Now        func() time.Time // default time.Now; certificates must be valid by it
	Timeout    time.Duration    // bounds one call, from connect to the last byte; 5 s when 0
}

// Rail implements gateways.Gateway. It is safe for concurrent use.
type Rail struct {
	gateway string
	file    string
	merID   string
	certID  string
	key     *rsa.PrivateKey
	trust   trust
	now     func() time.Time
	calls   *http.Client
	bills   *http.Client
}

var (
	_ gateways.Gateway   = (*Rail)(nil)
	_ gateways.AsksFirst = (*Rail)(nil)
	_ gateways.Denier    = (*Rail)(nil)
)

var merIDForm = regexp.MustCompile(`^[0-9A-Za-z]{15}$`)

// New makes the rail. The error names everything that is wrong with the
// configuration at once; it never holds key material.
func New(config Config) (*Rail, error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	if config.FileURL == "" {
		config.FileURL = FileURLOf(config.GatewayURL)
	}
	ours, ownErr := readMerchant(config.PFX, config.Password)
	theirs, theirErr := readTrust(config)
	var merErr error
	if !merIDForm.MatchString(config.MerID) {
		merErr = errors.New("merchant number: want 15 letters and digits")
	}
	if err := errors.Join(
		checkURL("gateway URL", config.GatewayURL), checkURL("file URL", config.FileURL), merErr, ownErr, theirErr,
	); err != nil {
		return nil, fmt.Errorf("unionpay: %w", err)
	}
	return &Rail{
		gateway: strings.TrimSuffix(config.GatewayURL, "/"), file: config.FileURL, merID: config.MerID,
		certID: ours.certID, key: ours.key, trust: theirs, now: config.Now,
		calls: httpClient(config.Timeout, maxAnswerBytes), bills: httpClient(billTimeout, maxBillBytes),
	}, nil
}

// FileURLOf is where UnionPay keeps the settlement files of a gateway of its:
// gateway.95516.com and filedownload.95516.com are one environment.
func FileURLOf(gatewayURL string) string {
	address, err := url.Parse(gatewayURL)
	if err != nil {
		return gatewayURL
	}
	if rest, ok := strings.CutPrefix(address.Host, "gateway."); ok {
		address.Host = "filedownload." + rest
	}
	return strings.TrimSuffix(address.String(), "/") + "/"
}

// Rail names this rail.
func (r *Rail) Rail() models.Rail { return models.RailUnionpay }

// Payee is the merchant number that payers pay to.
func (r *Rail) Payee() string { return r.merID }

// AsksFirst: UnionPay's own guide wants a query before a notify is booked.
func (r *Rail) AsksFirst() bool { return true }

func checkURL(name, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: want an absolute http(s) address without query", name)
	}
	return nil
}

// httpClient bounds the time of a call and the size of an answer. A redirect is
// not followed: it would take a signed request elsewhere.
func httpClient(timeout time.Duration, maxBytes int64) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: boundedTransport{http.DefaultTransport.(*http.Transport).Clone(), maxBytes},
	}
}

type boundedTransport struct {
	next     http.RoundTripper
	maxBytes int64
}

func (t boundedTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("http status %d", response.StatusCode)
	}
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, t.maxBytes+1), response.Body}
	return response, nil
}

// instant reads a Beijing time of the wire; the zero time when there is none.
func instant(wire string) time.Time {
	at, err := time.ParseInLocation(wireTime, wire, models.Shanghai)
	if err != nil {
		return time.Time{}
	}
	return at.UTC()
}

// stamp writes an instant as the wire does.
func stamp(at time.Time) string { return at.In(models.Shanghai).Format(wireTime) }

// nearest reads an instant that the wire writes without its year (MMDDhhmmss):
// the one nearest to a time that is known. The zero time when there is none.
func nearest(wire string, known time.Time) time.Time {
	if len(wire) != len("0102150405") || known.IsZero() {
		return time.Time{}
	}
	var best time.Time
	year := known.In(models.Shanghai).Year()
	for _, y := range []int{year - 1, year, year + 1} {
		at := instant(fmt.Sprintf("%04d", y) + wire)
		if at.IsZero() {
			continue
		}
		if best.IsZero() || at.Sub(known).Abs() < best.Sub(known).Abs() {
			best = at
		}
	}
	return best
}
