package unionpay_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/unionpay"
	"ztc-portal/models"
)

func TestNotifyOfAPayment(t *testing.T) {
	t.Parallel()
	body := signForm(far().signer, message()).Encode()
	got, err := newRail(t, noGateway).ReadNotify(nil, []byte(body))
	if err != nil || got.Raw == "" {
		t.Fatal(got, err)
	}
	got.Raw = ""
	want := models.Receipt{
		Rail: models.RailUnionpay, OutTradeNo: testNo, GatewayTradeNo: "202603042000001234568", State: models.TradePaid, AmountFen: 1600_00,
		Currency: "CNY", Payee: testMerID, OpenedAt: time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC), PaidAt: time.Date(2026, 3, 4, 12, 1, 0, 0, time.UTC),
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for code, state := range map[string]models.TradeState{"A6": models.TradePaid, "05": models.TradeWaiting, "64": models.TradeWaiting, "": models.TradeWaiting} {
		got, err := newRail(t, noGateway).ReadNotify(nil, []byte(signForm(far().signer, message("respCode", code)).Encode()))
		if err != nil || got.State != state {
			t.Errorf("code %q: %s, %v; want %s", code, got.State, err, state)
		}
	}
	foreign, err := newRail(t, noGateway).ReadNotify(nil, []byte(signForm(far().signer, message("currencyCode", "840")).Encode()))
	if err != nil || foreign.Currency == "CNY" {
		t.Errorf("dollars are %+v, %v", foreign, err)
	}
}

// A refund's notice looks like a payment's, and must never be taken for one.
func TestNotifyOfARefundIsNoCredit(t *testing.T) {
	t.Parallel()
	body := signForm(far().signer, message("txnType", "04", "txnSubType", "00", "orderId", "F260304ABCDEFGHJKMNPQ", "origQryId", "202603042000001234568", "queryId", "202603042000009999999")).Encode()
	got, err := newRail(t, noGateway).ReadNotify(nil, []byte(body))
	if err != nil || !got.RefundNotice || got.RefundNo != "F260304ABCDEFGHJKMNPQ" || got.OutTradeNo != "" || got.GatewayTradeNo != "202603042000001234568" {
		t.Errorf("got %+v, %v", got, err)
	}
	other, err := newRail(t, noGateway).ReadNotify(nil, []byte(signForm(far().signer, message("txnType", "31")).Encode()))
	if err != nil || other.State != models.TradeUnknown {
		t.Errorf("a kind that we never ask for: %+v, %v", other, err)
	}
	if no, err := newRail(t, noGateway).ReadReturn(signForm(far().signer, message("txnType", "04"))); !errors.Is(err, gateways.ErrUnverified) || no != "" {
		t.Errorf("as a way back: %q, %v", no, err)
	}
}

func TestNotifyThatIsNotUnionPays(t *testing.T) {
	t.Parallel()
	const name = "041@Z12@中国银联股份有限公司@00000001"
	middle, shop := far().middle, far().shop
	evilMiddle := certify("CFCA TEST OCA1", evilKey(), nil, true)
	deeper := certify(name, evilKey(), &shop, false) // a merchant plays authority
	sign := func(by certified) url.Values { return signForm(by, message()) }
	twice := sign(far().signer)
	twice.Set("signPubKeyCert", twice.Get("signPubKeyCert")+evilMiddle.pem())
	repeated := sign(far().signer)
	repeated.Add("orderId", testNo)
	odd := signForm(far().signer, message("order Id", "x"))
	for what, form := range map[string]url.Values{
		"signed by a stranger":            sign(certify(name, evilKey(), nil, false)),
		"by a stranger's authority":       sign(certify(name, signerKey(), &evilMiddle, false)),
		"by a merchant's authority":       sign(deeper),
		"by a merchant":                   sign(far().shop),
		"by the authority itself":         sign(middle),
		"by one that is over":             sign(certify(name, signerKey(), &middle, false, 2020, 2026)),
		"by one that is to come":          sign(certify(name, signerKey(), &middle, false, 2027, 2040)),
		"by the test environment's":       sign(certify("041@Z12@00040000:SIGN@00000001", signerKey(), &middle, false)),
		"by a name in another place":      sign(certify("中国银联股份有限公司@041@Z12@1", signerKey(), &middle, false)),
		"by the bare name":                sign(certify("中国银联股份有限公司", signerKey(), &middle, false)),
		"by a name that begins like it":   sign(certify("041@Z12@中国银联股份有限公司广州分公司@1", signerKey(), &middle, false)),
		"under two certificates":          twice,
		"a field twice":                   repeated,
		"a field of an odd name":          odd,
		"for another merchant":            signForm(far().signer, message("merId", "777290058110097")),
		"for nobody":                      signForm(far().signer, message("merId", "")),
		"too long":                        signForm(far().signer, message("reqReserved", strings.Repeat("x", 64<<10))),
		"an empty field cut off and kept": signForm(far().signer, message("version", "")),
	} {
		got, err := newRail(t, noGateway).ReadNotify(nil, []byte(form.Encode()))
		if !errors.Is(err, gateways.ErrUnverified) || got != (models.Receipt{}) {
			t.Errorf("%s: got %+v, %v; want ErrUnverified", what, got, err)
		}
	}
	for _, body := range []string{"", "%zz", "signature=&signPubKeyCert=", "\x00=\xff"} {
		if _, err := newRail(t, noGateway).ReadNotify(nil, []byte(body)); !errors.Is(err, gateways.ErrUnverified) {
			t.Errorf("%q: %v", body, err)
		}
	}
}

