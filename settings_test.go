package main

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// productionEnviron returns settings that production takes, with key files of
// their own, and the overrides ("NAME=value") after them.
func productionEnviron(t *testing.T, overrides ...string) []string {
	t.Helper()
	folder := t.TempDir()
	write := func(name string, mode os.FileMode) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte("a key"), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return append([]string{
		"HOME=/root", "PORTAL_TEST_POSTGRES_URL=postgres://ignored",
		"PORTAL_ENV=production",
		"PORTAL_ADDR=:8080",
		"PORTAL_PUBLIC_URL=https://pay.example.com",
		"PORTAL_DATABASE_URL=postgres://portal@db.example.com/portal",
		"PORTAL_SECRET=0123456789abcdef0123456789abcdef",
		"PORTAL_ALIPAY_GATEWAY=https://openapi.alipay.com/gateway.do",
		"PORTAL_ALIPAY_APP_ID=2021000000000001",
		"PORTAL_ALIPAY_SELLER_ID=2088000000000001",
		"PORTAL_ALIPAY_PRIVATE_KEY_FILE=" + write("private.pem", 0o600),
		"PORTAL_ALIPAY_PUBLIC_KEY_FILE=" + write("public.pem", 0o644),
	}, overrides...)
}

// linesOf returns what an error says, a line each.
func linesOf(t *testing.T, err error) []string {
	t.Helper()
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func TestNewcomerNeedsNoSetting(t *testing.T) {
	s, err := LoadSettings([]string{"PORTAL_ADDR=", "PORTAL_PAYMENT_TTL="})
	if err != nil {
		t.Fatal(err)
	}
	want := Settings{
		Env: "demo", Addr: "127.0.0.1:8080", PublicURL: "http://localhost:8080",
		DatabaseURL: "sqlite:data/portal.db", DataDir: "data", LogLevel: slog.LevelInfo,
		StaffSession: 8 * time.Hour, StaffIdle: 30 * time.Minute,
		PaymentTTL: 30 * time.Minute, ArrearsGrace: 24 * time.Hour,
		MinRechargeFen: 200_00, MaxRechargeFen: 500_000_00, MinBudgetFen: 3000, MinBidFen: 5, SoftCap: 15, SoftStop: 150, SandboxAddr: "127.0.0.1:8081",
		APIRate: 200, Simulate: "on", ClockSpeed: 1,
		BankName: demoBank.Name, BankAccount: demoBank.Account, BankBranch: demoBank.Branch, BankCode: demoBank.Code, BankTransferTTL: 7 * 24 * time.Hour,
		MailFrom: demoSender,
	}
	if diff := cmp.Diff(want, s); diff != "" {
		t.Error(diff)
	}
	if !s.Demo() || !s.Sandbox() {
		t.Error("the default is not the demo with the sandbox")
	}
}

func TestPublicURLFollowsTheAddress(t *testing.T) {
	s, err := LoadSettings([]string{"PORTAL_ADDR=[::1]:9000"})
	if err != nil || s.PublicURL != "http://localhost:9000" {
		t.Errorf("PublicURL %q, %v", s.PublicURL, err)
	}
}

func TestProductionStartsWithSettingsAlone(t *testing.T) {
	s, err := LoadSettings(productionEnviron(t, "PORTAL_TRUSTED_PROXY=10.0.0.0/8,fd00::/8", "PORTAL_LOG_LEVEL=warn", "PORTAL_PAYMENT_TTL=15m"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Demo() || s.Sandbox() {
		t.Error("production is taken for the demo")
	}
	if s.AlipayPageURL != s.AlipayGateway {
		t.Errorf("the page address is %q, not the gateway's", s.AlipayPageURL)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}; !slices.Equal(s.TrustedProxy, want) {
		t.Errorf("trusted proxies %v, want %v", s.TrustedProxy, want)
	}
	if s.LogLevel != slog.LevelWarn || s.PaymentTTL != 15*time.Minute {
		t.Errorf("log level %v, payment TTL %v", s.LogLevel, s.PaymentTTL)
	}
	if key, err := s.SecretKey(); err != nil || string(key) != s.Secret {
		t.Errorf("secret key %q, %v", key, err)
	}
}

// One override of good production settings each, and the one line it leads to.
func TestProductionNamesWhatIsWrong(t *testing.T) {
	open := filepath.Join(t.TempDir(), "open.pem")
	if err := os.WriteFile(open, []byte("a key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o666); err != nil { // whatever the umask
		t.Fatal(err)
	}
	for override, want := range map[string]string{
		"PORTAL_ENV=prod":                                        `PORTAL_ENV: "prod" is neither demo nor production`,
		"PORTAL_ADDR=8080":                                       `PORTAL_ADDR: "8080" is not host:port`,
		"PORTAL_ADDR=:":                                          `PORTAL_ADDR: ":" is not host:port`,
		"PORTAL_ADDR=:99999":                                     `PORTAL_ADDR: ":99999" is not host:port`,
		"PORTAL_PUBLIC_URL=http://pay.test":                      "PORTAL_PUBLIC_URL: must be https in production: cookies do not travel over plain http",
		"PORTAL_PUBLIC_URL=https://127.0.0.1":                    "PORTAL_PUBLIC_URL: names this machine alone; no gateway could send a notify to it",
		"PORTAL_PUBLIC_URL=https://p.test/a":                     "PORTAL_PUBLIC_URL: must be scheme and host alone, without a path",
		"PORTAL_PUBLIC_URL=https://a:b@p.test":                   "PORTAL_PUBLIC_URL: must not hold a password or a #fragment",
		"PORTAL_PUBLIC_URL=pay.test":                             "PORTAL_PUBLIC_URL: is not an http or https address",
		"PORTAL_DATABASE_URL=mysql://db":                         "PORTAL_DATABASE_URL: must begin with sqlite: or postgres://",
		"PORTAL_DATABASE_URL=sqlite:data/portal.db":              "PORTAL_DATABASE_URL: must be set in production: the default is the demo's database",
		"PORTAL_DATA_DIR=":                                       "", // empty means the default
		"PORTAL_SECRET=":                                         "PORTAL_SECRET: must be set in production, to 32 random bytes or more",
		"PORTAL_SECRET=0123456789abcdef0123456789abcde":          "PORTAL_SECRET: has 31 bytes, at least 32 are needed",
		"PORTAL_SECRET=" + strings.Repeat("secret", 8):           "PORTAL_SECRET: is not random",
		"PORTAL_LOG_LEVEL=loud":                                  `PORTAL_LOG_LEVEL: slog: level string "loud": unknown name`,
		"PORTAL_TRUSTED_PROXY=10.0.0.1":                          `PORTAL_TRUSTED_PROXY: netip.ParsePrefix("10.0.0.1"): no '/'`,
		"PORTAL_PAYMENT_TTL=soon":                                `PORTAL_PAYMENT_TTL: unable to parse duration: time: invalid duration "soon"`,
		"PORTAL_PAYMENT_TTL=59s":                                 "PORTAL_PAYMENT_TTL: 59s is not between 1m0s and 24h",
		"PORTAL_PAYMENT_TTL=25h":                                 "PORTAL_PAYMENT_TTL: 25h0m0s is not between 1m0s and 24h",
		"PORTAL_ARREARS_GRACE=-1s":                               "PORTAL_ARREARS_GRACE: -1s is not between 0 and 720h",
		"PORTAL_MIN_RECHARGE_FEN=0":                              "PORTAL_MIN_RECHARGE_FEN: must be more than 0",
		"PORTAL_MIN_RECHARGE_FEN=200.00":                         `PORTAL_MIN_RECHARGE_FEN: strconv.ParseInt: parsing "200.00": invalid syntax`,
		"PORTAL_STAFF_SESSION=9h":                                "PORTAL_STAFF_SESSION: 9h0m0s is not between 15m and 8h",
		"PORTAL_STAFF_IDLE=10s":                                  "PORTAL_STAFF_IDLE: 10s is not between 1m and PORTAL_STAFF_SESSION",
		"PORTAL_MIN_BUDGET_FEN=0":                                "PORTAL_MIN_BUDGET_FEN: must be between 1 and PORTAL_MAX_RECHARGE_FEN",
		"PORTAL_MIN_BID_FEN=1000000":                             "PORTAL_MIN_BID_FEN: must be between 1 and 999900",
		"PORTAL_SOFT_START_CAP=101":                              "PORTAL_SOFT_START_CAP: 101 is not between 0 and 100",
		"PORTAL_SOFT_START_STOP=99":                              "PORTAL_SOFT_START_STOP: 99 is neither 0 nor between 100 and 1000",
		"PORTAL_MAX_RECHARGE_FEN=19999":                          "PORTAL_MAX_RECHARGE_FEN: must be between PORTAL_MIN_RECHARGE_FEN and 10000000000",
		"PORTAL_MAX_RECHARGE_FEN=10000000001":                    "PORTAL_MAX_RECHARGE_FEN: must be between PORTAL_MIN_RECHARGE_FEN and 10000000000",
		"PORTAL_API_RATE=-1":                                     "PORTAL_API_RATE: must be 0 or more",
		"PORTAL_WEBHOOK_URL=https://engine.test/hook":            "PORTAL_WEBHOOK_SECRET: must be set beside PORTAL_WEBHOOK_URL",
		"PORTAL_WEBHOOK_URL=http://engine.test/hook":             "PORTAL_WEBHOOK_URL: must be https in production",
		"PORTAL_WEBHOOK_SECRET=whsec_c2hvcnQ=":                   "PORTAL_WEBHOOK_SECRET: must be whsec_ and the base64 of 24 to 64 bytes",
		"PORTAL_WEBHOOK_SECRET=" + base64Of(32):                  "PORTAL_WEBHOOK_SECRET: must be whsec_ and the base64 of 24 to 64 bytes",
		"PORTAL_WEBHOOK_SECRET=whsec_" + base64Of(32):            "",
		"PORTAL_SIMULATE=fast":                                   `PORTAL_SIMULATE: "fast" is neither on, off nor a number up to 10000`,
		"PORTAL_SIMULATE=2":                                      "PORTAL_SIMULATE: only demo mode has the simulated ad engine",
		"PORTAL_SIMULATE=off":                                    "",
		"PORTAL_CLOCK_SPEED=0":                                   "PORTAL_CLOCK_SPEED: 0 is not between 1 and 3600",
		"PORTAL_CLOCK_SPEED=2":                                   "PORTAL_CLOCK_SPEED: only the demo with the built-in sandbox may hurry",
		"PORTAL_SANDBOX_ADDR=127.0.0.1:9":                        "PORTAL_SANDBOX_ADDR: only demo mode has the sandbox gateway",
		"PORTAL_ALIPAY_GATEWAY=":                                 "PORTAL_ALIPAY_GATEWAY: must be set",
		"PORTAL_ALIPAY_GATEWAY=http://localhost:8081/gateway.do": "PORTAL_ALIPAY_GATEWAY: is on this machine: production refuses the sandbox gateway",
		"PORTAL_ALIPAY_GATEWAY=https://openapi-sandbox.dl.alipaydev.com/gateway.do": "PORTAL_ALIPAY_GATEWAY: is Alipay's sandbox, where no money moves",
		"PORTAL_ALIPAY_GATEWAY=http://openapi.alipay.com/gateway.do":                "PORTAL_ALIPAY_GATEWAY: must be https in production",
		"PORTAL_ALIPAY_PAGE_URL=https://[::1]/gateway.do":                           "PORTAL_ALIPAY_PAGE_URL: is on this machine: production refuses the sandbox gateway",
		"PORTAL_ALIPAY_GATEWAY=https://127.1/gateway.do":                            "PORTAL_ALIPAY_GATEWAY: has a host that is neither a name nor an address",
		"PORTAL_ALIPAY_GATEWAY=https://localhost./gateway.do":                       "PORTAL_ALIPAY_GATEWAY: is on this machine: production refuses the sandbox gateway",
		"PORTAL_ALIPAY_APP_ID=demo":                                                 "PORTAL_ALIPAY_APP_ID: must be 16 digits",
		"PORTAL_ALIPAY_SELLER_ID=3088000000000001":                                  "PORTAL_ALIPAY_SELLER_ID: must be 16 digits that begin with 2088",
		"PORTAL_ALIPAY_PRIVATE_KEY_FILE=":                                           "PORTAL_ALIPAY_PRIVATE_KEY_FILE: must be set",
		"PORTAL_ALIPAY_PRIVATE_KEY_FILE=/nowhere/at.all":                            "PORTAL_ALIPAY_PRIVATE_KEY_FILE: stat /nowhere/at.all: no such file or directory",
		"PORTAL_ALIPAY_PRIVATE_KEY_FILE=/dev/null":                                  "PORTAL_ALIPAY_PRIVATE_KEY_FILE: /dev/null is not a file with a key in it",
		"PORTAL_ALIPAY_PRIVATE_KEY_FILE=" + open:                                    "PORTAL_ALIPAY_PRIVATE_KEY_FILE: " + open + " can be read by others; chmod 600",
		"PORTAL_ALIPAY_PUBLIC_KEY_FILE=" + open:                                     "PORTAL_ALIPAY_PUBLIC_KEY_FILE: " + open + " can be changed by others; chmod 644",
		"PORTAL_ALIPAY_APPID=2021000000000001":                                      "PORTAL_ALIPAY_APPID: there is no such setting",
	} {
		t.Run(override, func(t *testing.T) {
			_, err := LoadSettings(productionEnviron(t, override))
			lines := linesOf(t, err)
			if want == "" && err != nil || want != "" && !slices.Contains(lines, want) {
				t.Errorf("got\n%v\nwant\n%s", err, want)
			}
		})
	}
}

func base64Of(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

// A misspelt value must not lead to a second complaint about its empty place,
// and nothing may be left for the next start.
func TestEveryFaultIsNamedAtOnce(t *testing.T) {
	_, err := LoadSettings([]string{
		"PORTAL_ENV=production", "PORTAL_PAYMENT_TTL=soon", "PORTAL_MIN_RECHARGE_FEN=much", "PORTAL_COLOR=blue",
	})
	var names []string
	for _, line := range linesOf(t, err) {
		name, _, _ := strings.Cut(line, ":")
		names = append(names, name)
	}
	want := []string{
		"PORTAL_COLOR", "PORTAL_PAYMENT_TTL", "PORTAL_MIN_RECHARGE_FEN",
		"PORTAL_PUBLIC_URL", "PORTAL_PUBLIC_URL", "PORTAL_DATABASE_URL", "PORTAL_SECRET",
		"PORTAL_ALIPAY_GATEWAY", "PORTAL_ALIPAY_APP_ID", "PORTAL_ALIPAY_SELLER_ID",
		"PORTAL_ALIPAY_PRIVATE_KEY_FILE", "PORTAL_ALIPAY_PUBLIC_KEY_FILE",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// Alipay half set in demo mode is a mistake, not the sandbox.
func TestDemoTakesAllOfAlipayOrNothing(t *testing.T) {
	s, err := LoadSettings([]string{"PORTAL_ALIPAY_APP_ID=2021000000000001"})
	if s.Sandbox() {
		t.Error("the sandbox stands in although Alipay is set")
	}
	if lines := linesOf(t, err); len(lines) != 4 {
		t.Errorf("want the four other settings named, got\n%v", err)
	}
	if _, err = LoadSettings(productionEnviron(t, "PORTAL_ENV=demo")); err == nil || !strings.Contains(err.Error(), "PORTAL_ALIPAY_GATEWAY: moves real money") {
		t.Errorf("demo mode with a gateway that moves real money: %v", err)
	}
	if s, err = LoadSettings(productionEnviron(t, "PORTAL_ENV=demo", "PORTAL_ALIPAY_GATEWAY=https://openapi-sandbox.dl.alipaydev.com/gateway.do")); err != nil || s.Sandbox() {
		t.Errorf("demo refuses Alipay's own sandbox: %v", err)
	}
}

func TestDemoMayHurry(t *testing.T) {
	s, err := LoadSettings([]string{"PORTAL_CLOCK_SPEED=60", "PORTAL_SIMULATE=20"})
	if err != nil || s.ClockSpeed != 60 || s.simulatorRate() != 20 || !s.Simulated() {
		t.Errorf("speed %d, rate %v, %v", s.ClockSpeed, s.simulatorRate(), err)
	}
	if s, err = LoadSettings([]string{"PORTAL_SIMULATE=off"}); err != nil || s.Simulated() {
		t.Errorf("off is taken for on: %v", err)
	}
	if _, err := LoadSettings([]string{"PORTAL_PAYMENT_TTL=3s"}); err != nil {
		t.Error(err)
	}
	if _, err := LoadSettings([]string{"PORTAL_PAYMENT_TTL=0s"}); err == nil {
		t.Error("a payment that ends at once is taken")
	}
}

func TestDemoSecretIsMadeOnceAndKeptPrivate(t *testing.T) {
	s := Settings{Env: demo, DataDir: filepath.Join(t.TempDir(), "data")}
	keys := make([]string, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			key, err := s.SecretKey()
			if err != nil {
				t.Error(err)
			}
			keys[i] = string(key)
		})
	}
	all.Wait()
	if slices.Sort(keys); keys[0] != keys[len(keys)-1] || len(keys[0]) < minSecretBytes {
		t.Errorf("eight starts at once have the keys %q", keys)
	}
	files, err := os.ReadDir(s.DataDir)
	if err != nil || len(files) != 1 || files[0].Name() != "secret" {
		t.Fatalf("the data folder holds %v, %v", files, err)
	}
	if info, err := files[0].Info(); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestSpoiltDemoSecretIsRefused(t *testing.T) {
	s := Settings{Env: demo, DataDir: t.TempDir()}
	if err := os.WriteFile(filepath.Join(s.DataDir, "secret"), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if key, err := s.SecretKey(); err == nil || !strings.Contains(err.Error(), "delete it") {
		t.Errorf("key %q, %v", key, err)
	}
}

func TestProductionNeverMakesASecret(t *testing.T) {
	s := Settings{Env: production, DataDir: t.TempDir()}
	if key, err := s.SecretKey(); err == nil {
		t.Errorf("production made the key %q for itself", key)
	}
}

// The README's settings table is the struct's, row by row and in its order.
func TestReadmeTableMatchesSettings(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantRows(), settingRows(string(readme))); diff != "" {
		t.Errorf("README.md (+) differs from Settings (-); the rows should be\n%s\n\n%s", strings.Join(wantRows(), "\n"), diff)
	}
}

func TestReadmeRowsAreFound(t *testing.T) {
	got := settingRows("text\n| name | default |\n|---|---|\n| `PORTAL_A` | `1` | one |\nPORTAL_B\n| `PORTAL_C` | none | three |\n")
	if diff := cmp.Diff([]string{"| `PORTAL_A` | `1` | one |", "| `PORTAL_C` | none | three |"}, got); diff != "" {
		t.Error(diff)
	}
}

func wantRows() []string {
	var rows []string
	for _, row := range settingsTable() {
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", row.name, row.standard, row.meaning))
	}
	return rows
}

func settingRows(readme string) []string {
	var rows []string
	for line := range strings.Lines(readme) {
		if strings.HasPrefix(line, "| `PORTAL_") {
			rows = append(rows, strings.TrimRight(line, "\n"))
		}
	}
	return rows
}

// Without these a new field would be no setting at all, or one that nobody can
// look up.
func TestEverySettingHasNameDefaultAndMeaning(t *testing.T) {
	for _, row := range settingsTable() {
		if !strings.HasPrefix(row.name, "PORTAL_") || row.standard == "" || row.meaning == "" {
			t.Errorf("incomplete: %+v", row)
		}
	}
}
