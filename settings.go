package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"ztc-portal/models"
)

const (
	demo       = "demo"
	production = "production"

	// minSecretBytes is the least that signs cookies: 256 bits when random.
	minSecretBytes = 32

	// maxSimulatorRate is as busy as one simulated engine gets.
	maxSimulatorRate = 10_000

	// testPrefix marks variables that belong to the tests and set nothing here.
	testPrefix = "PORTAL_TEST_"

	// railMax is the most that any gateway takes in one payment, ¥100,000,000.00.
	railMax = 100_000_000 * models.Yuan
)

// Settings is everything an operator can set, each from one variable of the
// environment and with a default that suits the newcomer. The tags are the
// settings table: README.md repeats them, and a test compares the two.
// "derived" says what stands in for a default that is not a constant.
type Settings struct {
	Env         string     `env:"PORTAL_ENV" envDefault:"demo" meaning:"demo: sandbox gateway and demo sellers; production: neither, and every rule below is checked"`
	Addr        string     `env:"PORTAL_ADDR" envDefault:"127.0.0.1:8080" meaning:"address to listen on"`
	PublicURL   string     `env:"PORTAL_PUBLIC_URL" derived:"localhost and the port of PORTAL_ADDR" meaning:"what browsers and gateways call the portal; https in production"`
	DatabaseURL string     `env:"PORTAL_DATABASE_URL" envDefault:"sqlite:data/portal.db" meaning:"sqlite:FILE or postgres://…; production must name its own"`
	DataDir     string     `env:"PORTAL_DATA_DIR" envDefault:"data" meaning:"folder for what demo mode generates: secret, sandbox keys"`
	Secret      string     `env:"PORTAL_SECRET" derived:"generated in demo" meaning:"signs cookies and form tokens, seals second factors; 32 bytes or more, the same on every replica"`
	LogLevel    slog.Level `env:"PORTAL_LOG_LEVEL" envDefault:"INFO" meaning:"DEBUG, INFO, WARN or ERROR"`

	TrustedProxy []netip.Prefix `env:"PORTAL_TRUSTED_PROXY" derived:"none" meaning:"networks, comma-separated, whose X-Forwarded-For is believed"`

	PaymentTTL     time.Duration `env:"PORTAL_PAYMENT_TTL" envDefault:"30m" meaning:"how long a payment can be paid; sent to the gateway as its deadline"`
	ArrearsGrace   time.Duration `env:"PORTAL_ARREARS_GRACE" envDefault:"24h" meaning:"how long an account may be in arrears before it is suspended"`
	MinRechargeFen models.Fen    `env:"PORTAL_MIN_RECHARGE_FEN" envDefault:"20000" meaning:"least amount of one recharge, in fen, by methods that name none of their own"`
	MaxRechargeFen models.Fen    `env:"PORTAL_MAX_RECHARGE_FEN" envDefault:"50000000" meaning:"greatest amount of one recharge, in fen, by methods that name none of their own; no suggestion and no daily budget is greater"`

	MinBudgetFen models.Fen `env:"PORTAL_MIN_BUDGET_FEN" envDefault:"3000" meaning:"least daily budget of a campaign, in fen"`
	MinBidFen    models.Fen `env:"PORTAL_MIN_BID_FEN" envDefault:"5" meaning:"least bid of a keyword, in fen"`
	SoftCap      int        `env:"PORTAL_SOFT_START_CAP" envDefault:"15" meaning:"soft start: the most that a restarted campaign's first hour costs, in percent of its daily budget; 0: no soft start"`
	SoftStop     int        `env:"PORTAL_SOFT_START_STOP" envDefault:"150" meaning:"soft start: a campaign is paused whose PPC or first hour costs more than this, in percent of what it did before the stop; 0: never"`

	AlipayMinFen            models.Fen `env:"PORTAL_ALIPAY_MIN_FEN" derived:"PORTAL_MIN_RECHARGE_FEN" meaning:"least amount of one payment by Alipay, in fen"`
	AlipayMaxFen            models.Fen `env:"PORTAL_ALIPAY_MAX_FEN" derived:"PORTAL_MAX_RECHARGE_FEN" meaning:"greatest amount of one payment by Alipay, in fen"`
	WechatMinFen            models.Fen `env:"PORTAL_WECHAT_MIN_FEN" derived:"PORTAL_MIN_RECHARGE_FEN" meaning:"least amount of one payment by WeChat Pay, in fen"`
	WechatMaxFen            models.Fen `env:"PORTAL_WECHAT_MAX_FEN" derived:"5000000, or PORTAL_MAX_RECHARGE_FEN where that is less" meaning:"greatest amount of one payment by WeChat Pay, in fen; the default is what acquirers publish (Worldpay: ¥50,000), so set what your contract says"`
	UnionpayMinFen          models.Fen `env:"PORTAL_UNIONPAY_MIN_FEN" derived:"PORTAL_MIN_RECHARGE_FEN" meaning:"least amount of one payment by online banking, in fen"`
	UnionpayMaxFen          models.Fen `env:"PORTAL_UNIONPAY_MAX_FEN" derived:"PORTAL_MAX_RECHARGE_FEN" meaning:"greatest amount of one payment by online banking from a person's account (B2C), in fen"`
	UnionpayCorporateMaxFen models.Fen `env:"PORTAL_UNIONPAY_CORPORATE_MAX_FEN" derived:"ten times PORTAL_UNIONPAY_MAX_FEN" meaning:"likewise from a company's account (B2B); not less than from a person's"`
	BankMinFen              models.Fen `env:"PORTAL_BANK_MIN_FEN" derived:"PORTAL_MIN_RECHARGE_FEN" meaning:"least amount of one bank transfer, in fen"`
	BankMaxFen              models.Fen `env:"PORTAL_BANK_MAX_FEN" derived:"10000000000" meaning:"greatest amount of one bank transfer, in fen"`

	StaffSession time.Duration `env:"PORTAL_STAFF_SESSION" envDefault:"8h" meaning:"how long a sign-in of staff lasts at most"`
	StaffIdle    time.Duration `env:"PORTAL_STAFF_IDLE" envDefault:"30m" meaning:"how long a sign-in of staff lasts unused"`

	APIRate       int      `env:"PORTAL_API_RATE" envDefault:"200" meaning:"requests a second that one API key may make, twice as many at once; 0: no limit"`
	WebhookURL    string   `env:"PORTAL_WEBHOOK_URL" derived:"none" meaning:"where the ad engine is told of changes; https in production"`
	WebhookSecret []string `env:"PORTAL_WEBHOOK_SECRET" derived:"none" meaning:"signs webhooks: whsec_ and base64 of 24 to 64 random bytes; two, comma-separated, while it is being changed"`

	SMTPURL  string `env:"PORTAL_SMTP_URL" derived:"the sandbox's mailbox in demo; else none, and no mail" meaning:"mail server: smtp://user:password@host:587 (STARTTLS, but on this machine) or smtps://user:password@host; without it nobody is invited, resets a password or is alerted by mail"`
	MailFrom string `env:"PORTAL_MAIL_FROM" derived:"made up in demo" meaning:"who mails come from: an address, or Name <address>; beside PORTAL_SMTP_URL"`

	Holidays []string `env:"PORTAL_HOLIDAYS" derived:"those of 2026 alone" meaning:"public holidays as they are announced, for the look-ahead of alerts: 2027-02-06..2027-02-12,2027-04-05"`
	Workdays []string `env:"PORTAL_WORKDAYS" derived:"those of 2026 alone" meaning:"weekend days that are worked instead, in the same form"`

	Simulate   string `env:"PORTAL_SIMULATE" envDefault:"on" meaning:"demo only: a simulated ad engine makes clicks, so that balances move; off stops it, a number makes it so many times as busy"`
	ClockSpeed int    `env:"PORTAL_CLOCK_SPEED" envDefault:"1" meaning:"demo only: how many times faster than real time the portal's clock runs, 1 to 3600"`

	SandboxAddr string `env:"PORTAL_SANDBOX_ADDR" envDefault:"127.0.0.1:8081" meaning:"address of the sandbox gateway; demo only"`

	AlipayGateway        string `env:"PORTAL_ALIPAY_GATEWAY" derived:"the sandbox in demo" meaning:"Alipay's gateway, server to server: https://openapi.alipay.com/gateway.do"`
	AlipayPageURL        string `env:"PORTAL_ALIPAY_PAGE_URL" derived:"PORTAL_ALIPAY_GATEWAY" meaning:"where the browser goes to pay"`
	AlipayAppID          string `env:"PORTAL_ALIPAY_APP_ID" derived:"the sandbox's in demo" meaning:"the app's id at Alipay, 16 digits"`
	AlipaySellerID       string `env:"PORTAL_ALIPAY_SELLER_ID" derived:"the sandbox's in demo" meaning:"the merchant's id at Alipay, 16 digits from 2088"`
	AlipayPrivateKeyFile string `env:"PORTAL_ALIPAY_PRIVATE_KEY_FILE" derived:"generated in demo" meaning:"file with the app's RSA private key, readable by its owner alone (0600)"`
	AlipayPublicKeyFile  string `env:"PORTAL_ALIPAY_PUBLIC_KEY_FILE" derived:"generated in demo" meaning:"file with Alipay's public key for this app, not the app's own"`

	WechatBaseURL        string        `env:"PORTAL_WECHAT_BASE_URL" derived:"the sandbox in demo; else none, and no WeChat Pay" meaning:"WeChat Pay's API: https://api.mch.weixin.qq.com"`
	WechatMchID          string        `env:"PORTAL_WECHAT_MCH_ID" derived:"the sandbox's in demo" meaning:"the merchant's id at WeChat Pay, digits"`
	WechatAppID          string        `env:"PORTAL_WECHAT_APP_ID" derived:"the sandbox's in demo" meaning:"the app that is bound to the merchant, wx and 16 more"`
	WechatSerial         string        `env:"PORTAL_WECHAT_SERIAL" derived:"the sandbox's in demo" meaning:"serial number of the merchant's API certificate, hexadecimal"`
	WechatPrivateKeyFile string        `env:"PORTAL_WECHAT_PRIVATE_KEY_FILE" derived:"generated in demo" meaning:"file with that certificate's private key (apiclient_key.pem), readable by its owner alone (0600)"`
	WechatAPIKeyFile     string        `env:"PORTAL_WECHAT_API_KEY_FILE" derived:"generated in demo" meaning:"file with the APIv3 key, 32 characters, readable by its owner alone (0600)"`
	WechatPublicKey      []string      `env:"PORTAL_WECHAT_PUBLIC_KEY" derived:"generated in demo" meaning:"PUB_KEY_ID_…=FILE with WeChat Pay's public key; two, comma-separated, while it is being changed, the newer first"`
	UnionpayGateway      string        `env:"PORTAL_UNIONPAY_GATEWAY" derived:"the sandbox in demo, else off" meaning:"UnionPay's gateway: https://gateway.95516.com"`
	UnionpayFileURL      string        `env:"PORTAL_UNIONPAY_FILE_URL" derived:"filedownload. for gateway. in PORTAL_UNIONPAY_GATEWAY" meaning:"where UnionPay's settlement files lie"`
	UnionpayMerID        string        `env:"PORTAL_UNIONPAY_MER_ID" derived:"the sandbox's in demo" meaning:"the merchant's number at UnionPay, 15 characters"`
	UnionpayPFXFile      string        `env:"PORTAL_UNIONPAY_PFX_FILE" derived:"generated in demo" meaning:"file with the merchant's certificate and key (.pfx), readable by its owner alone (0600)"`
	UnionpayPasswordFile string        `env:"PORTAL_UNIONPAY_PFX_PASSWORD_FILE" derived:"generated in demo" meaning:"file with the password of that file, readable by its owner alone (0600)"`
	UnionpayRootFile     string        `env:"PORTAL_UNIONPAY_ROOT_CERT_FILE" derived:"generated in demo" meaning:"file with UnionPay's root certificate (acp_prod_root.cer)"`
	UnionpayMiddleFile   string        `env:"PORTAL_UNIONPAY_MIDDLE_CERT_FILE" derived:"generated in demo" meaning:"file with UnionPay's middle certificate (acp_prod_middle.cer)"`
	BankName             string        `env:"PORTAL_BANK_NAME" derived:"made up in demo" meaning:"who bank transfers are paid to: the company's name as its bank has it; without it nobody is offered bank transfer"`
	BankAccount          string        `env:"PORTAL_BANK_ACCOUNT" derived:"made up in demo" meaning:"the company's account at its bank, 8 to 32 digits"`
	BankBranch           string        `env:"PORTAL_BANK_BRANCH" derived:"made up in demo" meaning:"bank and branch of that account"`
	BankCode             string        `env:"PORTAL_BANK_CODE" derived:"made up in demo" meaning:"the branch's number among banks, 12 digits"`
	BankTransferTTL      time.Duration `env:"PORTAL_BANK_TRANSFER_TTL" envDefault:"168h" meaning:"how long a bank transfer may take; later money is credited all the same"`

	Unknown faults // demo: PORTAL_ names that set nothing, to be warned of
}

