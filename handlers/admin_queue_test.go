package handlers_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views/text"
)

// queuePage stands for the job queue's own page: it repeats what it was asked,
// and knows no job 404.
func queuePage(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if strings.Contains(string(body), `"404"`) {
		w.WriteHeader(http.StatusNotFound)
	}
	fmt.Fprintf(w, "queue page: %s %s %s", r.Method, r.URL.Path, body)
}

const queuePath = "/admin/jobs/queue"

// json sends a request of the page's own script, as a browser does from a page
// of the same origin unless an option says otherwise.
func (b *browser) script(method, path, body string, options ...option) answer {
	b.t.Helper()
	return b.do(method, queuePath+path, body, append([]option{header("Content-Type", "application/json"), header("Sec-Fetch-Site", "same-origin")}, options...)...)
}

func TestQueuePageIsReadByStaff(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		for _, role := range []models.Role{models.RoleSupport, models.RoleFinance, models.RoleAdmin} {
			b, _ := s.member(t, role, string(role)+"@shop.test")
			for _, path := range []string{"", "/", "/jobs/7", "/api/jobs"} {
				page := b.get(queuePath+path).is(t, http.StatusOK)
				if want := "queue page: GET " + queuePath + path + " "; page.body != want {
					t.Errorf("%s: %q", path, page.body)
				}
				if policy := page.Header.Get("Content-Security-Policy"); policy != web.QueuePolicy || page.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s: the policy is %q, caching %q", path, policy, page.Header.Get("Cache-Control"))
				}
			}
			if kept := b.get(queuePath + "/assets/main-1.js").Header.Get("Cache-Control"); !strings.Contains(kept, "immutable") || !strings.Contains(kept, "private") {
				t.Errorf("a file with its version in its name is kept %q", kept)
			}
		}
		if policy := s.browser(t).get("/login").Header.Get("Content-Security-Policy"); strings.Contains(policy, "unsafe-inline") {
			t.Error("the queue page's policy reaches ours")
		}
	})
}

func TestQueueActsAreAuditedAndPassedOn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		for _, act := range []struct{ method, path, body, passed string }{
			{"POST", "/api/jobs/retry", `{"ids":["7",8],"more":1}`, `{"ids":["7","8"]}`},
			{"POST", "/api/jobs/cancel", `{"IDs":["9"]}`, `{"ids":["9"]}`},
			{"POST", "/api/jobs/delete", `{"ids":["404"]}`, `{"ids":["404"]}`},
			{"PUT", "/api/queues/default/pause", ``, ``},
			{"PUT", "/api/queues/default/resume", `{"x":1}`, ``},
		} {
			status := http.StatusOK
			if strings.Contains(act.body, "404") {
				status = http.StatusNotFound
			}
			answer := b.script(act.method, act.path, act.body).is(t, status)
			if want := "queue page: " + act.method + " " + queuePath + act.path + " " + act.passed; answer.body != want {
				t.Errorf("%s: %q is passed on, want %q", act.path, answer.body, want)
			}
		}
		for action, want := range map[string][]string{
			"job.retry":    {"support@shop.test job:7  asked", "support@shop.test job:8  asked"},
			"job.cancel":   {"support@shop.test job:9  asked"},
			"job.delete":   {"support@shop.test job:404  asked", "support@shop.test job:404 asked refused 404"},
			"queue.pause":  {"support@shop.test queue:default  asked"},
			"queue.resume": {"support@shop.test queue:default  asked"},
		} {
			if diff := cmp.Diff(want, s.audits(t, action)); diff != "" {
				t.Errorf("%s: %s", action, diff)
			}
		}
	})
}

