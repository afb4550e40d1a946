package handlers_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

// charged is a site with a seller who has money and a campaign, and an engine.
type charged struct {
	*site
	*engine
	account  int64
	campaign int64
	keyword  int64
}

func (s *site) charged(t testing.TB) *charged {
	t.Helper()
	account, campaigns := s.Seller(t, 1000*yuan)
	s.credit(t, account, 300*yuan)
	_, keywords, err := s.CampaignDetail(t.Context(), account, campaigns[0])
	must(t, err)
	return &charged{s, s.engine(t), account, campaigns[0], keywords[0].ID}
}

func (s *charged) click(id string, amount models.Fen) item {
	return s.site.click(id, s.campaign, amount)
}

// spent wants this much to have been booked on the seller's money.
func (s *charged) spent(t testing.TB, want models.Fen) {
	t.Helper()
	if got := 300*yuan - s.cash(t, s.account); got != want {
		t.Errorf("%d fen were booked, want %d", got, want)
	}
	s.Sound(t)
}

func lines(items ...any) string {
	var all []string
	for _, one := range items {
		line, err := json.Marshal(one)
		if err != nil {
			panic(err)
		}
		all = append(all, string(line))
	}
	return strings.Join(all, "\n")
}

func packed(body string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(body))
	w.Close()
	return b.String()
}

func TestKeysOpenTheAPI(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		good := s.engine(t)
		good.get("/keywords").is(t, http.StatusOK)
		good.get("/keywords", header("Authorization", "bearer  "+good.key)).is(t, http.StatusOK)
		for name, value := range map[string]string{
			"no scheme": good.key, "another scheme": "Basic " + good.key, "nothing": "Bearer ", "cut off": "Bearer " + good.key[:20],
			"of another's length": "Bearer " + good.key + "x", "unknown": "Bearer ztc_" + strings.Repeat("A", 43), "two": "Bearer " + good.key + " " + good.key,
		} {
			answer := good.get("/keywords", header("Authorization", value))
			answer.refused(t, http.StatusUnauthorized, "unauthorized")
			if got := answer.Header.Get("WWW-Authenticate"); got != `Bearer realm="ztc-portal"` {
				t.Errorf("%s: WWW-Authenticate is %q", name, got)
			}
		}
		(&engine{t: t, site: s, met: map[string]bool{}}).get("/keywords?key="+good.key).refused(t, http.StatusUnauthorized, "unauthorized")
		keys, err := s.APIKeys(t.Context())
		must(t, err)
		must(t, s.RevokeAPIKey(t.Context(), keys[0].ID))
		good.get("/keywords").refused(t, http.StatusUnauthorized, "unauthorized")
	})
}

func TestKeysAreGoodForTheirScopes(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for path, scope := range map[string]models.Scope{
			"/charges": models.ScopeCharges, "/results": models.ScopeResults, "/serving": models.ScopeServing, "/keywords": models.ScopeServing,
		} {
			for _, has := range models.Scopes {
				answer := s.engine(t, has).do(operations[path], path, "")
				if has == scope {
					answer.is(t, http.StatusOK)
					continue
				}
				if p := answer.refused(t, http.StatusForbidden, "scope_missing"); !strings.Contains(p.Detail, string(scope)) {
					t.Errorf("%s with %s: %s", path, has, p.Detail)
				}
			}
		}
	})
}

