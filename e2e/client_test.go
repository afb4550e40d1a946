package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
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

// pays recharges an amount: the form, the confirmation, the cashier, and back.
// It gives the payment's no.
func (c *client) pays(t *testing.T, amount string) string {
	t.Helper()
	no := c.draft(t, amount)
	at := c.must(t, "/payments/"+no+"/confirm", nil).to
	at = c.leads(t, at, nil)                            // the gateway begins the trade
	at = c.leads(t, at, url.Values{"outcome": {"pay"}}) // at its cashier
	if to := c.leads(t, at, nil); to != c.base+"/payments/"+no {
		t.Fatalf("after the cashier, %s leads to %s", at, to)
	}
	return no
}

// leads says where an address leads on that is asked for, or sent a form.
func (c *client) leads(t *testing.T, address string, form url.Values) string {
	t.Helper()
	ask := c.http.Get
	if form != nil {
		ask = func(address string) (*http.Response, error) { return c.http.PostForm(address, form) }
	}
	response, err := ask(address)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	to, err := response.Location()
	if err != nil {
		t.Fatalf("%s leads nowhere: %s", address, response.Status)
	}
	return to.String()
}

// page reads a page of the portal.
func (c *client) page(t *testing.T, path string) *goquery.Document {
	t.Helper()
	a, err := c.get(path)
	if err != nil || a.status != http.StatusOK {
		t.Fatalf("%s: %d %v", path, a.status, err)
	}
	page, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	return page
}

// words are what a reader sees of a part of a page, in one line.
func words(part *goquery.Selection) string { return strings.Join(strings.Fields(part.Text()), " ") }

// feed follows /api/v1/serving as an ad engine does, and keeps every state that
// it is told.
type feed struct {
	base, key string
	http      *http.Client
	close     func()

	mu   sync.Mutex
	told map[int64][]told // by campaign
}

// told is a state of a campaign, and when we heard of it.
type told struct {
	state string
	share int
	at    time.Time
}

func (s told) String() string { return fmt.Sprint(s.state, " ", s.share) }

// servingAnswer is what the API says.
type servingAnswer struct {
	Cursor    string
	Campaigns []struct {
		CampaignID    int64  `json:"campaign_id"`
		DeliveryState string `json:"delivery_state"`
		SharePercent  int    `json:"share_percent"`
		SpendableFen  int64  `json:"spendable_fen"`
	}

	its time.Time // when it began, by the portal's clock
}

// newFeed makes a client of the API with a key of its own.
func newFeed(t *testing.T, p *portal) *feed {
	t.Helper()
	return &feed{base: p.URL + "/api/v1/", key: p.apiKey(t, "feed"), http: &http.Client{Timeout: 40 * time.Second}, told: map[int64][]told{}}
}

// openFeed reads all campaigns, and follows their changes until the feed is
// closed or the test ends.
func openFeed(t *testing.T, p *portal) (*feed, portalClock) {
	t.Helper()
	f := newFeed(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	sent := time.Now()
	first, err := f.ask(ctx, "")
	if err != nil {
		t.Fatal(err)
	}
	clock := portalClock{sent.Add(time.Since(sent) / 2), first.its}
	f.note(first)
	var following sync.WaitGroup
	following.Go(func() {
		for cursor := first.Cursor; ctx.Err() == nil; {
			answer, err := f.ask(ctx, "?wait=20&after="+cursor)
			if err != nil {
				if ctx.Err() == nil {
					t.Error("the feed: ", err)
				}
				return
			}
			cursor = answer.Cursor
			f.note(answer)
		}
	})
	f.close = func() { cancel(); following.Wait() }
	t.Cleanup(f.close)
	return f, clock
}

func (f *feed) ask(ctx context.Context, query string) (answer servingAnswer, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.base+"serving"+query, nil)
	if err != nil {
		return answer, err
	}
	request.Header.Set("Authorization", "Bearer "+f.key)
	response, err := f.http.Do(request)
	if err != nil {
		return answer, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return answer, fmt.Errorf("serving%s: %s", query, response.Status)
	}
	if answer.its, err = http.ParseTime(response.Header.Get("Date")); err != nil {
		return answer, err
	}
	return answer, json.NewDecoder(response.Body).Decode(&answer)
}

// note keeps what is new in an answer: another state, or another share.
func (f *feed) note(answer servingAnswer) {
	at := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range answer.Campaigns {
		before := f.told[c.CampaignID]
		now := told{c.DeliveryState, c.SharePercent, at}
		if len(before) == 0 || before[len(before)-1].String() != now.String() {
			f.told[c.CampaignID] = append(before, now)
		}
	}
}

// of gives all that was told of a campaign.
func (f *feed) of(campaign int64) []told {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.told[campaign])
}

// spendable asks what a campaign's account may still spend.
func (f *feed) spendable(t *testing.T, campaign int64) int64 {
	t.Helper()
	all, err := f.ask(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range all.Campaigns {
		if c.CampaignID == campaign {
			return c.SpendableFen
		}
	}
	t.Fatalf("the feed does not know campaign %d", campaign)
	return 0
}

// charge makes a click of the test's own.
func (f *feed) charge(t *testing.T, campaign, fen int64) {
	t.Helper()
	all, err := f.ask(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	body := fmt.Sprintf(`[{"charge_id": "life-%d", "campaign_id": %d, "amount_fen": %d, "charged_at": %q}]`,
		time.Now().UnixNano(), campaign, fen, all.its.Format(time.RFC3339))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.base+"charges", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+f.key)
	response, err := f.http.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); !strings.Contains(string(answer), `"accepted":1`) {
		t.Fatalf("a charge was answered %s %s", response.Status, answer)
	}
}
