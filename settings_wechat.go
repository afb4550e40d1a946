package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"

	"ztc-portal/gateways/wechat"
)

var (
	wechatMch       = regexp.MustCompile(`^\d{8,12}$`)
	wechatApp       = regexp.MustCompile(`^wx[0-9a-z]{16}$`)
	wechatSerial    = regexp.MustCompile(`^[0-9A-Fa-f]{16,64}$`)
	wechatPublicKey = regexp.MustCompile(`^PUB_KEY_ID_[0-9A-Za-z]{1,64}$`)
)

// wechatCashier is where H5 sends the browser; the API itself is elsewhere.
const wechatCashier = "https://wx.tenpay.com"

// wechatGiven counts the settings of WeChat Pay that have a value: none, and
// the rail is not there.
func (s Settings) wechatGiven() int {
	given := 0
	for _, value := range append([]string{s.WechatBaseURL, s.WechatMchID, s.WechatAppID, s.WechatSerial, s.WechatPrivateKeyFile, s.WechatAPIKeyFile}, s.WechatPublicKey...) {
		if value != "" {
			given++
		}
	}
	return given
}

// wechatSandbox says whether the sandbox plays WeChat Pay too.
func (s Settings) wechatSandbox() bool { return s.Sandbox() && s.wechatGiven() == 0 }

// checkWechat: all that the real rail needs, or nothing.
func (s Settings) checkWechat(f *faults) {
	if s.wechatGiven() == 0 {
		return
	}
	s.checkGateway(f, "PORTAL_WECHAT_BASE_URL", s.WechatBaseURL)
	if !wechatMch.MatchString(s.WechatMchID) {
		f.add("PORTAL_WECHAT_MCH_ID", "must be 8 to 12 digits")
	}
	if !wechatApp.MatchString(s.WechatAppID) {
		f.add("PORTAL_WECHAT_APP_ID", "must be wx and 16 letters or digits")
	}
	if !wechatSerial.MatchString(s.WechatSerial) {
		f.add("PORTAL_WECHAT_SERIAL", "must be the hexadecimal serial number of the merchant's API certificate")
	}
	checkKeyFile(f, "PORTAL_WECHAT_PRIVATE_KEY_FILE", s.WechatPrivateKeyFile, 0o077, "can be read by others; chmod 600")
	checkKeyFile(f, "PORTAL_WECHAT_API_KEY_FILE", s.WechatAPIKeyFile, 0o077, "can be read by others; chmod 600")
	if n := len(s.WechatPublicKey); n < 1 || n > 2 {
		f.add("PORTAL_WECHAT_PUBLIC_KEY", "has %d keys, one is needed, or two while WeChat Pay changes its key", n)
	}
	for _, one := range s.WechatPublicKey {
		id, file, _ := strings.Cut(one, "=")
		if !wechatPublicKey.MatchString(id) || file == "" {
			f.add("PORTAL_WECHAT_PUBLIC_KEY", "must be PUB_KEY_ID_…=FILE")
			continue
		}
		checkKeyFile(f, "PORTAL_WECHAT_PUBLIC_KEY", file, 0o022, "can be changed by others; chmod 644")
	}
}

// cashiers are where a confirmed payment may send the browser.
func (s Settings) cashiers() []string {
	all := []string{s.AlipayPageURL}
	if s.wechatGiven() > 0 {
		all = append(all, s.WechatBaseURL, wechatCashier)
	}
	if s.UnionpayGateway != "" {
		all = append(all, s.UnionpayGateway)
	}
	return all
}

func wechatRail(s Settings) (*wechat.Rail, error) {
	private, err := os.ReadFile(s.WechatPrivateKeyFile)
	if err != nil {
		return nil, fmt.Errorf("PORTAL_WECHAT_PRIVATE_KEY_FILE: %w", err)
	}
	apiKey, err := os.ReadFile(s.WechatAPIKeyFile)
	if err != nil {
		return nil, fmt.Errorf("PORTAL_WECHAT_API_KEY_FILE: %w", err)
	}
	config := wechat.Config{
		BaseURL: s.WechatBaseURL, MchID: s.WechatMchID, AppID: s.WechatAppID, Serial: s.WechatSerial,
		PrivateKeyPEM: string(private), APIKey: string(apiKey),
	}
	for _, one := range s.WechatPublicKey {
		id, file, _ := strings.Cut(one, "=")
		public, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("PORTAL_WECHAT_PUBLIC_KEY: %w", err)
		}
		config.PublicKeys = append(config.PublicKeys, wechat.PublicKey{ID: id, PEM: string(public)})
	}
	return wechat.New(config)
}
