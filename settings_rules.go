package main

import (
	"encoding/base64"
	"net"
	"net/netip"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"ztc-portal/models"
)

var (
	alipayApp    = regexp.MustCompile(`^\d{16}$`)
	alipaySeller = regexp.MustCompile(`^2088\d{12}$`)
)

// faults applies every rule, so that an operator mends all in one go.
func (s Settings) faults() faults {
	var f faults
	if s.Env != demo && s.Env != production {
		f.add("PORTAL_ENV", "%q is neither demo nor production", s.Env)
	}
	s.checkServer(&f)
	s.checkMoney(&f)
	s.checkLimits(&f)
	s.checkEngine(&f)
	s.checkBank(&f)
	s.checkMail(&f)
	s.checkAlerts(&f)
	if s.Demo() {
		checkAddr(&f, "PORTAL_SANDBOX_ADDR", s.SandboxAddr)
	} else if s.SandboxAddr != defaultOf("PORTAL_SANDBOX_ADDR") {
		f.add("PORTAL_SANDBOX_ADDR", "only demo mode has the sandbox gateway")
	}
	if !s.Sandbox() {
		s.checkAlipay(&f)
	}
	s.checkWechat(&f)
	if s.unionpayGiven() > 0 {
		s.checkUnionpay(&f)
	}
	return f
}

// checkServer: where the portal stands, what it is called, where it keeps things.
func (s Settings) checkServer(f *faults) {
	checkAddr(f, "PORTAL_ADDR", s.Addr)
	public := checkURL(f, "PORTAL_PUBLIC_URL", s.PublicURL)
	if public != nil && (strings.Trim(public.Path, "/") != "" || public.RawQuery != "") {
		f.add("PORTAL_PUBLIC_URL", "must be scheme and host alone, without a path")
	}
	if !strings.HasPrefix(s.DatabaseURL, "sqlite:") && !strings.HasPrefix(s.DatabaseURL, "postgres://") && !strings.HasPrefix(s.DatabaseURL, "postgresql://") {
		f.add("PORTAL_DATABASE_URL", "must begin with sqlite: or postgres://")
	}
	if s.DataDir == "" {
		f.add("PORTAL_DATA_DIR", "must name a folder")
	}
	if s.Secret != "" && len(s.Secret) < minSecretBytes {
		f.add("PORTAL_SECRET", "has %d bytes, at least %d are needed", len(s.Secret), minSecretBytes)
	}
	if s.StaffSession < 15*time.Minute || s.StaffSession > 8*time.Hour {
		f.add("PORTAL_STAFF_SESSION", "%v is not between 15m and 8h", s.StaffSession)
	}
	if s.StaffIdle < time.Minute || s.StaffIdle > s.StaffSession {
		f.add("PORTAL_STAFF_IDLE", "%v is not between 1m and PORTAL_STAFF_SESSION", s.StaffIdle)
	}
	if s.Demo() {
		return
	}
	if public != nil && public.Scheme != "https" {
		f.add("PORTAL_PUBLIC_URL", "must be https in production: cookies do not travel over plain http")
	}
	if public != nil && isLoopback(public.Hostname()) {
		f.add("PORTAL_PUBLIC_URL", "names this machine alone; no gateway could send a notify to it")
	}
	if s.DatabaseURL == defaultOf("PORTAL_DATABASE_URL") {
		f.add("PORTAL_DATABASE_URL", "must be set in production: the default is the demo's database")
	}
	if s.Secret == "" {
		f.add("PORTAL_SECRET", "must be set in production, to %d random bytes or more", minSecretBytes)
	}
	if s.Secret != "" && differentBytes(s.Secret) < 8 {
		f.add("PORTAL_SECRET", "is not random")
	}
}