// TestBrokenBodiesAreRefusedWhole: the place is exact, and of a body that begins
// well nothing is booked.
func TestBrokenBodiesAreRefusedWhole(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		a, b := lines(s.click("a", 100)), lines(s.click("b", 100))
		for name, c := range map[string]struct {
			before, fault string // the place is where the fault begins
		}{
			"an array cut off":             {"[" + a, ""},
			"cut off after a comma":        {"[" + a + ",", ""},
			"cut off in an item":           {"[" + a + ",\n" + b[:20], ""},
			"a comma too many":             {"[" + a, ",]"},
			"two commas":                   {"[" + a + ",", "," + b + "]"},
			"no comma":                     {"[" + a + "\n", b + "]"},
			"more after the array":         {"[" + a + "]\n\n  ", "x"},
			"a second array":               {"[" + a + "]\n", "[" + b + "]"},
			"a bracket too many":           {"[" + a + "]", "]"},
			"a broken third line":          {a + "\n" + b + "\n" + `{"charge_id":`, "}\n" + a},
			"a comma between lines":        {a, ",\n" + b},
			"a line cut off":               {a + "\n" + b[:30], ""},
			"a name twice":                 {`[{"charge_id":"a","amount_fen":1,`, `"charge_id":"b"}]`},
			"no UTF-8":                     {`[{"charge_id":"`, "\xff\"}]"},
			"half a pair":                  {`[{"charge_id":"`, `\ud800"}]`},
			"a byte order mark":            {"", "\ufeff[" + a + "]"},
			"a name without quotes":        {"[{", "charge_id:1}]"},
			"a number that begins with 0":  {`[{"amount_fen":0`, "1}]"},
			"a line break in a string":     {`[{"charge_id":"a`, "\n\"}]"},
			"deeper than anybody writes":   {strings.Repeat("[", 10000), "[[[["},
			"a word that JSON has not":     {"[" + a + ",\n tru", "]"},
			"Windows' ends of lines":       {"[" + a + ",\r\n" + b + "\r\n", "{}]"},
			"a body that is only an error": {"", "oops"},
		} {
			p := s.post("/charges", c.before+c.fault).refused(t, http.StatusBadRequest, "bad_json")
			line := strings.Count(c.before, "\n") + 1
			column := len(c.before) - strings.LastIndex(c.before, "\n")
			if p.Offset == nil || *p.Offset != len(c.before) || p.Line != line || p.Column != column {
				t.Errorf("%s: line %d column %d offset %v, want %d %d %d: %q", name, p.Line, p.Column, p.Offset, line, column, len(c.before), c.before)
			}
			if !strings.Contains(p.Detail, text.Number(line)) || !strings.Contains(p.Detail, text.Number(column)) {
				t.Errorf("%s: the place is not in %q", name, p.Detail)
			}
		}
		s.spent(t, 0)
		p := s.post("/charges", packed("["+a+",]"), header("Content-Encoding", "gzip")).refused(t, http.StatusBadRequest, "bad_json")
		if *p.Offset != len(a)+1 {
			t.Errorf("packed: offset %d, want the unpacked body's %d", *p.Offset, len(a)+1)
		}
		s.post("/results", `[{"campaign_id":1},]`).refused(t, http.StatusBadRequest, "bad_json")
	})
}

// TestItemsOfAnotherFormAreRejectedAlone: what is JSON and no charge is
// rejected where it stands, and the rest is booked.
func TestItemsOfAnotherFormAreRejectedAlone(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		good := s.click("good", 100)
		odd := []any{
			nil, "a", 7, true, []any{}, []any{good}, item{},
			good.with("charge_id", 7), good.with("charge_id", ""), good.with("charge_id", nil), good.with("charge_id", strings.Repeat("x", 65)),
			good.with("charge_id", "a\nb"), good.with("charge_id", "é"), good.with("charge_id", "\x7f"),
			good.with("campaign_id", "1"), good.with("campaign_id", 0), good.with("campaign_id", -1), good.with("campaign_id", 1.5),
			good.with("campaign_id", json.Number("9223372036854775808")), good.with("campaign_id", nil), good.with("campaign_id", item{}),
			good.with("keyword_id", -1), good.with("keyword_id", "5"), good.with("amount_fen", "100"), good.with("amount_fen", 99.5), good.with("amount_fen", json.Number("1e2")),
			good.with("charged_at", "yesterday"), good.with("charged_at", "2026-11-24 14:00:00"), good.with("charged_at", 1795500187), good.with("charged_at", nil),
			good.with("charged_at", "2026-11-24T14:00:00"), good.with("charged_at", "2026-02-30T14:00:00Z"),
		}
		body := append([]any{s.click("first", 100)}, odd...)
		body = append(body, s.click("last", 200), good.with("unknown", item{"member": 1}), good.with("charge_id", "null").with("keyword_id", nil))
		got := s.send("/charges", body...).counts(t)
		if got.Accepted != 4 || got.Duplicate != 0 || len(got.Rejected) != len(odd) {
			t.Fatalf("%d accepted, %d duplicate, %d of %d rejected", got.Accepted, got.Duplicate, len(got.Rejected), len(odd))
		}
		for i, r := range got.Rejected {
			if r.Index != i+1 || r.Code != models.RejectMalformed || r.Detail != word(text.English, "api.reject.malformed") {
				t.Errorf("%v is %+v", odd[i], r)
			}
			wrong, _ := odd[i].(item) // a list or a number has no id
			if id, _ := wrong["charge_id"].(string); r.ChargeID != id {
				t.Errorf("%v is said to be %q", odd[i], r.ChargeID)
			}
		}
		s.spent(t, 500)
	})
}

