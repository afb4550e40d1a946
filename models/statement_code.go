package models

import (
	"crypto/rand"
	"regexp"
	"strings"
	"unicode"
)

// codeLength is how long a reference code is.
const codeLength = 8

// codeLetters begin a code, so that no date and no telephone number is one.
const codeLetters = "ABCDEFGHJKMNPQRSTVWXYZ"

// newReferenceCode draws what the payer of a bank transfer writes in the remark:
// a letter and seven of Crockford's characters, in which no I, L, O or U stands,
// so that it can be read in one way only. nil on any other rail.
func newReferenceCode(rail Rail) *string {
	if rail != RailBankTransfer {
		return nil
	}
	var random [codeLength]byte
	rand.Read(random[:])                         // never fails
	for random[0] >= 11*byte(len(codeLetters)) { // as likely each
		rand.Read(random[:1])
	}
	random[0] = codeLetters[int(random[0])%len(codeLetters)]
	for i := 1; i < codeLength; i++ {
		random[i] = crockford[random[i]&31]
	}
	code := string(random[:])
	return &code
}

// maxCodes bounds how many codes and numbers are looked for in one remark.
const maxCodes = 200

// readable maps a character of a remark to what a code may be made of; 0: none,
// -1: to be passed over.
func readable(r rune) rune {
	switch r = unicode.ToUpper(toHalfWidth(r)); {
	case r == 'O':
		return '0'
	case r == 'I' || r == 'L':
		return '1'
	case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z':
		return r
	case r == ' ' || r == '-' || r == '_' || r == '\t':
		return -1
	}
	return 0
}

// runs are the stretches of a remark that may hold a code: full width, case,
// spaces and the letters that look like figures do not count.
func runs(remark string) []string {
	var b strings.Builder
	for _, r := range remark {
		switch r = readable(r); {
		case r == 0:
			b.WriteByte('\n')
		case r > 0:
			b.WriteRune(r)
		}
	}
	return strings.FieldsFunc(b.String(), func(r rune) bool { return r == '\n' })
}

// codesIn are what may be reference codes in a remark, and what may be payment
// numbers, each once.
func codesIn(remark string) (codes, numbers []string) {
	const numberLength = 21
	seen := map[string]bool{}
	for _, run := range runs(remark) {
		for i := range run {
			if len(codes)+len(numbers) >= maxCodes {
				return codes, numbers
			}
			if i+codeLength <= len(run) && strings.IndexByte(codeLetters, run[i]) >= 0 && !seen[run[i:i+codeLength]] {
				seen[run[i:i+codeLength]] = true
				codes = append(codes, run[i:i+codeLength])
			}
			if i+numberLength <= len(run) && run[i] == 'R' && !seen[run[i:i+numberLength]] {
				seen[run[i:i+numberLength]] = true
				numbers = append(numbers, run[i:i+numberLength])
			}
		}
	}
	return codes, numbers
}

var refundNo = regexp.MustCompile(`F[0-9]{6}[0-9A-Z]{14}`)

// refundNoIn is the first request no of a refund in a remark; "": none.
func refundNoIn(remark string) string {
	for _, run := range runs(remark) {
		if no := refundNo.FindString(run); no != "" {
			return no
		}
	}
	return ""
}

// typedCode reads a code or a payment number as staff type it.
func typedCode(typed string) string {
	return strings.Join(runs(typed), "")
}

// nameKey is a company's name as names are compared: without width, case,
// spaces and punctuation.
func nameKey(name string) string {
	return strings.Map(func(r rune) rune {
		if r = unicode.ToUpper(toHalfWidth(r)); unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, toValid(name))
}
