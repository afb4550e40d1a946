package main

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/unionpay"
)

// unionpayPath is where UnionPay's side of the sandbox lies, at the one address
// that all sandboxes share.
const unionpayPath = "/unionpay"

// withUnionpaySandbox points the UnionPay rail at its sandbox: other address,
// other keys, the same code.
func (s Settings) withUnionpaySandbox(m sandbox.UnionpayMerchant) Settings {
	s.UnionpayGateway = localURL(s.SandboxAddr) + unionpayPath
	s.UnionpayFileURL = s.UnionpayGateway + m.FilePath
	s.UnionpayMerID, s.UnionpayPFXFile, s.UnionpayPasswordFile = m.MerID, m.PFXFile, m.PasswordFile
	s.UnionpayRootFile, s.UnionpayMiddleFile = m.RootCertFile, m.MiddleCertFile
	return s
}

func unionpayRail(s Settings, now func() time.Time) (*unionpay.Rail, error) {
	files := map[string][]byte{}
	for name, path := range s.unionpayFiles() {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = content
	}
	return unionpay.New(unionpay.Config{
		GatewayURL: s.UnionpayGateway, FileURL: s.UnionpayFileURL, MerID: s.UnionpayMerID, Test: s.Demo(), Now: now,
		PFX: files["PORTAL_UNIONPAY_PFX_FILE"], Password: string(bytes.TrimRight(files["PORTAL_UNIONPAY_PFX_PASSWORD_FILE"], "\r\n")),
		RootPEM: files["PORTAL_UNIONPAY_ROOT_CERT_FILE"], MiddlePEM: files["PORTAL_UNIONPAY_MIDDLE_CERT_FILE"],
	})
}

// unionpayFiles are the files that the rail reads, by the settings that name them.
func (s Settings) unionpayFiles() map[string]string {
	return map[string]string{
		"PORTAL_UNIONPAY_PFX_FILE": s.UnionpayPFXFile, "PORTAL_UNIONPAY_PFX_PASSWORD_FILE": s.UnionpayPasswordFile,
		"PORTAL_UNIONPAY_ROOT_CERT_FILE": s.UnionpayRootFile, "PORTAL_UNIONPAY_MIDDLE_CERT_FILE": s.UnionpayMiddleFile,
	}
}

// unionpayGiven counts the settings of UnionPay that have a value: with none the
// rail is off.
func (s Settings) unionpayGiven() int {
	given := 0
	for _, value := range []string{
		s.UnionpayGateway, s.UnionpayMerID, s.UnionpayPFXFile, s.UnionpayPasswordFile, s.UnionpayRootFile, s.UnionpayMiddleFile,
	} {
		if value != "" {
			given++
		}
	}
	return given
}

var unionpayMerchant = regexp.MustCompile(`^[0-9A-Za-z]{15}$`)

// checkUnionpay: all that the rail needs, once any of it is set.
func (s Settings) checkUnionpay(f *faults) {
	s.checkGateway(f, "PORTAL_UNIONPAY_GATEWAY", s.UnionpayGateway)
	if s.UnionpayFileURL != "" {
		s.checkGateway(f, "PORTAL_UNIONPAY_FILE_URL", s.UnionpayFileURL)
	}
	if !unionpayMerchant.MatchString(s.UnionpayMerID) {
		f.add("PORTAL_UNIONPAY_MER_ID", "must be 15 letters and digits")
	}
	const secret, open = "can be read by others; chmod 600", "can be changed by others; chmod 644"
	checkKeyFile(f, "PORTAL_UNIONPAY_PFX_FILE", s.UnionpayPFXFile, 0o077, secret)
	checkKeyFile(f, "PORTAL_UNIONPAY_PFX_PASSWORD_FILE", s.UnionpayPasswordFile, 0o077, secret)
	checkKeyFile(f, "PORTAL_UNIONPAY_ROOT_CERT_FILE", s.UnionpayRootFile, 0o022, open)
	checkKeyFile(f, "PORTAL_UNIONPAY_MIDDLE_CERT_FILE", s.UnionpayMiddleFile, 0o022, open)
}

// toyName says whose sandbox a host is.
func toyName(host string) string {
	if strings.HasSuffix(host, "95516.com") {
		return "UnionPay's test environment"
	}
	return "Alipay's sandbox"
}