// TestEveryReasonToRejectACharge provokes each code, and says its words.
func TestEveryReasonToRejectACharge(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		now := s.Clock.Now()
		other := s.campaigns(t, s.account, 100*yuan)[0]
		s.send("/charges", s.click("booked", 100)).counts(t)
		want := []struct {
			code models.RejectCode
			item item
		}{
			{models.RejectMalformed, item{}},
			{models.RejectUnknownCampaign, s.click("a", 100).with("campaign_id", 999999)},
			{models.RejectUnknownKeyword, s.click("b", 100).with("keyword_id", 999999)},
			{models.RejectUnknownKeyword, s.click("c", 100).with("keyword_id", s.keyword).with("campaign_id", other)},
			{models.RejectNotPositive, s.click("d", 0)},
			{models.RejectNotPositive, s.click("e", -1)},
			{models.RejectTooLarge, s.click("f", 1_000_000)},
			{models.RejectFuture, s.click("g", 100).with("charged_at", now.Add(5*time.Minute+time.Second))},
			{models.RejectTooOld, s.click("h", 100).with("charged_at", now.Add(-7*24*time.Hour-time.Second))},
			{models.RejectReused, s.click("booked", 101)},
			{models.RejectReused, s.click("booked", 100).with("campaign_id", other)},
		}
		var body []any
		for _, w := range want {
			body = append(body, w.item)
		}
		body = append(body, s.click("booked", 100).with("keyword_id", s.keyword), s.click("ahead", 999_999).with("charged_at", now.Add(5*time.Minute)),
			s.click("old", 1).with("charged_at", now.Add(-7*24*time.Hour)), s.click("old", 1).with("charged_at", now.Add(-7*24*time.Hour)))
		got := s.send("/charges", body...).counts(t)
		if got.Accepted != 2 || got.Duplicate != 2 || len(got.Rejected) != len(want) {
			t.Fatalf("%+v", got)
		}
		met := map[models.RejectCode]bool{}
		for i, r := range got.Rejected {
			met[r.Code] = true
			words := word(text.English, "api.reject."+string(want[i].code), "Max", models.MaxChargeFen)
			if id, _ := want[i].item["charge_id"].(string); r.Index != i || r.Code != want[i].code || r.ChargeID != id || r.Detail != words {
				t.Errorf("%v is %+v, want %s", want[i].item, r, want[i].code)
			}
		}
		if !slices.Equal(slices.Sorted(maps.Keys(met)), slices.Sorted(slices.Values(models.RejectCodes))) {
			t.Errorf("only %v were met", met)
		}
		s.spent(t, 100+999_999+1)
	})
}

// TestBodiesAreSentAgain: whole, in part, and long after they were too old.
func TestBodiesAreSentAgain(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		a, b, c := s.click("a", 100), s.click("b", 200), s.click("c", 300)
		for _, one := range []struct {
			body                []any
			accepted, duplicate int
		}{{[]any{a, b}, 2, 0}, {[]any{a, b}, 0, 2}, {[]any{b, c, c}, 1, 2}, {nil, 0, 0}} {
			if got := s.send("/charges", one.body...).counts(t); got.Accepted != one.accepted || got.Duplicate != one.duplicate || len(got.Rejected) > 0 {
				t.Errorf("%v: %+v", one.body, got)
			}
		}
		s.Clock.Add(400 * 24 * time.Hour)
		if got := s.send("/charges", a, a.with("charge_id", "late")).counts(t); got.Duplicate != 1 || len(got.Rejected) != 1 || got.Rejected[0].Code != models.RejectTooOld {
			t.Errorf("a year later: %+v", got)
		}
		s.spent(t, 600)
	})
}

