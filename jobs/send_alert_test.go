package jobs

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ztc-portal/models"
	"ztc-portal/views/mail"
)

// robots plays the four receivers by what they document, and takes no message
// that is not signed as they want it.
func robots(t *testing.T, secret string) (at string, got map[string]map[string]any) {
	t.Helper()
	got = map[string]map[string]any{}
	mux := http.NewServeMux()
	sum := func(key, text string) string {
		mac := hmac.New(sha256.New, []byte(key))
		io.WriteString(mac, text)
		return base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	take := func(name string, signed func(r *http.Request, raw []byte, body map[string]any) bool, yes, no string) {
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) {
			raw, _ := io.ReadAll(r.Body)
			var body map[string]any
			if json.Unmarshal(raw, &body) != nil || r.Method != http.MethodPost || !signed(r, raw, body) {
				io.WriteString(w, no)
				return
			}
			got[name] = body
			io.WriteString(w, yes)
		})
	}
	take("dingtalk", func(r *http.Request, _ []byte, _ map[string]any) bool {
		q := r.URL.Query()
		return q.Get("access_token") == "token" && q.Get("sign") == sum(secret, q.Get("timestamp")+"\n"+secret)
	}, `{"errcode":0,"errmsg":"ok"}`, `{"errcode":310000,"errmsg":"sign not match"}`)
	take("wecom", func(*http.Request, []byte, map[string]any) bool { return true }, `{"errcode":0}`, `{"errcode":93000}`)
	take("feishu", func(_ *http.Request, _ []byte, body map[string]any) bool {
		stamp, _ := body["timestamp"].(string)
		return body["sign"] == sum(stamp+"\n"+secret, "")
	}, `{"code":0,"msg":"success"}`, `{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}`)
	mux.HandleFunc("/webhook", func(w http.ResponseWriter, r *http.Request) {
		raw, _ := io.ReadAll(r.Body)
		verifier, err := standardwebhooks.NewWebhook(webhookSecretOf(secret))
		if err != nil || verifier.Verify(raw, r.Header) != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		var body map[string]any
		json.Unmarshal(raw, &body)
		got["webhook"] = body
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/webhook", http.StatusFound) })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL, got
}

func webhookSecretOf(secret string) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(secret+"-long-enough"))
}

func TestRobotsTakeWhatTheyDocument(t *testing.T) {
	t.Parallel()
	const secret = "SECmade-up"
	address, got := robots(t, secret)
	w := &sendAlert{to: Alerts{PublicURL: "https://portal.example.com", Anywhere: true}, client: publicClient(true)}
	at := time.Date(2026, 11, 24, 8, 40, 0, 0, time.UTC)
	message := models.AlertMessage{DeliveryID: 7, Shop: "[Tea] *Ltd*", Audience: models.AudienceMoney, Lang: "zh-CN",
		Alert: models.Alert{Rung: models.RungToday, At: at, AlertArgs: models.AlertArgs{SpendableFen: 123_45, At: &at}}}
	for _, c := range []struct {
		channel models.Channel
		path    string
		secret  string
		sent    bool
		says    string // in the answer
	}{
		{models.ChannelDingTalk, "/dingtalk?access_token=token", secret, true, ""},
		{models.ChannelDingTalk, "/dingtalk?access_token=token", "another", false, "310000"},
		{models.ChannelWeCom, "/wecom?key=k", "", true, ""},
		{models.ChannelFeishu, "/feishu", secret, true, ""},
		{models.ChannelFeishu, "/feishu", "", false, "19021"},
		{models.ChannelWebhook, "/webhook", webhookSecretOf(secret), true, "204"},
		{models.ChannelWebhook, "/webhook", webhookSecretOf("another"), false, "401"},
		{models.ChannelWebhook, "/moved", webhookSecretOf(secret), false, "302"}, // a redirect is not followed
		{models.ChannelWebhook, "/nothing", webhookSecretOf(secret), false, "404"},
	} {
		m := message
		m.Channel, m.Address, m.Secret = c.channel, address+c.path, c.secret
		answer, sent := w.sendAt(t.Context(), m, time.Now())
		if sent != c.sent || !strings.Contains(answer, c.says) {
			t.Errorf("%s %s: %v, %s", c.channel, c.path, sent, answer)
		}
	}
	text := func(name string, path ...string) string {
		t.Helper()
		var at any = got[name]
		for _, key := range path {
			inner, _ := at.(map[string]any)
			at = inner[key]
		}
		s, _ := at.(string)
		return s
	}
	for _, said := range []string{text("dingtalk", "markdown", "text"), text("wecom", "markdown", "content")} {
		if !strings.Contains(said, "¥123.45") || !strings.Contains(said, "](https://portal.example.com/recharge)") || strings.Contains(said, "[Tea]") || !strings.Contains(said, "［Tea］ ＊Ltd＊") {
			t.Errorf("a robot says %q", said)
		}
	}
	raw, _ := json.Marshal(got["feishu"])
	if !strings.Contains(string(raw), `"zh_cn"`) || !strings.Contains(string(raw), "https://portal.example.com/recharge") {
		t.Errorf("Feishu got %s", raw)
	}
	data, _ := got["webhook"]["data"].(map[string]any)
	if got["webhook"]["type"] != "account_alert.runs_out_today" || data["spendable_fen"] != 12345.0 || data["shop"] != "[Tea] *Ltd*" {
		t.Errorf("the webhook got %v", got["webhook"])
	}
}

