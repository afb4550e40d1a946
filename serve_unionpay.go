package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/gateways/unionpay"
	"ztc-portal/models"
)

// unionpayPath is where UnionPay's side of the sandbox lies, at the one address
// that all sandboxes share.
const unionpayPath = "/unionpay"

// sandboxes are the gateways that demo mode plays itself, each with its own
// storage and keys.
type sandboxes struct{ alipay, unionpay *sandbox.Sandbox }

// openSandboxes opens the sandboxes that stand in for gateways of which nothing
// is set, and points the settings at them.
func openSandboxes(s Settings, log *slog.Logger, now func() time.Time) (*sandboxes, Settings, error) {
	box, err := sandbox.Open(sandbox.Options{DataDir: filepath.Join(s.DataDir, "sandbox"), Log: log, Now: now})
	if err != nil {
		return nil, s, err
	}
	all := &sandboxes{alipay: box}
	s = s.withSandbox(box.Merchant())
	if s.unionpayGiven() > 0 {
		return all, s, nil
	}
	all.unionpay, err = sandbox.OpenUnionpay(sandbox.Options{DataDir: filepath.Join(s.DataDir, "sandbox-unionpay"), Log: log, Now: now, Path: unionpayPath})
	if err != nil {
		return nil, s, errors.Join(err, box.Close(context.Background()))
	}
	return all, s.withUnionpaySandbox(all.unionpay.UnionpayMerchant()), nil
}

// Handler serves all of them at one address.
func (b *sandboxes) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", b.alipay.Handler())
	if b.unionpay != nil {
		mux.Handle(unionpayPath+"/", b.unionpay.Handler())
	}
	return mux
}

// Close closes all of them; notifies that were not sent are kept.
func (b *sandboxes) Close(ctx context.Context) error {
	err := b.alipay.Close(ctx)
	if b.unionpay != nil {
		err = errors.Join(err, b.unionpay.Close(ctx))
	}
	return err
}

// withUnionpaySandbox points the UnionPay rail at its sandbox: other address,
// other keys, the same code.
func (s Settings) withUnionpaySandbox(m sandbox.UnionpayMerchant) Settings {
	s.UnionpayGateway = localURL(s.SandboxAddr) + unionpayPath
	s.UnionpayFileURL = s.UnionpayGateway + m.FilePath
	s.UnionpayMerID, s.UnionpayPFXFile, s.UnionpayPasswordFile = m.MerID, m.PFXFile, m.PasswordFile
	s.UnionpayRootFile, s.UnionpayMiddleFile = m.RootCertFile, m.MiddleCertFile
	return s
}

// rails are what sellers can pay by: Alipay, and online banking where UnionPay is
// set up or its sandbox runs.
func (s Settings) rails() []models.Rail {
	rails := []models.Rail{models.RailAlipay}
	if s.Sandbox() || s.unionpayGiven() > 0 {
		rails = append(rails, models.RailUnionpay)
	}
	return rails
}

// cashiers are where a confirmed payment may send the browser.
func (s Settings) cashiers() []string {
	cashiers := []string{s.AlipayPageURL}
	if s.UnionpayGateway != "" {
		cashiers = append(cashiers, s.UnionpayGateway)
	}
	return cashiers
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