// The test environment's signer counts where the configuration says so, and
// nobody else does then either.
func TestTestEnvironmentIsBelievedOnlyWhereItIsSet(t *testing.T) {
	t.Parallel()
	config := testConfig(noGateway)
	config.Test = true
	rail, err := unionpay.New(config)
	if err != nil {
		t.Fatal(err)
	}
	middle := far().middle
	theirs := certify("041@Z12@00040000:SIGN@00000001", signerKey(), &middle, false)
	if _, err := rail.ReadNotify(nil, []byte(signForm(theirs, message()).Encode())); err != nil {
		t.Errorf("the test environment's: %v", err)
	}
	if _, err := rail.ReadNotify(nil, []byte(signForm(far().shop, message()).Encode())); !errors.Is(err, gateways.ErrUnverified) {
		t.Errorf("a merchant's: %v", err)
	}
}

func TestConfigNamesEverythingThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := unionpay.New(unionpay.Config{GatewayURL: "gateway", MerID: "1"})
	for _, words := range []string{"gateway URL", "file URL", "merchant number", "merchant certificate: missing", "root certificate: missing", "middle certificate: missing"} {
		if err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%v does not name %s", err, words)
		}
	}
	for words, spoil := range map[string]func(*unionpay.Config){
		"password does not open":   func(c *unionpay.Config) { c.Password = "wrong" },
		"not readable as PKCS #12": func(c *unionpay.Config) { c.PFX = []byte("no pfx") },
		"root did not sign it":     func(c *unionpay.Config) { c.RootPEM = []byte(certify("another", evilKey(), nil, true).pem()) },
		"signs no others":          func(c *unionpay.Config) { c.MiddlePEM = []byte(far().signer.pem()) },
		"not readable as a cert":   func(c *unionpay.Config) { c.MiddlePEM = []byte("x") },
	} {
		config := testConfig(noGateway)
		spoil(&config)
		if _, err := unionpay.New(config); err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want %s", err, words)
		}
	}
	config := testConfig(noGateway)
	config.RootPEM = far().root.certificate.Raw // as .cer files hold it
	if _, err := unionpay.New(config); err != nil {
		t.Errorf("DER: %v", err)
	}
}

func TestSettlementFilesLieBesideTheGateway(t *testing.T) {
	t.Parallel()
	for gateway, want := range map[string]string{
		"https://gateway.95516.com":       "https://filedownload.95516.com/",
		"https://gateway.test.95516.com/": "https://filedownload.test.95516.com/",
		"http://localhost:1/x":            "http://localhost:1/x/",
	} {
		if got := unionpay.FileURLOf(gateway); got != want {
			t.Errorf("of %s: %s, want %s", gateway, got, want)
		}
	}
}

// The front notify comes through a browser, which ends lines by CR LF however
// they were signed.
func TestFrontNotifyThroughABrowser(t *testing.T) {
	t.Parallel()
	rail := newRail(t, noGateway)
	form := signForm(far().signer, message()) // its certificate's lines end by LF
	form.Set("signPubKeyCert", strings.ReplaceAll(form.Get("signPubKeyCert"), "\n", "\r\n"))
	if no, err := rail.ReadReturn(form); err != nil || no != testNo {
		t.Errorf("with lines as a browser ends them: %q, %v", no, err)
	}
	if _, err := rail.ReadNotify(nil, []byte(form.Encode())); !errors.Is(err, gateways.ErrUnverified) {
		t.Errorf("a back notify passes no browser: %v", err)
	}
	form.Set("txnAmt", "1")
	if no, err := rail.ReadReturn(form); !errors.Is(err, gateways.ErrUnverified) || no != "" {
		t.Errorf("altered: %q, %v", no, err)
	}
}

// Certificates are held against the rail's own clock, which in a demo runs ahead
// of the machine's.
func TestCertificatesAreJudgedByTheRailsClock(t *testing.T) {
	t.Parallel()
	const name = "041@Z12@中国银联股份有限公司@00000001"
	root := certify("CFCA", rootKey(), nil, true, 2020, 2099)
	middle := certify("CFCA OCA", middleKey(), &root, true, 2020, 2099)
	signer := certify(name, signerKey(), &middle, false, 2090, 2096)
	config := testConfig(noGateway)
	config.RootPEM, config.MiddlePEM = []byte(root.pem()), []byte(middle.pem())
	for year, valid := range map[int]bool{2089: false, 2095: true, 2097: false} {
		config.Now = func() time.Time { return time.Date(year, 6, 1, 0, 0, 0, 0, time.UTC) }
		rail, err := unionpay.New(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := rail.ReadNotify(nil, []byte(signForm(signer, message()).Encode())); (err == nil) != valid {
			t.Errorf("in %d: %v, want it valid: %v", year, err, valid)
		}
	}
}