// setting is one row of the settings table.
type setting struct{ name, standard, meaning string }

// settingsTable lists the settings in the order of the struct's fields, each
// with its default, or with words for one that is not a constant.
func settingsTable() []setting {
	fields := reflect.VisibleFields(reflect.TypeFor[Settings]())
	table := make([]setting, 0, len(fields))
	for _, field := range fields {
		if field.Tag.Get("env") == "" {
			continue
		}
		row := setting{name: field.Tag.Get("env"), standard: field.Tag.Get("derived"), meaning: field.Tag.Get("meaning")}
		if constant, ok := field.Tag.Lookup("envDefault"); ok {
			row.standard = "`" + constant + "`"
		}
		table = append(table, row)
	}
	return table
}

// defaultOf returns the constant default of a setting, "" where it has none.
func defaultOf(name string) string {
	for _, row := range settingsTable() {
		if row.name == name && strings.HasPrefix(row.standard, "`") {
			return strings.Trim(row.standard, "`")
		}
	}
	return ""
}

// LoadSettings reads the settings from "NAME=value" strings, as os.Environ gives
// them; an empty value is none. It refuses with everything that is wrong at once, one
// line each: values that cannot be read, PORTAL_ names that do not exist (in demo
// mode they only stand in Unknown), and what Validate finds.
func LoadSettings(environ []string) (Settings, error) {
	values := env.ToMap(environ)
	maps.DeleteFunc(values, func(_, value string) bool { return value == "" })

	var s Settings
	unread := readInto(&s, values)
	wrong := slices.Clone(unread)
	if unknown := unknownNames(values); s.Demo() {
		s.Unknown = unknown
	} else {
		wrong = append(unknown, wrong...)
	}
	if s.PublicURL == "" {
		s.PublicURL = localURL(s.Addr)
	}
	if s.AlipayPageURL == "" {
		s.AlipayPageURL = s.AlipayGateway
	}
	s = s.withDemoBank().withMailSender()
	for _, found := range s.faults() {
		if !slices.ContainsFunc(unread, func(u fault) bool { return u.name == found.name }) {
			wrong = append(wrong, found)
		}
	}
	return s, wrong.orNil()
}