// checkMoney: deadlines and limits. Demo mode may hurry, to show an expiry.
func (s Settings) checkMoney(f *faults) {
	shortest := time.Second
	if !s.Demo() {
		shortest = time.Minute // what Alipay takes
	}
	if s.PaymentTTL < shortest || s.PaymentTTL > 24*time.Hour {
		f.add("PORTAL_PAYMENT_TTL", "%v is not between %v and 24h", s.PaymentTTL, shortest)
	}
	if s.ArrearsGrace < 0 || s.ArrearsGrace > 30*24*time.Hour {
		f.add("PORTAL_ARREARS_GRACE", "%v is not between 0 and 720h", s.ArrearsGrace)
	}
	if s.MinRechargeFen <= 0 {
		f.add("PORTAL_MIN_RECHARGE_FEN", "must be more than 0")
	}
	if s.MaxRechargeFen < s.MinRechargeFen || s.MaxRechargeFen > railMax {
		f.add("PORTAL_MAX_RECHARGE_FEN", "must be between PORTAL_MIN_RECHARGE_FEN and %d", railMax)
	}
	if s.MinBudgetFen <= 0 || s.MinBudgetFen > s.MaxRechargeFen {
		f.add("PORTAL_MIN_BUDGET_FEN", "must be between 1 and PORTAL_MAX_RECHARGE_FEN")
	}
	if s.MinBidFen <= 0 || s.MinBidFen > models.DefaultRules().MaxBid {
		f.add("PORTAL_MIN_BID_FEN", "must be between 1 and %d", models.DefaultRules().MaxBid)
	}
	if s.SoftCap < 0 || s.SoftCap > 100 {
		f.add("PORTAL_SOFT_START_CAP", "%d is not between 0 and 100", s.SoftCap)
	}
	if s.SoftStop != 0 && (s.SoftStop < 100 || s.SoftStop > 1000) {
		f.add("PORTAL_SOFT_START_STOP", "%d is neither 0 nor between 100 and 1000", s.SoftStop)
	}
}

// whsec is the prefix of a webhook secret.
const whsec = "whsec_"

// checkEngine: the ad engine's side, real or simulated.
func (s Settings) checkEngine(f *faults) {
	if s.APIRate < 0 {
		f.add("PORTAL_API_RATE", "must be 0 or more")
	}
	if s.WebhookURL != "" {
		address := checkURL(f, "PORTAL_WEBHOOK_URL", s.WebhookURL)
		if address != nil && address.Scheme != "https" && !s.Demo() {
			f.add("PORTAL_WEBHOOK_URL", "must be https in production")
		}
		if len(s.WebhookSecret) == 0 {
			f.add("PORTAL_WEBHOOK_SECRET", "must be set beside PORTAL_WEBHOOK_URL")
		}
	}
	for _, secret := range s.WebhookSecret {
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, whsec))
		if !strings.HasPrefix(secret, whsec) || err != nil || len(key) < 24 || len(key) > 64 {
			f.add("PORTAL_WEBHOOK_SECRET", "must be whsec_ and the base64 of 24 to 64 bytes")
		}
	}
	if s.Simulate != "off" && s.simulatorRate() == 0 {
		f.add("PORTAL_SIMULATE", "%q is neither on, off nor a number up to %d", s.Simulate, maxSimulatorRate)
	}
	if s.ClockSpeed < 1 || s.ClockSpeed > 3600 {
		f.add("PORTAL_CLOCK_SPEED", "%d is not between 1 and 3600", s.ClockSpeed)
	}
	if s.ClockSpeed != 1 && !s.Sandbox() {
		f.add("PORTAL_CLOCK_SPEED", "only the demo with the built-in sandbox may hurry")
	}
	if s.Demo() {
		return
	}
	if s.Simulate != defaultOf("PORTAL_SIMULATE") && s.Simulate != "off" {
		f.add("PORTAL_SIMULATE", "only demo mode has the simulated ad engine")
	}
}

