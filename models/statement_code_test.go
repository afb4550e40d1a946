package models

import (
	"slices"
	"strings"
	"testing"
)

func TestReferenceCodesCanBeReadInOneWay(t *testing.T) {
	seen := map[string]bool{}
	for range 2000 {
		code := *newReferenceCode(RailBankTransfer)
		if len(code) != codeLength || !strings.ContainsRune(codeLetters, rune(code[0])) || strings.ContainsAny(code, "ILOU") || seen[code] {
			t.Fatalf("a code is %q", code)
		}
		seen[code] = true
		if got := typedCode(code); got != code {
			t.Fatalf("%s is read as %s", code, got)
		}
	}
	if newReferenceCode(RailAlipay) != nil {
		t.Error("a payment on another rail has a code")
	}
}

// However a code is typed it is found.
func TestCodesAreFoundInRemarks(t *testing.T) {
	const code = "K7Q0M2H1"
	for _, remark := range []string{
		"K7Q0M2H1", "k7qom2hi", "k7qOm2hl", "Ｋ７Ｑ０Ｍ２Ｈ１", "充值K7Q0M2H1款", "K7Q0 M2H1", "K7Q0-M2H1", "货款 | k7q0m2h1", "AAK7Q0M2H199", "(K7Q0M2H1)", " K 7 Q 0 M 2 H 1 ",
	} {
		if codes, _ := codesIn(remark); !slices.Contains(codes, code) {
			t.Errorf("%q gives %v", remark, codes)
		}
	}
	for _, remark := range []string{"", "K7Q0，M2H1", "K7Q0M2H", "20261124", "13800138000", "K7Q0茶M2H1"} {
		if codes, _ := codesIn(remark); slices.Contains(codes, code) || remark == "20261124" && len(codes) > 0 {
			t.Errorf("%q gives %v", remark, codes)
		}
	}
	const number = "R2611240123456789ABCD"
	if _, numbers := codesIn("pay r26112401 23456789abcd."); !slices.Equal(numbers, []string{number}) {
		t.Errorf("numbers are %v", numbers)
	}
	codes, numbers := codesIn(strings.Repeat("ABCDEFGHJK", 400))
	if len(codes)+len(numbers) > maxCodes {
		t.Errorf("%d codes of one remark", len(codes)+len(numbers))
	}
}

func TestNamesAreComparedWithoutTheirClothes(t *testing.T) {
	for _, name := range []string{"杭州茶叶（中国）有限公司", "杭州茶叶(中国)有限公司 ", "杭州 茶叶中国有限公司"} {
		if got := nameKey(name); got != "杭州茶叶中国有限公司" {
			t.Errorf("%q is %q", name, got)
		}
	}
	if nameKey("Tea-House, Ltd.") != "TEAHOUSELTD" || nameKey(" ·() ") != "" {
		t.Errorf("%q, %q", nameKey("Tea-House, Ltd."), nameKey(" ·() "))
	}
}
