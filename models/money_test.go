package models_test

import (
	"testing"

	"ztc-portal/models"
)

func TestParseFenTakesWhatPeopleType(t *testing.T) {
	for typed, want := range map[string]models.Fen{
		"500":                    50000,
		"0500":                   50000,
		"500.5":                  50050,
		"500.50":                 50050,
		"0.01":                   1,
		".5":                     50,
		"1,000":                  100000,
		"1,234,567.89":           123456789,
		"￥500":                   50000,
		"¥500":                   50000,
		"¥ 500":                  50000,
		"５００.５０":                 50050,
		"１，０００．０１":               100001,
		"￥５００．５０":                50050,
		"  500  ":                50000,
		"\u3000500\u00a0":        50000,
		"\t500\n":                50000,
		"1,000,000,000,000.00":   100_000_000_000_000,
		"0000000000000000000001": 100,
	} {
		if got, refusal := models.ParseFen(typed); refusal != nil || got != want {
			t.Errorf("%q: %d, %v; want %d", typed, got, refusal, want)
		}
	}
}

func TestParseFenSaysWhyItRefuses(t *testing.T) {
	for key, inputs := range map[string][]string{
		"error.amount.empty":             {"", "   ", "\u3000"},
		"error.amount.zero":              {"0", "0.00", "-0", "￥0"},
		"error.amount.negative":          {"-5", "-0.01", "－500", "−500", "¥-5", "-¥5", "-1,000"},
		"error.amount.decimals":          {"0.001", "500.123", "1.005", "500.0001", "0.000", "500.5000"},
		"error.amount.too_large_to_read": {"1000000000000.01", "99999999999999999999", "9223372036854775807"},
		"error.amount.not_a_number": {
			"1e5", "1E5", "NaN", "Inf", "0x10", "abc", "1,00", "1,0000", ",500", "1,,000", "1,000,00", "--5", "+5",
			".", "5.", "-", "¥", "5.5.5", "1 000", "1.0,0", "1.000,5", "500元", "５oo", "٥٠٠", "1/2", "5-", "NULL", "1_000",
		},
	} {
		for _, typed := range inputs {
			got, refusal := models.ParseFen(typed)
			if refusal == nil {
				t.Errorf("%q was read as %d, want %s", typed, got, key)
			} else if refusal.Key != key || refusal.Field != "amount" || refusal.Code != models.Invalid || got != 0 {
				t.Errorf("%q: %d, %v; want %s", typed, got, refusal, key)
			}
		}
	}
}

// What is accepted is written the same on the wire, and read back the same.
func FuzzParseFen(f *testing.F) {
	for _, typed := range []string{
		"1,000", "￥500", "５００.５０", " 500 ", "", "0", "-5", "1e5", "NaN", "1,00", "--5", ".", "5.", "0.001", "９，９９９",
		"99999999999999999999999999", "\x00", "\xff", "500\u200b",
	} {
		f.Add(typed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		amount, refusal := models.ParseFen(typed)
		if refusal != nil {
			if amount != 0 || refusal.Field != "amount" {
				t.Fatalf("%q was refused with %d fen on the field %q", typed, amount, refusal.Field)
			}
			return
		}
		if amount <= 0 {
			t.Fatalf("%q was read as %d fen", typed, amount)
		}
		if again, refusal := models.ParseFen(amount.Wire()); refusal != nil || again != amount {
			t.Fatalf("%q is %d fen; %s is read as %d, %v", typed, amount, amount.Wire(), again, refusal)
		}
		if wired, ok := models.FenFromYuan(amount.Wire()); !ok || wired != amount {
			t.Fatalf("%q is %d fen; the wire's %s is read as %d, %v", typed, amount, amount.Wire(), wired, ok)
		}
	})
}

func TestFenFromYuanReadsTheWireOnly(t *testing.T) {
	for wire, want := range map[string]models.Fen{
		"1600.00": 160000, "1600.0": 160000, "1600": 160000, "0.01": 1, "0.00": 0, "500000.00": 50000000,
	} {
		if got, ok := models.FenFromYuan(wire); !ok || got != want {
			t.Errorf("%q: %d, %v; want %d", wire, got, ok, want)
		}
	}
	for _, wire := range []string{
		"", " ", "1,600.00", "¥1600", "-1.00", "+1.00", "1600.", ".50", "1600.001", "1600.000", "1e3", "NaN", "１６００", " 1600.00", "1600.00 ",
		"99999999999999999999.00", "16 00", "1600.0.0",
	} {
		if got, ok := models.FenFromYuan(wire); ok {
			t.Errorf("%q was read as %d", wire, got)
		}
	}
}

func TestFenIsWrittenWithTwoDecimals(t *testing.T) {
	for amount, want := range map[models.Fen]string{
		0: "0.00", 1: "0.01", 10: "0.10", 160000: "1600.00", 123456789: "1234567.89", -5: "-0.05", -12345: "-123.45",
	} {
		if got := amount.Wire(); got != want {
			t.Errorf("%d: %q, want %q", amount, got, want)
		}
	}
}

func TestFenRoundsUp(t *testing.T) {
	for _, c := range []struct{ amount, step, want models.Fen }{
		{0, 100, 0}, {1, 100, 100}, {99, 100, 100}, {100, 100, 100}, {101, 100, 200}, {-150, 100, -100}, {-100, 100, -100},
	} {
		if got := c.amount.CeilTo(c.step); got != c.want {
			t.Errorf("%d up to a multiple of %d: %d, want %d", c.amount, c.step, got, c.want)
		}
	}
	for _, c := range []struct {
		amount  models.Fen
		percent int64
		want    models.Fen
	}{
		{0, 120, 0}, {1, 120, 2}, {5, 120, 6}, {128640, 120, 154368}, {100, 100, 100}, {3, 50, 2}, {100_000_000_000_000, 120, 120_000_000_000_000},
	} {
		if got := c.amount.Times(c.percent); got != c.want {
			t.Errorf("%d × %d %%: %d, want %d", c.amount, c.percent, got, c.want)
		}
	}
}

func TestDaysAt(t *testing.T) {
	for _, c := range []struct {
		amount, daily models.Fen
		days          float64
		ok            bool
	}{
		{1000, 100, 10, true}, {1059, 100, 10.5, true}, {1060, 100, 10.6, true}, {99, 100, 0.9, true}, {0, 100, 0, true},
		{1000, 0, 0, false}, {1000, -1, 0, false}, {-1, 100, 0, false},
	} {
		if days, ok := c.amount.DaysAt(c.daily); days != c.days || ok != c.ok {
			t.Errorf("%d at %d a day: %v, %v; want %v, %v", c.amount, c.daily, days, ok, c.days, c.ok)
		}
	}
}