func TestBodiesMayBeLinesAndPacked(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		sent := 0
		two := func() []any {
			sent += 2
			return []any{s.click("n"+strconv.Itoa(sent), 10), s.click("n"+strconv.Itoa(sent+1), 10)}
		}
		array := func() string { body, _ := json.Marshal(two()); return string(body) }
		gzipped, kind := header("Content-Encoding", "gzip"), func(k string) option { return header("Content-Type", k) }
		for name, got := range map[string]reply{
			"an array":                  s.post("/charges", array()),
			"an array with spaces":      s.post("/charges", "\r\n "+array()+" \n\t"),
			"lines":                     s.post("/charges", lines(two()...), kind("application/x-ndjson")),
			"lines with an end":         s.post("/charges", lines(two()...)+"\r\n", kind("application/x-ndjson; charset=utf-8")),
			"lines that say JSON":       s.post("/charges", lines(two()...)),
			"lines by their other name": s.post("/charges", lines(two()...), kind("application/jsonl")),
			"an array that says lines":  s.post("/charges", array(), kind("application/ndjson")),
			"packed":                    s.post("/charges", packed(array()), gzipped),
			"packed lines":              s.post("/charges", packed(lines(two()...)), gzipped, kind("application/x-ndjson")),
			"packed in two parts":       s.post("/charges", packed(lines(two()[0])+"\n")+packed(lines(two()[0])), gzipped),
			"packed by its old name":    s.post("/charges", packed(array()), header("Content-Encoding", "X-GZIP")),
			"not packed":                s.post("/charges", array(), header("Content-Encoding", "identity")),
			"of no type":                s.post("/charges", array(), func(r *http.Request) { r.Header.Del("Content-Type") }),
			"of no length":              s.post("/charges", array(), func(r *http.Request) { r.ContentLength = -1 }),
		} {
			if c := got.counts(t); c.Accepted != 2 {
				t.Errorf("%s: %+v", name, c)
			}
		}
		for name, broken := range map[string]string{
			"no gzip": array(), "cut off": packed(array())[:40], "no head": packed(array())[:5], "more after it": packed(array()) + "rest", "empty": "",
		} {
			if p := s.post("/charges", broken, gzipped).refused(t, http.StatusBadRequest, "bad_encoding"); p.Line != 0 || p.Offset != nil {
				t.Errorf("%s has a place: %+v", name, p)
			}
		}
		s.cutOffIsRefused(t, array())
		for _, wrong := range []option{
			kind("text/plain"), kind("application/x-www-form-urlencoded"), kind("text/csv"), kind("json"), kind("application/json;;"),
			header("Content-Encoding", "br"), header("Content-Encoding", "deflate"), header("Content-Encoding", "gzip, gzip"),
		} {
			s.post("/charges", array(), wrong).refused(t, http.StatusUnsupportedMediaType, "unsupported_media_type")
		}
		s.spent(t, 14*2*10)
	})
}