// What is not known to be an act does not reach the queue, nor does what cannot
// be read.
func TestQueueTakesNothingElse(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleAdmin, "admin@shop.test")
		tooMany := `{"ids":[` + strings.TrimSuffix(strings.Repeat(`1,`, 1001), ",") + `]}`
		for _, try := range []struct {
			method, path, body string
			status             int
		}{
			{"POST", "/api/jobs", `{"ids":["7"]}`, 404}, {"POST", "/api/jobs/retry/7", `{"ids":["7"]}`, 404}, {"POST", "/jobs/retry", `{"ids":["7"]}`, 404},
			{"PUT", "/api/jobs/retry", `{"ids":["7"]}`, 404}, {"POST", "/api/queues/default/pause", ``, 404}, {"PUT", "/api/queues/default", ``, 404},
			{"PATCH", "/api/queues/default", `{}`, 404}, {"DELETE", "/api/jobs/7", ``, 404},
			{"PUT", "/api/queues/%00/pause", ``, 404}, {"PUT", "/api/queues/" + strings.Repeat("x", 65) + "/pause", ``, 404}, {"PUT", "/api/queues//pause", ``, 404},
			{"POST", "/api/jobs/retry", ``, 422}, {"POST", "/api/jobs/retry", `{}`, 422}, {"POST", "/api/jobs/retry", `{"ids":["x"]}`, 422},
			{"POST", "/api/jobs/retry", `{"ids":["1.5"]}`, 422}, {"POST", "/api/jobs/retry", `{"ids":"7"}`, 422}, {"POST", "/api/jobs/retry", tooMany, 422},
			{"POST", "/api/jobs/retry", `{"ids":["7"],"x":"` + strings.Repeat("x", 70<<10) + `"}`, 413},
		} {
			answer := b.script(try.method, try.path, try.body)
			if answer.StatusCode != try.status && (try.status != 404 || answer.StatusCode != 405) || strings.Contains(answer.body, "queue page") {
				t.Errorf("%s %s %.40s: %s", try.method, try.path, try.body, answer.Status)
			}
		}
		db, err := s.Handle()
		must(t, err)
		var n int
		must(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM audit_log WHERE action LIKE 'job.%' OR action LIKE 'queue.%'").Scan(&n))
		if n != 0 {
			t.Errorf("%d acts are on the trail", n)
		}
	})
}

// A page of another origin cannot act for staff who are signed in, and a role
// that repairs nothing cannot act at all.
func TestQueueActsComeFromItsOwnPage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		const body = `{"ids":["7"]}`
		for name, options := range map[string][]option{
			"another site":         {header("Sec-Fetch-Site", "cross-site"), header("Origin", "https://evil.test")},
			"a sister site":        {header("Sec-Fetch-Site", "same-site"), header("Origin", s.url)},
			"typed":                {header("Sec-Fetch-Site", "none")},
			"only another origin":  {header("Sec-Fetch-Site", ""), header("Origin", "http://evil.test")},
			"an origin of nothing": {header("Sec-Fetch-Site", ""), header("Origin", "null")},
			"nobody says":          {header("Sec-Fetch-Site", "")},
			"a form of another site": {
				header("Sec-Fetch-Site", "cross-site"), header("Content-Type", "text/plain"),
			},
		} {
			refused := b.script("POST", "/api/jobs/retry", body, options...)
			if refused.StatusCode != http.StatusForbidden {
				t.Errorf("%s: %s", name, refused.Status)
			}
			refused.says(t, "#main", word(text.Chinese, "error.form_token"))
		}
		if n := len(s.audits(t, "job.retry")); n != 0 {
			t.Errorf("%d acts are on the trail", n)
		}
		b.script("POST", "/api/jobs/retry", body, header("Sec-Fetch-Site", ""), header("Origin", s.url)).is(t, http.StatusOK)
		reader, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		reader.script("POST", "/api/jobs/retry", body).is(t, http.StatusForbidden).says(t, "#main", word(text.Chinese, "error.role.not_allowed"))
		reader.script("PUT", "/api/queues/default/pause", "").is(t, http.StatusForbidden)
		seller, _ := s.seller(t)
		seller.script("POST", "/api/jobs/retry", body).is(t, http.StatusNotFound)
		seller.get(queuePath+"/").is(t, http.StatusNotFound)
		if n := len(s.audits(t, "job.retry")); n != 1 {
			t.Errorf("%d acts are on the trail", n)
		}
	})
}
