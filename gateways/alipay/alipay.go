// Package alipay is the Alipay rail: the RSA2 protocol of gateway.do in
// public-key mode, on github.com/smartwalle/alipay. What that library leaves
// open is closed here; the README of this package lists it.
package alipay

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // Beijing time on hosts without a time zone database

	sdk "github.com/smartwalle/alipay/v3"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	defaultTimeout = 5 * time.Second
	maxAnswerBytes = 1 << 20
	wireTime       = "2006-01-02 15:04:05" // always Beijing time on this wire
)

// Config is what one merchant's app at Alipay consists of.
type Config struct {
	GatewayURL    string        // server to server, e.g. https://openapi.alipay.com/gateway.do
	PageURL       string        // where the payer's browser goes; GatewayURL when empty
	AppID         string        // our app at Alipay
	SellerID      string        // the merchant account that is paid, 2088…
	PrivateKeyPEM string        // the app's own key, PKCS#1 or PKCS#8, PEM or bare base64, at least 2048 bits
	PublicKeyPEM  string        // Alipay's key (not the app's), PKIX, PEM or bare base64
	Timeout       time.Duration // bounds one call, from connect to the last byte; 5 s when 0
}

// Rail implements gateways.Gateway. It is safe for concurrent use.
type Rail struct {
	client   *sdk.Client
	bills    *http.Client // fetches bills
	secure   bool         // the gateway is asked by https
	beijing  *time.Location
	pageURL  string
	appID    string
	sellerID string
}

var _ gateways.Gateway = (*Rail)(nil)

// New makes the rail. The error names everything that is wrong with the
// configuration at once; it never holds key material.
func New(config Config) (*Rail, error) {
	if config.PageURL == "" {
		config.PageURL = config.GatewayURL
	}
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	keys, keyErr := readKeys(config.PrivateKeyPEM, config.PublicKeyPEM)
	if err := errors.Join(
		checkURL("gateway URL", config.GatewayURL), checkURL("page URL", config.PageURL),
		checkGiven("app id", config.AppID), checkGiven("seller id", config.SellerID), keyErr,
	); err != nil {
		return nil, fmt.Errorf("alipay: %w", err)
	}
	beijing, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		return nil, fmt.Errorf("alipay: %w", err)
	}
	// "production" would make the library download a certificate, and trust
	// it, whenever a forged notify names one: false, with our own URL, is the
	// safe construction everywhere.
	const production = false
	client, err := sdk.New(config.AppID, keys.private, production,
		sdk.WithSandboxGateway(config.GatewayURL),
		sdk.WithHTTPClient(httpClient(config.Timeout, maxAnswerBytes)),
		sdk.WithTimeLocation(beijing))
	if err != nil {
		return nil, fmt.Errorf("alipay: private key: %w", err)
	}
	if err := client.LoadAliPayPublicKey(keys.public); err != nil {
		return nil, fmt.Errorf("alipay: public key: %w", err)
	}
	return &Rail{
		client: client, bills: httpClient(billTimeout, maxBillBytes+1), secure: strings.HasPrefix(config.GatewayURL, "https:"),
		beijing: beijing, pageURL: config.PageURL, appID: config.AppID, sellerID: config.SellerID,
	}, nil
}

// Rail names this rail.
func (r *Rail) Rail() models.Rail { return models.RailAlipay }

// Payee is the merchant account (seller_id) that payers pay to.
func (r *Rail) Payee() string { return r.sellerID }

func checkURL(name, raw string) error {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: want an absolute http(s) address without query", name)
	}
	return nil
}

func checkGiven(name, value string) error {
	if value == "" {
		return fmt.Errorf("%s: missing", name)
	}
	return nil
}

// httpClient bounds what the library leaves unbounded: the time of a call and
// the size of an answer.
func httpClient(timeout time.Duration, maxBytes int64) *http.Client {
	return &http.Client{
		Timeout:   timeout,
		Transport: boundedTransport{http.DefaultTransport.(*http.Transport).Clone(), maxBytes},
	}
}

// boundedTransport takes an answer of status 200 only, so that a redirect never
// takes a signed request elsewhere.
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
	}{io.LimitReader(response.Body, t.maxBytes), response.Body}
	return response, nil
}