// Validate refuses settings the portal must not start with and names everything
// that is wrong at once, one line each.
func (s Settings) Validate() error { return s.faults().orNil() }

// Demo says whether demo sellers may exist and cookies may travel over http.
func (s Settings) Demo() bool { return s.Env == demo }

// Sandbox says whether the sandbox gateway stands in for Alipay: in demo mode,
// as long as no setting of Alipay is given.
func (s Settings) Sandbox() bool { return s.Demo() && s.alipayGiven() == 0 }

// Simulated says whether the demo runs its own ad engine.
func (s Settings) Simulated() bool { return s.Demo() && s.Simulate != "off" }

// simulatorRate is how busy that engine is; 1 is gentle, 0 is no number.
func (s Settings) simulatorRate() float64 {
	if s.Simulate == "on" {
		return 1
	}
	rate, err := strconv.ParseFloat(s.Simulate, 64)
	if err != nil || !(rate > 0 && rate <= maxSimulatorRate) {
		return 0
	}
	return rate
}

// SecretKey returns the key that signs cookies. In demo mode without
// PORTAL_SECRET it is generated once and kept in the data folder (0600).
func (s Settings) SecretKey() ([]byte, error) {
	if s.Secret != "" {
		return []byte(s.Secret), nil
	}
	if !s.Demo() {
		return nil, errors.New("PORTAL_SECRET is not set")
	}
	path := filepath.Join(s.DataDir, "secret")
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = createSecret(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the demo secret: %w", err)
	}
	if len(key) < minSecretBytes {
		return nil, fmt.Errorf("the demo secret: %s has %d bytes, at least %d are needed; delete it and start again", path, len(key), minSecretBytes)
	}
	return key, nil
}

