package sandbox

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var placeholder = regexp.MustCompile(`%[a-z]`)

func TestPagesHaveTheSameWordsInEveryLanguage(t *testing.T) {
	for _, lang := range languages {
		for key, text := range words[languages[0]] {
			other := words[lang][key]
			if other == "" {
				t.Errorf("%s: no text for %s", lang, key)
			}
			if !slices.Equal(placeholder.FindAllString(text, -1), placeholder.FindAllString(other, -1)) {
				t.Errorf("%s: other placeholders in %s", lang, key)
			}
		}
		if len(words[lang]) != len(words[languages[0]]) {
			t.Errorf("%s has %d texts, %s %d", lang, len(words[lang]), languages[0], len(words[languages[0]]))
		}
	}
}

func TestEveryWordIsUsedAndEveryWordUsedIsThere(t *testing.T) {
	used := map[string]bool{}
	for _, face := range []string{faceWaiting, facePaid, faceRefunded, faceClosed, faceLeft, faceRefused} {
		used["cashier.title."+face] = true
		if face != faceWaiting {
			used["cashier.text."+face] = true
		}
	}
	used["brand."+mailWire] = true
	for _, w := range []wire{&alipayWire{}, &wechatWire{}, &unionpayWire{}} {
		used["brand."+w.name()] = true
	}
	for _, code := range unionpayBanks {
		used["bank."+code] = true
	}
	for _, f := range Faults {
		used["fault."+string(f)+".name"], used["fault."+string(f)+".hint"] = true, true
	}
	inTemplate := regexp.MustCompile(`\.T "([^"]+)"`)
	inCode := regexp.MustCompile(`"(problem\.[a-z_]+|banks\.title|mail\.(?:list|one|not_found))"`)
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, _ fs.DirEntry, err error) error {
		find := inTemplate
		if strings.HasSuffix(path, ".go") {
			find = inCode
		}
		if err != nil || strings.HasSuffix(path, "_test.go") || (find == inTemplate && !strings.HasSuffix(path, ".html")) {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range find.FindAllStringSubmatch(string(text), -1) {
			used[match[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for key := range used {
		if words["zh-CN"][key] == "" {
			t.Errorf("no text for %s", key)
		}
	}
	for key := range words["zh-CN"] {
		if !used[key] {
			t.Errorf("nothing uses %s", key)
		}
	}
}

func TestEveryRefusalHasItsText(t *testing.T) {
	sub := regexp.MustCompile(`(?:business\(|&refusal\{"[0-9]+", )"([A-Za-z_.-]+)"|(missing|invalid)\("([a-z-]+)"|\{"[a-z_]+", "([a-z-]+)"\}|err[A-Za-z]+: "([A-Z_.]+)"`)
	files, err := filepath.Glob("alipay*.go")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range sub.FindAllStringSubmatch(string(text), -1) {
			name := m[1]
			if m[2] != "" {
				name = "isv." + m[2] + "-" + m[3]
			}
			if m[4] != "" && file == "alipay.go" {
				name = "isv.missing-" + m[4]
			}
			if m[5] != "" {
				name = m[5]
			}
			if name != "" && !strings.HasSuffix(name, "-") && wireText[name] == "" {
				t.Errorf("%s: no text for %s", file, name)
			}
		}
	}
}

func TestAmountsAreReadStrictlyAndWrittenBack(t *testing.T) {
	for text, fen := range map[string]int64{
		"0.01": 1, "1": 100, "1.5": 150, "64.10": 6410, "1234.50": 123450, "100000000.00": maxAmountFen,
	} {
		if got, ok := parseYuan(text); !ok || got != fen {
			t.Errorf("%s is read as %d, %v", text, got, ok)
		}
	}
	for _, text := range []string{
		"", "0", "0.00", ".5", "1.", "1.001", "-1", "+1", " 1", "1,000", "1e5", "0x1", "01", "NaN", "1.-1", "１", "100000000.01", "9999999999",
	} {
		if got, ok := parseYuan(text); ok {
			t.Errorf("%q is read as %d", text, got)
		}
	}
	for fen, want := range map[int64]string{5: "¥0.05", 99999: "¥999.99", 100000: "¥1,000.00", 123456789: "¥1,234,567.89"} {
		if got := price(fen); got != want {
			t.Errorf("%d is shown as %s", fen, got)
		}
	}
	if got := yuan(-550); got != "-5.50" {
		t.Errorf("-550 is written %s", got)
	}
}