// alipayGiven counts the settings of Alipay that have a value. The page URL is
// none of them: it follows the gateway.
func (s Settings) alipayGiven() int {
	given := 0
	for _, value := range []string{s.AlipayGateway, s.AlipayAppID, s.AlipaySellerID, s.AlipayPrivateKeyFile, s.AlipayPublicKeyFile} {
		if value != "" {
			given++
		}
	}
	return given
}

// checkAlipay: all that the real rail needs.
func (s Settings) checkAlipay(f *faults) {
	s.checkGateway(f, "PORTAL_ALIPAY_GATEWAY", s.AlipayGateway)
	if s.AlipayPageURL != s.AlipayGateway {
		s.checkGateway(f, "PORTAL_ALIPAY_PAGE_URL", s.AlipayPageURL)
	}
	if !alipayApp.MatchString(s.AlipayAppID) {
		f.add("PORTAL_ALIPAY_APP_ID", "must be 16 digits")
	}
	if !alipaySeller.MatchString(s.AlipaySellerID) {
		f.add("PORTAL_ALIPAY_SELLER_ID", "must be 16 digits that begin with 2088")
	}
	checkKeyFile(f, "PORTAL_ALIPAY_PRIVATE_KEY_FILE", s.AlipayPrivateKeyFile, 0o077, "can be read by others; chmod 600")
	checkKeyFile(f, "PORTAL_ALIPAY_PUBLIC_KEY_FILE", s.AlipayPublicKeyFile, 0o022, "can be changed by others; chmod 644")
}

// checkGateway: production pays no sandbox, ours or Alipay's, and none in the clear.
func (s Settings) checkGateway(f *faults, name, value string) {
	gateway := checkURL(f, name, value)
	if gateway == nil {
		return
	}
	host := strings.TrimSuffix(gateway.Hostname(), ".")
	here, toy := isLoopback(host), strings.Contains(host, "sandbox") || strings.HasSuffix(host, "alipaydev.com") || strings.HasSuffix(host, "test.95516.com")
	switch {
	case s.Demo() && !here && !toy:
		f.add(name, "moves real money, and demo mode has sign-ins that everybody knows: set PORTAL_ENV=production")
	case s.Demo():
	case here:
		f.add(name, "is on this machine: production refuses the sandbox gateway")
	case toy:
		f.add(name, "is %s, where no money moves", toyName(host))
	case strings.Trim(host, "0123456789.") == "" && net.ParseIP(host) == nil:
		f.add(name, "has a host that is neither a name nor an address")
	case gateway.Scheme != "https":
		f.add(name, "must be https in production")
	}
}

// checkURL returns the address read, or nil after naming what is wrong with it.
func checkURL(f *faults, name, value string) *url.URL {
	if value == "" {
		f.add(name, "must be set")
		return nil
	}
	address, err := url.Parse(value)
	if err != nil || address.Hostname() == "" || (address.Scheme != "http" && address.Scheme != "https") {
		f.add(name, "is not an http or https address")
		return nil
	}
	if address.User != nil || address.Fragment != "" {
		f.add(name, "must not hold a password or a #fragment")
	}
	return address
}

func checkAddr(f *faults, name, value string) {
	_, port, err := net.SplitHostPort(value)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	if err != nil || port == "" {
		f.add(name, "%q is not host:port", value)
	}
}

func checkKeyFile(f *faults, name, path string, refused os.FileMode, why string) {
	if path == "" {
		f.add(name, "must be set")
		return
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		f.add(name, "%v", err)
	case !info.Mode().IsRegular() || info.Size() == 0:
		f.add(name, "%s is not a file with a key in it", path)
	case info.Mode().Perm()&refused != 0:
		f.add(name, "%s %s", path, why)
	}
}

func isLoopback(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && (ip.Unmap().IsLoopback() || ip.IsUnspecified())
}

func differentBytes(text string) int {
	seen := map[byte]bool{}
	for i := range len(text) {
		seen[text[i]] = true
	}
	return len(seen)
}