// createSecret writes a new secret under a name of its own and then links it into
// place, so that of two processes starting at once both end with the same one.
func createSecret(path string) ([]byte, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), ".secret-*") // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(draft.Name())
	random := make([]byte, minSecretBytes)
	rand.Read(random) // never fails: it ends the process instead
	_, err = draft.WriteString(hex.EncodeToString(random))
	if err = errors.Join(err, draft.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(draft.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// fault is one setting that is wrong, and why.
type fault struct{ name, why string }

type faults []fault

func (f *faults) add(name, why string, args ...any) {
	*f = append(*f, fault{name, fmt.Sprintf(why, args...)})
}

func (f faults) orNil() error {
	lines := make([]error, len(f))
	for i, one := range f {
		lines[i] = errors.New(one.name + ": " + one.why)
	}
	return errors.Join(lines...)
}

// readInto fills the settings field by field, so that each value that cannot be
// read is named by its variable.
func readInto(s *Settings, values map[string]string) faults {
	var found faults
	err := env.ParseWithOptions(s, env.Options{Environment: values})
	var all env.AggregateError
	if err == nil || !errors.As(err, &all) {
		return found
	}
	for _, one := range all.Errors {
		var unread env.ParseError
		if !errors.As(one, &unread) {
			found.add("settings", "%v", one)
			continue
		}
		field, _ := reflect.TypeFor[Settings]().FieldByName(unread.Name)
		found.add(field.Tag.Get("env"), "%v", unread.Err)
	}
	return found
}

// unknownNames finds PORTAL_ variables that set nothing: most are misspelt.
func unknownNames(values map[string]string) faults {
	var found faults
	table := settingsTable()
	for name := range values {
		known := slices.ContainsFunc(table, func(row setting) bool { return row.name == name })
		if strings.HasPrefix(name, "PORTAL_") && !known && !strings.HasPrefix(name, testPrefix) {
			found.add(name, "there is no such setting")
		}
	}
	slices.SortFunc(found, func(a, b fault) int { return strings.Compare(a.name, b.name) })
	return found
}

// localURL is how a browser on this machine reaches the address.
func localURL(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: "http", Host: net.JoinHostPort("localhost", port)}).String()
}
