package e2e

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// client is a seller's browser without a window: cookies and forms alone, for
// what must happen many times or at the same instant.
type client struct {
	base  string
	http  *http.Client
	token string
}

// answer is what the portal said.
type answer struct {
	status int
	to     string // where it leads on
	body   string
}

var tokenField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// signedIn gives a client of a demo seller.
func signedIn(t *testing.T, p *portal, email string) *client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &client{base: p.URL, http: &http.Client{
		Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	c.readToken(t, "/login")
	if a := c.must(t, "/login", url.Values{"email": {email}, "password": {password}}); a.status != http.StatusSeeOther || a.to != "/account" {
		t.Fatalf("%s can't sign in: %d %s", email, a.status, a.to)
	}
	c.readToken(t, "/account")
	return c
}

func (c *client) readToken(t *testing.T, path string) {
	t.Helper()
	page, err := c.get(path)
	found := tokenField.FindStringSubmatch(page.body)
	if err != nil || found == nil {
		t.Fatalf("%s: %d, no form token: %v", path, page.status, err)
	}
	c.token = found[1]
}

func (c *client) get(path string) (answer, error) { return c.read(c.http.Get(c.base + path)) }

func (c *client) post(path string, form url.Values) (answer, error) {
	if form == nil {
		form = url.Values{}
	}
	form.Set("csrf", c.token)
	return c.read(c.http.PostForm(c.base+path, form))
}

func (c *client) read(response *http.Response, err error) (answer, error) {
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header.Get("Location"), string(body)}, err
}

// must posts while the portal is known to run.
func (c *client) must(t *testing.T, path string, form url.Values) answer {
	t.Helper()
	a, err := c.post(path, form)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// draft asks for an amount and gives the payment's no.
func (c *client) draft(t *testing.T, amount string) string {
	t.Helper()
	a := c.must(t, "/recharge", url.Values{"amount": {amount}, "method": {"alipay"}})
	no, ok := strings.CutSuffix(strings.TrimPrefix(a.to, "/payments/"), "/confirm")
	if a.status != http.StatusSeeOther || !ok {
		t.Fatalf("recharge %s: %d to %q", amount, a.status, a.to)
	}
	return no
}

// confirmed asks for an amount and confirms it; the gateway awaits the payer.
func (c *client) confirmed(t *testing.T, amount string) string {
	t.Helper()
	no := c.draft(t, amount)
	if a := c.must(t, "/payments/"+no+"/confirm", nil); a.status != http.StatusSeeOther || !strings.HasPrefix(a.to, "http") {
		t.Fatalf("confirm %s: %d to %q", no, a.status, a.to)
	}
	return no
}