func TestLargeBodiesAreRefused(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		const limit = 4 << 20
		full := "[" + lines(s.click("in", 100)) + "]"
		full = strings.Repeat(" ", limit-len(full)) + full
		over := func(r *http.Request) { r.ContentLength = -1 }
		bomb := packed(strings.Repeat(" ", 2*limit))
		for name, answer := range map[string]reply{
			"plain":            s.post("/charges", " "+full),
			"of unsaid length": s.post("/charges", " "+full, over),
			"a bomb":           s.post("/charges", packed(" "+full), header("Content-Encoding", "gzip")),
			"a larger bomb":    s.post("/charges", bomb, header("Content-Encoding", "gzip")),
			"a broken bomb":    s.post("/charges", bomb[:3*len(bomb)/4], header("Content-Encoding", "gzip")),
			"results":          s.post("/results", strings.Repeat(" ", limit+1)),
		} {
			if p := answer.refused(t, http.StatusRequestEntityTooLarge, "body_too_large"); !strings.Contains(p.Detail, "4 MiB") {
				t.Errorf("%s: %s", name, p.Detail)
			}
		}
		s.spent(t, 0)
		if got := s.post("/charges", full).counts(t); got.Accepted != 1 {
			t.Errorf("a full body: %+v", got)
		}
		many := strings.Repeat("{},", models.MaxChargeBatch-1) + "{}"
		for _, path := range []string{"/charges", "/results"} {
			if got := s.post(path, "["+many+"]").counts(t); len(got.Rejected) != models.MaxChargeBatch {
				t.Errorf("%s: %d of %d items were looked at", path, len(got.Rejected), models.MaxChargeBatch)
			}
			first := lines(s.click("many", 100))
			if p := s.post(path, "["+first+","+many+"]").refused(t, http.StatusRequestEntityTooLarge, "too_many_items"); !strings.Contains(p.Detail, "5,000") {
				t.Errorf("%s: %s", path, p.Detail)
			}
			s.post(path, first+"\n"+strings.ReplaceAll(many, ",", "\n")).refused(t, http.StatusRequestEntityTooLarge, "too_many_items")
		}
		s.spent(t, 100)
	})
}

func TestKeysThatAskTooOftenWait(t *testing.T) {
	eachSite(t, func(t *testing.T, calm *site) {
		s := newSite(t, calm.Bench, func(c *handlers.Config) { c.APIRate = 1 })
		one, other := s.engine(t), s.engine(t)
		refused := 0
		for range 20 {
			answer := one.get("/keywords")
			if answer.StatusCode == http.StatusOK {
				continue
			}
			answer.refused(t, http.StatusTooManyRequests, "too_fast")
			refused++
			if wait, err := strconv.Atoi(answer.Header.Get("Retry-After")); err != nil || wait < 1 || wait > 2 {
				t.Errorf("Retry-After is %q", answer.Header.Get("Retry-After"))
			}
		}
		if refused < 10 {
			t.Errorf("only %d of 20 were refused", refused)
		}
		other.get("/keywords").is(t, http.StatusOK)
		for range 20 {
			calm.engine(t).get("/keywords").is(t, http.StatusOK)
		}
	})
}

func TestUnknownAddressesAndMethodsAreProblems(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		e := s.engine(t)
		for _, path := range []string{"", "/", "/nowhere", "/charges/1", "/charges/", "/Charges", "/serving/../nowhere", "/v1/charges"} {
			e.get(path).refused(t, http.StatusNotFound, "not_found")
			e.post(path, "[]").refused(t, http.StatusNotFound, "not_found")
		}
		for path, allowed := range operations {
			for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
				if method == allowed {
					continue
				}
				answer := e.do(method, path, "")
				answer.refused(t, http.StatusMethodNotAllowed, "method_not_allowed")
				if got := answer.Header.Get("Allow"); got != allowed {
					t.Errorf("%s %s: Allow is %q", method, path, got)
				}
			}
		}
		(&engine{t: t, site: s, met: map[string]bool{}}).post("/charges", "[]").refused(t, http.StatusUnauthorized, "unauthorized")
	})
}

func TestProblemsSpeakTheReadersLanguage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		e := s.engine(t)
		for asked, lang := range map[string]string{
			"": text.English, "en": text.English, "en-GB,zh;q=0.3": text.English, "zh-CN": text.Chinese, "zh": text.Chinese, "fr": text.Chinese,
		} {
			speak := func(r *http.Request) {
				if asked != "" {
					r.Header.Set("Accept-Language", asked)
				}
			}
			p := e.get("/serving?wait=soon", speak).refused(t, http.StatusBadRequest, "bad_parameter")
			if p.Title != word(lang, "api.problem.bad_parameter.title") || p.Detail != word(lang, "api.problem.bad_parameter.detail", "Name", "wait") {
				t.Errorf("%q: %s: %s", asked, p.Title, p.Detail)
			}
			if got := e.post("/charges", "[{}]", speak).counts(t); got.Rejected[0].Detail != word(lang, "api.reject.malformed") {
				t.Errorf("%q: %s", asked, got.Rejected[0].Detail)
			}
		}
	})
}

