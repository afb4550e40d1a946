package text

import (
	"context"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
)

// message is one entry of a catalogue: its forms by plural word; a plain string
// has the form "other" alone.
type message map[string]string

func (m *message) UnmarshalJSON(b []byte) error {
	if b[0] == '"' {
		var words string
		err := json.Unmarshal(b, &words)
		*m = message{"other": words}
		return err
	}
	var forms map[string]string
	err := json.Unmarshal(b, &forms)
	*m = forms
	return err
}

func readCatalogue(t *testing.T, lang string) map[string]message {
	t.Helper()
	raw, err := catalogues.ReadFile(lang + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]message
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCataloguesHaveTheSameKeys(t *testing.T) {
	zh, en := readCatalogue(t, Chinese), readCatalogue(t, English)
	for key := range zh {
		if _, ok := en[key]; !ok {
			t.Errorf("%s is missing in English", key)
		}
	}
	for key := range en {
		if _, ok := zh[key]; !ok {
			t.Errorf("%s is missing in Chinese", key)
		}
	}
}

var placeholder = regexp.MustCompile(`\{\{\.(\w+)\}\}`)

func placeholders(m message) []string {
	found := map[string]bool{}
	for _, form := range m {
		for _, p := range placeholder.FindAllStringSubmatch(form, -1) {
			found[p[1]] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func TestCataloguesHaveTheSamePlaceholders(t *testing.T) {
	zh, en := readCatalogue(t, Chinese), readCatalogue(t, English)
	for key, m := range zh {
		if a, b := placeholders(m), placeholders(en[key]); !slices.Equal(a, b) {
			t.Errorf("%s: Chinese has %v, English %v", key, a, b)
		}
		for _, form := range slices.Concat(slices.Collect(maps.Values(m)), slices.Collect(maps.Values(en[key]))) {
			if left := placeholder.ReplaceAllString(form, ""); strings.ContainsAny(left, "{}") {
				t.Errorf("%s: a placeholder is not written {{.Name}}: %s", key, form)
			}
			if strings.TrimSpace(form) != form || form == "" {
				t.Errorf("%s: empty, or space around the words: %q", key, form)
			}
		}
	}
}

func TestPluralFormsAreThoseOfTheLanguage(t *testing.T) {
	for key, m := range readCatalogue(t, Chinese) {
		if len(m) != 1 || m["other"] == "" {
			t.Errorf("%s: Chinese has one form only, got %v", key, m)
		}
	}
	for key, m := range readCatalogue(t, English) {
		_, one := m["one"]
		if m["other"] == "" || len(m) > 2 || len(m) == 2 && !one {
			t.Errorf("%s: English has one and other, got %v", key, m)
		}
	}
}

func TestEveryKeySaysItselfInBothLanguages(t *testing.T) {
	for _, lang := range Languages {
		ctx := With(context.Background(), lang)
		for key, m := range readCatalogue(t, lang) {
			args := map[string]any{}
			for _, name := range placeholders(m) {
				args[name] = 2
			}
			if words := TMap(ctx, key, args); words == "" || strings.ContainsAny(words, "⟦<{") {
				t.Errorf("%s in %s says %q", key, lang, words)
			}
			if !Has(key) {
				t.Errorf("Has does not know %s", key)
			}
		}
	}
}

func TestWordsFollowTheContext(t *testing.T) {
	english := With(context.Background(), English)
	for _, c := range []struct {
		name, got, want string
	}{
		{"no language set", T(context.Background(), "nav.overview"), "总览"},
		{"an unknown language", T(With(context.Background(), "xx"), "nav.overview"), "总览"},
		{"English", T(english, "nav.overview"), "Overview"},
		{"a missing key is marked", T(english, "no.such.key"), "⟦no.such.key⟧"},
		{"one", T(english, "time.hours", "Count", 1), "1 hour"},
		{"many", T(english, "time.hours", "Count", 1200), "1,200 hours"},
		{"money as an argument", T(english, "error.amount.too_small", "Min", models.Fen(200_00)), "The amount must be at least ¥200.00."},
		{"a rail as an argument", T(english, "payment.qr.caption", "Method", models.RailAlipay), "Scan with Alipay"},
		{"a line", Say(english, Line{Key: "nav.ledger"}), "Statement"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
	if Has("no.such.key") {
		t.Error("Has knows a key that there is not")
	}
}

func TestMatchPicksALanguageWeSpeak(t *testing.T) {
	for header, want := range map[string]string{
		"": Chinese, "zh-TW,zh;q=0.9": Chinese, "en-GB,en;q=0.8,zh;q=0.1": English, "fr": Chinese, "*": Chinese, "q=;;": Chinese, "zh-CN": Chinese,
	} {
		if got := Match(header); got != want {
			t.Errorf("Match(%q) is %s, want %s", header, got, want)
		}
	}
}

func TestMoneyIsWrittenInYuan(t *testing.T) {
	for fen, want := range map[models.Fen]string{
		0: "¥0.00", 5: "¥0.05", 1_234_50: "¥1,234.50", -1_234_50: "-¥1,234.50", 999_99: "¥999.99", 100_000_00: "¥100,000.00",
		1_000_000_00: "¥1,000,000.00", -5: "-¥0.05", -1 << 63: "-¥92,233,720,368,547,758.08",
	} {
		if got := Money(fen); got != want {
			t.Errorf("Money(%d) is %s, want %s", fen, got, want)
		}
	}
}

func TestNumbersAreGrouped(t *testing.T) {
	for _, c := range []struct {
		number any
		want   string
	}{{0, "0"}, {-1234, "-1,234"}, {int64(1_000_000), "1,000,000"}, {3.2, "3.2"}, {12345.5, "12,345.5"}, {7.0, "7"}} {
		if got := Number(c.number); got != c.want {
			t.Errorf("Number(%v) is %s, want %s", c.number, got, c.want)
		}
	}
}

func TestTimesAreShanghais(t *testing.T) {
	at := time.Date(2026, 11, 21, 16, 30, 5, 0, time.UTC)
	for name, c := range map[string][2]string{
		"time": {Time(context.Background(), at), "11-22 00:30"}, "full": {FullTime(at), "2026-11-22 00:30:05"},
		"day": {Day(at), "2026-11-22"}, "machine": {Machine(at), "2026-11-21T16:30:05Z"},
	} {
		if c[0] != c[1] {
			t.Errorf("%s: %s, want %s", name, c[0], c[1])
		}
	}
}

func TestAgoAndCountdown(t *testing.T) {
	now := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	english := With(context.Background(), English)
	for ago, want := range map[time.Duration]string{
		0: "just now", 59 * time.Second: "just now", time.Minute: "1 minute ago", 47 * time.Hour: "47 hours ago", 48 * time.Hour: "2 days ago", -5 * time.Minute: "in 5 minutes",
	} {
		if got := Ago(english, now.Add(-ago), now); got != want {
			t.Errorf("%v ago is %q, want %q", ago, got, want)
		}
	}
	for left, want := range map[time.Duration]string{
		-time.Hour: "00:00", 0: "00:00", 61 * time.Second: "01:01", time.Hour: "1:00:00", 23*time.Hour + 41*time.Minute + 7*time.Second: "23:41:07", 30 * time.Hour: "30:00:00",
	} {
		if got := Countdown(now.Add(left), now); got != want {
			t.Errorf("%v left is %q, want %q", left, got, want)
		}
	}
}

func TestSoonNamesTheDayAsNearAsItIs(t *testing.T) {
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC) // a Tuesday, 14:00 in Shanghai
	english := With(context.Background(), English)
	for _, c := range []struct {
		in     time.Duration
		zh, en string
	}{
		{0, "今天 14:00", "today 14:00"},
		{10*time.Hour - time.Minute, "今天 23:59", "today 23:59"},
		{10 * time.Hour, "明天 00:00", "tomorrow 00:00"},
		{34 * time.Hour, "11-26（周四）00:00", "Thu 11-26, 00:00"},
		{7*24*time.Hour - time.Minute, "12-01（周二）13:59", "Tue 12-01, 13:59"},
		{7 * 24 * time.Hour, "2026-12-01", "2026-12-01"},
	} {
		at := now.Add(c.in)
		if zh, en := Soon(context.Background(), at, now), Soon(english, at, now); zh != c.zh || en != c.en {
			t.Errorf("in %v: %q, %q, want %q, %q", c.in, zh, en, c.zh, c.en)
		}
	}
	if got := SoonOn(english, now.Add(2*time.Hour), now, now); got != "16:00" {
		t.Errorf("on the same day: %q", got)
	}
	if got := SoonOn(english, now.Add(24*time.Hour), now, now); got != "tomorrow 14:00" {
		t.Errorf("on another: %q", got)
	}
}
