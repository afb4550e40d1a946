package sandbox_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ztc-portal/gateways/sandbox"
)

// refused sends params and gives code and sub-code of the error_response.
func (b *bench) refused(params fields) (code, sub string) {
	b.Helper()
	_, body := b.post(params)
	var answer struct {
		Error struct {
			Code    string `json:"code"`
			SubCode string `json:"sub_code"`
			SubMsg  string `json:"sub_msg"`
		} `json:"error_response"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || answer.Error.SubMsg == "" {
		b.Fatalf("no error_response: %s", body)
	}
	return answer.Error.Code, answer.Error.SubCode
}

func TestGatewayRefusesCallsThatAreNotInForm(t *testing.T) {
	b := newBench(t)
	cases := []struct {
		name, param, value, code, sub string
	}{
		{"no method", "method", "", "40001", "isv.missing-method"},
		{"no app", "app_id", "", "40001", "isv.missing-app-id"},
		{"no timestamp", "timestamp", "", "40001", "isv.missing-timestamp"},
		{"no version", "version", "", "40001", "isv.missing-version"},
		{"no signature type", "sign_type", "", "40001", "isv.missing-signature-type"},
		{"foreign app", "app_id", "2021000000000000", "40002", "isv.invalid-app-id"},
		{"old signature type", "sign_type", "RSA", "40002", "isv.invalid-signature-type"},
		{"other charset", "charset", "gbk", "40002", "isv.invalid-charset"},
		{"no charset", "charset", "", "40002", "isv.invalid-charset"},
		{"timestamp of another form", "timestamp", "2026-11-24T10:00:00Z", "40002", "isv.invalid-timestamp"},
		{"other version", "version", "2.0", "40002", "isv.invalid-version"},
		{"other format", "format", "XML", "40002", "isv.invalid-format"},
		{"unknown method", "method", "alipay.trade.teleport", "40002", "isv.invalid-method"},
		{"content not JSON", "biz_content", "out_trade_no=1", "40002", "isv.invalid-parameter"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			code, sub := b.refused(b.params("alipay.trade.query", fields{"out_trade_no": "R1"}, func(p fields) {
				p[c.param] = c.value
			}))
			b.want("code", code, c.code)
			b.want("sub code", sub, c.sub)
		})
	}
}

func TestGatewayRefusesSignaturesThatAreNotTheMerchants(t *testing.T) {
	b := newBench(t)
	cases := map[string]func(fields){
		"value changed":      func(p fields) { p["biz_content"] = `{"out_trade_no":"R2"}` },
		"parameter added":    func(p fields) { p["notify_url"] = "http://localhost/notify" },
		"parameter dropped":  func(p fields) { delete(p, "format") },
		"signature no code":  func(p fields) { p["sign"] = "???" },
		"signature of other": func(p fields) { p["sign"] = b.sign("something else") },
		"sign_type left out of the signature": func(p fields) {
			p["sign"] = b.sign(joined(p, "sign", "sign_type"))
		},
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			params := b.params("alipay.trade.query", fields{"out_trade_no": "R1"})
			change(params)
			code, sub := b.refused(params)
			b.want("code", code, "40002")
			b.want("sub code", sub, "isv.invalid-signature")
		})
	}
	params := b.params("alipay.trade.query", fields{"out_trade_no": "R1"})
	delete(params, "sign")
	_, sub := b.refused(params)
	b.want("sub code without signature", sub, "isv.missing-signature")
}

func TestGatewayMergesQueryAndBodyAndRefusesRepeats(t *testing.T) {
	b := newBench(t)
	b.reach(b.order("R1"))
	params := b.params("alipay.trade.query", fields{"out_trade_no": "R1"}, func(p fields) {
		p["alipay_sdk"] = "some-sdk/1.0" // SDKs add parameters of their own
	})
	body := url.Values{"biz_content": {params["biz_content"]}}
	inQuery := form(params)
	inQuery.Del("biz_content")
	send := func(query, body url.Values) string {
		response := must(http.PostForm(b.web.URL+"/gateway.do?"+query.Encode(), body))(t)
		defer response.Body.Close()
		return string(must(io.ReadAll(response.Body))(t))
	}
	if answer := send(inQuery, body); !strings.Contains(answer, `"trade_status":"WAIT_BUYER_PAY"`) {
		t.Errorf("split between query and body: %s", answer)
	}
	body.Set("app_id", params["app_id"])
	if answer := send(inQuery, body); !strings.Contains(answer, "isv.invalid-parameter") {
		t.Errorf("repeated parameter: %s", answer)
	}
}

func TestAnswersKeepTheRawFormThatIsSigned(t *testing.T) {
	b := newBench(t)
	_, body := b.post(b.params("alipay.trade.precreate", b.qrOrder("R1"), b.urls))
	if !strings.Contains(string(body), `"qr_code":"http:\/\/127.0.0.1:`) {
		t.Errorf("slashes are not escaped: %s", body)
	}
	if !strings.HasPrefix(string(body), `{"alipay_trade_precreate_response":{"code":"10000","msg":"Success",`) {
		t.Errorf("fields are out of order: %s", body)
	}
}

func TestOpenMakesPrivateFilesOnceAndKeepsThem(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	open := func() (*sandbox.Sandbox, map[string]string) {
		box := must(sandbox.Open(sandbox.Options{DataDir: dir}))(t)
		texts := map[string]string{}
		for _, file := range must(filepath.Glob(filepath.Join(dir, "*.pem")))(t) {
			texts[file] = string(must(os.ReadFile(file))(t))
		}
		return box, texts
	}
	box, first := open()
	if len(first) != 4 {
		t.Errorf("%d key files, want 4", len(first))
	}
	for _, file := range must(os.ReadDir(dir))(t) {
		if mode := must(file.Info())(t).Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o", file.Name(), mode)
		}
	}
	if err := box.Close(t.Context()); err != nil {
		t.Error(err)
	}
	box, second := open()
	for file, text := range first {
		if second[file] != text {
			t.Errorf("%s was made anew", file)
		}
	}
	if err := box.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := sandbox.Open(sandbox.Options{}); err == nil {
		t.Error("opened without a data directory")
	}
}