func TestDateIsThePortalsClock(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		e := s.engine(t)
		s.Clock.Add(90 * 24 * time.Hour)
		for _, answer := range []reply{e.get("/keywords"), e.get("/nowhere"), e.post("/charges", "[")} {
			if got := answer.Header.Get("Date"); got != s.Clock.Now().Format(http.TimeFormat) {
				t.Errorf("%s: Date is %s", answer.Status, got)
			}
		}
	})
}

// TestResultsReplaceWhatWasSaid: the newest word of each hour stands.
func TestResultsReplaceWhatWasSaid(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		now := s.Clock.Now()
		hour := now.Truncate(time.Hour)
		first := item{"campaign_id": s.campaign, "keyword_id": s.keyword, "hour": hour, "impressions": 100, "clicks": 9, "orders": 2, "order_amount_fen": 5000}
		stands := func(want string) {
			t.Helper()
			if got := s.results(t); got != want {
				t.Errorf("there stands %q, want %q", got, want)
			}
		}
		if got := s.send("/results", first).counts(t); got.Accepted != 1 || len(got.Rejected) > 0 {
			t.Fatalf("%+v", got)
		}
		stands("100 9 2 5000")
		s.send("/results", first).counts(t)
		stands("100 9 2 5000")
		s.send("/results", first.with("impressions", 120).with("orders", 1).with("order_amount_fen", 0)).counts(t)
		stands("120 9 1 0")
		s.send("/results", first.with("keyword_id", 0).with("clicks", 3), first.with("hour", hour.Add(-time.Hour).In(models.Shanghai))).counts(t)
		stands("100 3 2 5000, 100 9 2 5000, 120 9 1 0")
		s.send("/results", item{"campaign_id": s.campaign, "keyword_id": s.keyword, "hour": hour}).counts(t)
		stands("0 0 0 0, 100 3 2 5000, 100 9 2 5000")
	})
}

// TestAQualityIsToldWithAResult and read back by who bids with it; null tells nothing.
func TestAQualityIsToldWithAResult(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		told := item{"campaign_id": s.campaign, "keyword_id": s.keyword, "hour": s.Clock.Now().Truncate(time.Hour), "impressions": 3}
		for _, step := range []struct {
			said any
			want int
		}{{4, 4}, {nil, 4}, {10, 10}, {1, 1}} {
			if got := s.send("/results", told.with("quality", step.said)).counts(t); got.Accepted != 1 {
				t.Fatalf("%v: %+v", step.said, got)
			}
			var found []int
			page, _, err := s.EngineKeywords(t.Context(), 0)
			must(t, err)
			for _, k := range page {
				if k.KeywordID == s.keyword {
					found = append(found, k.Quality)
				}
			}
			if !slices.Equal(found, []int{step.want}) {
				t.Errorf("after %v it is %v", step.said, found)
			}
		}
	})
}

// results reads what stands of all hours, as text.
func (s *site) results(t testing.TB) string {
	t.Helper()
	db, err := s.Handle()
	must(t, err)
	rows, err := db.Query("SELECT impressions, clicks, orders, order_amount_fen FROM results ORDER BY impressions, clicks")
	must(t, err)
	defer rows.Close()
	var all []string
	for rows.Next() {
		var f [4]int64
		must(t, rows.Scan(&f[0], &f[1], &f[2], &f[3]))
		all = append(all, strings.Trim(fmt.Sprint(f), "[]"))
	}
	must(t, rows.Err())
	return strings.Join(all, ", ")
}

