package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// Each code that is answered, each state and each kind of news has its text, and
// no text is left over.
func TestEveryWordOfWechatIsUsedAndThere(t *testing.T) {
	used := map[string]bool{"summary_transaction": true, "summary_refund": true}
	for _, state := range []string{"NOTPAY", "SUCCESS", "REFUND", "CLOSED"} {
		used["state_"+state] = true
	}
	files, err := filepath.Glob("wechat*.go")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	code := regexp.MustCompile(`http\.Status[A-Za-z]+, "([A-Z0-9_]+)"`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range code.FindAllStringSubmatch(string(text), -1) {
			used[match[1]] = true
		}
	}
	for name := range used {
		if wechatText[name] == "" {
			t.Errorf("no text for %s", name)
		}
	}
	for name := range wechatText {
		if !used[name] {
			t.Errorf("nothing uses %s", name)
		}
	}
	for _, refusal := range []error{errInconsistent, errHasClosed, errHasPaid, errNotRefunded, errRefundOver, errRefundLate, errRefundOther, addressError("x")} {
		if (&wechatWire{}).words(refusal) == "" {
			t.Errorf("no words for %v", refusal)
		}
	}
	if got := (&wechatWire{}).words(errors.New("anything else")); got != "" {
		t.Errorf("words for a fault of our own: %s", got)
	}
}