// Whatever a name was when it was saved: this machine and its networks are not
// dialled.
func TestPrivateAddressesAreNotDialled(t *testing.T) {
	t.Parallel()
	address, got := robots(t, "x")
	client := publicClient(false)
	port := must1(url.Parse(address)).Port()
	for _, host := range []string{"127.0.0.1", "localhost", "[::1]", "0.0.0.0", "[::ffff:127.0.0.1]"} {
		_, err := client.Post("http://"+host+":"+port+"/wecom", "application/json", strings.NewReader("{}"))
		if !errors.Is(err, errPrivate) {
			t.Errorf("%s: %v", host, err)
		}
	}
	if len(got) > 0 {
		t.Errorf("it came through: %v", got)
	}
	for ip, public := range map[string]bool{
		"8.8.8.8": true, "2400:3200::1": true, "10.0.0.1": false, "172.16.0.1": false, "192.168.1.1": false, "127.0.0.1": false, "169.254.169.254": false, "100.100.100.200": false,
		"0.0.0.0": false, "224.0.0.1": false, "255.255.255.255": false, "::1": false, "::": false, "fe80::1": false, "fd00::1": false, "::ffff:10.0.0.1": false, "64:ff9b::a00:1": false, "2002:a00:1::": false,
	} {
		if got := models.PublicAddress(netip.MustParseAddr(ip)); got != public {
			t.Errorf("%s is public: %v", ip, got)
		}
	}
}

func must1[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Every rung has words in both languages, for each who reads it.
func TestEveryAlertHasWords(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 24, 8, 40, 0, 0, time.UTC)
	for _, lang := range []string{"zh-CN", "en"} {
		for _, rung := range append([]models.Rung{""}, models.Rungs...) {
			for _, who := range models.Audiences {
				m := models.AlertMessage{Shop: "Tea", Audience: who, Lang: lang, Alert: models.Alert{Rung: rung, At: at, AlertArgs: models.AlertArgs{SpendableFen: 1, ArrearsFen: 2, AmountFen: 3, At: &at, PaymentNo: "R1"}}}
				n, err := mail.WriteNotice(t.Context(), m.Mail(), "https://portal.example.com")
				said := n.Title + strings.Join(n.Paragraphs, "") + n.Action
				if err != nil || strings.Contains(said, "⟦") || strings.Contains(said, "<no value>") || !strings.HasPrefix(n.Href, "https://portal.example.com/") {
					t.Errorf("%s %s %s: %q, %v", lang, rung, who, said, err)
				}
			}
		}
	}
}