func TestEveryReasonToRejectAResult(t *testing.T) {
	eachSite(t, func(t *testing.T, site *site) {
		s := site.charged(t)
		now := s.Clock.Now()
		hour := now.Truncate(time.Hour)
		good := item{"campaign_id": s.campaign, "hour": hour, "impressions": 1}
		s.Clock.Set(hour.Add(58 * time.Minute)) // the next hour is less than five minutes ahead
		want := []struct {
			code models.RejectCode
			item any
		}{
			{models.RejectMalformed, item{}},
			{models.RejectMalformed, "x"},
			{models.RejectMalformed, good.with("clicks", -1)},
			{models.RejectMalformed, good.with("clicks", 1_000_000_001)},
			{models.RejectMalformed, good.with("order_amount_fen", 10_000_000_001)},
			{models.RejectMalformed, good.with("orders", "1")},
			{models.RejectMalformed, good.with("hour", "today")},
			{models.RejectUnknownCampaign, good.with("campaign_id", 999999)},
			{models.RejectUnknownKeyword, good.with("keyword_id", 999999)},
			{models.RejectNotAnHour, good.with("hour", hour.Add(time.Second))},
			{models.RejectFuture, good.with("hour", hour.Add(2*time.Hour))},
			{models.RejectTooOld, good.with("hour", hour.Add(-31*24*time.Hour))},
			{models.RejectTwice, good},
			{models.RejectQuality, good.with("keyword_id", s.keyword).with("quality", 0)},
			{models.RejectQuality, good.with("keyword_id", s.keyword).with("quality", 11)},
			{models.RejectMalformed, good.with("keyword_id", s.keyword).with("quality", 7.5)},
			{models.RejectMalformed, good.with("hour", hour.Add(-time.Hour)).with("quality", 7)}, // whose?
		}
		var body []any
		for _, w := range want {
			body = append(body, w.item)
		}
		body = append(body, good.with("impressions", 7), good.with("hour", hour.Add(time.Hour)), good.with("hour", hour.Add(-31*24*time.Hour+time.Hour)))
		got := s.send("/results", body...).counts(t)
		met := map[models.RejectCode]bool{}
		for i, r := range got.Rejected {
			met[r.Code] = true
			if r.Index != i || r.Code != want[i].code || r.Detail != word(text.English, "api.reject."+string(want[i].code)) {
				t.Errorf("%v is %+v, want %s", want[i].item, r, want[i].code)
			}
		}
		if got.Accepted != 3 || !slices.Equal(slices.Sorted(maps.Keys(met)), slices.Sorted(slices.Values(models.ResultCodes))) {
			t.Errorf("%d accepted, met %v", got.Accepted, met)
		}
		if got := s.results(t); got != "1 0 0 0, 1 0 0 0, 7 0 0 0" {
			t.Errorf("there stands %q", got)
		}
	})
}

// cutOffIsRefused promises a body of broken chunks: nothing of it is taken, and
// it is the sender's fault, not ours.
func (s *charged) cutOffIsRefused(t *testing.T, body string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	must(t, err)
	defer conn.Close()
	must(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	_, err = fmt.Fprintf(conn, "POST /api/v1/charges HTTP/1.1\r\nHost: portal\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\nno chunk\r\n", s.key, len(body), body)
	must(t, err)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	must(t, err)
	defer response.Body.Close()
	said, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(said), `"body_cut_off"`) {
		t.Errorf("a body that was cut off is answered %d %s", response.StatusCode, said)
	}
}

// A sender who is too slow for the server's patience still waits for an answer.
func TestASlowBodyIsRefusedByTheContract(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := newSite(t, b, func(*handlers.Config) {}).charged(t)
		server := httptest.NewUnstartedServer(c.handler)
		server.Config.ReadTimeout = 300 * time.Millisecond
		server.Start()
		defer server.Close()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		must(t, err)
		defer conn.Close()
		must(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
		_, err = fmt.Fprintf(conn, "POST /api/v1/charges HTTP/1.1\r\nHost: portal\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\n[", c.key)
		must(t, err)
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		defer response.Body.Close()
		said, err := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusBadRequest || !strings.Contains(string(said), `"body_cut_off"`) {
			t.Errorf("a slow body is answered %d %s, %v", response.StatusCode, said, err)
		}
	})
}
