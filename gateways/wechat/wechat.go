// Package wechat is the WeChat Pay rail: APIv3 of a direct merchant in
// public-key mode, Native (a QR code) and H5 (phones), on
// github.com/wechatpay-apiv3/wechatpay-go. What that library leaves open is
// closed here; the README of this package lists it.
package wechat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	defaultTimeout = 5 * time.Second
	maxAnswerBytes = 1 << 20
)

// Config is what one merchant at WeChat Pay consists of.
type Config struct {
	BaseURL       string        // of the API, e.g. https://api.mch.weixin.qq.com
	MchID         string        // the merchant account that is paid, digits
	AppID         string        // the app that is bound to it, wx…
	Serial        string        // of the merchant's API certificate, hexadecimal
	PrivateKeyPEM string        // of that certificate (apiclient_key.pem), PEM, at least 2048 bits
	APIKey        string        // the APIv3 key, 32 bytes: opens what notifies hold
	PublicKeys    []PublicKey   // WeChat Pay's; two while it changes its key, the one to answer with first
	Timeout       time.Duration // bounds one call, from connect to the last byte; 5 s when 0
}

// PublicKey is a key that WeChat Pay signs with.
type PublicKey struct {
	ID  string // PUB_KEY_ID_…, as the console names it
	PEM string
}

// Rail implements gateways.Gateway. It is safe for concurrent use.
type Rail struct {
	client    *core.Client // verifies what is answered, unless it is a refusal
	validator *validators.WechatPayResponseValidator
	bills     *core.Client // fetches bills, which are not signed
	notifies  *notify.Handler
	baseURL   string
	mchID     string
	appID     string
}

var _ gateways.Gateway = (*Rail)(nil)

// New makes the rail. The error names everything that is wrong with the
// configuration at once; it never holds key material.
func New(config Config) (*Rail, error) {
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	config.BaseURL = strings.TrimSuffix(config.BaseURL, "/")
	config.APIKey = strings.TrimSpace(config.APIKey)
	private, privateErr := parsePrivate(config.PrivateKeyPEM)
	platform, platformErr := readPlatformKeys(config.PublicKeys)
	if err := errors.Join(
		checkURL("base URL", config.BaseURL), checkGiven("merchant id", config.MchID), checkGiven("app id", config.AppID),
		checkGiven("certificate serial", config.Serial), checkAPIKey(config.APIKey), privateErr, platformErr, platform.without(private),
	); err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	validator := validators.NewWechatPayResponseValidator(platform)
	merchant := option.WithMerchantCredential(config.MchID, config.Serial, private)
	client, err := core.NewClient(context.Background(), merchant, option.WithVerifier(platform),
		option.WithHTTPClient(httpClient(config.Timeout, maxAnswerBytes)))
	if err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	bills, err := core.NewClient(context.Background(), merchant, option.WithoutValidator(),
		option.WithHTTPClient(httpClient(billTimeout, maxBillBytes+1)))
	if err != nil {
		return nil, fmt.Errorf("wechat: %w", err)
	}
	notifies, err := notify.NewRSANotifyHandler(config.APIKey, platform)
	if err != nil {
		return nil, fmt.Errorf("wechat: APIv3 key: %w", err)
	}
	return &Rail{
		client: client, validator: validator, bills: bills, notifies: notifies,
		baseURL: config.BaseURL, mchID: config.MchID, appID: config.AppID,
	}, nil
}

// Rail names this rail.
func (r *Rail) Rail() models.Rail { return models.RailWechat }

// Payee is the merchant account (mchid) that payers pay to.
func (r *Rail) Payee() string { return r.mchID }

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
// the size of an answer. It follows no redirect, so that a signed request never
// goes elsewhere, and unpacks nothing by itself.
func httpClient(timeout time.Duration, maxBytes int64) *http.Client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableCompression = true
	return &http.Client{
		Timeout:       timeout,
		Transport:     boundedTransport{transport, maxBytes},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
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
	response.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(response.Body, t.maxBytes), response.Body}
	return response, nil
}
