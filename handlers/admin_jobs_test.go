package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

// eachTold runs a test on every engine, with an ad engine to tell by webhook.
func eachTold(t *testing.T, test func(*testing.T, *site)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.OpenWith(t, engine, func(rules *models.Rules) { rules.Webhooks = true })
			test(t, newSite(t, b, func(*handlers.Config) {}))
		})
	}
}

// parked makes a message that was given up: its last try, after three days, got
// the answer.
func (s *site) parked(t testing.TB, answer string) int64 {
	t.Helper()
	s.Seller(t, 100*yuan)
	var id int64
	for _, task := range s.Queue.Tasks() {
		if message, ok := task.Args.(models.DeliverWebhook); ok {
			id = message.ID
		}
	}
	s.Clock.Add(3 * 24 * time.Hour)
	wait, err := s.WebhookTried(t.Context(), id, false, answer)
	if err != nil || wait != 0 {
		t.Fatalf("the message is not parked but waits %v, %v", wait, err)
	}
	return id
}

func resendPath(id int64) string { return fmt.Sprintf("/admin/jobs/webhooks/%d/resend", id) }

// Who may do what on the staff's pages; "" is a stranger.
func TestStaffPagesByRole(t *testing.T) {
	eachTold(t, func(t *testing.T, s *site) {
		for role, want := range map[models.Role]struct {
			home, jobs, resend int
			lead               string // where home leads
			repairs            bool
		}{
			models.RoleSupport: {200, 200, 303, "", true},
			models.RoleFinance: {200, 200, 403, "", false},
			models.RoleAdmin:   {200, 200, 303, "", true},
			models.RoleSeller:  {404, 404, 404, "", false},
			"":                 {303, 303, 303, "/login", false},
		} {
			t.Run(string(role), func(t *testing.T) {
				id := s.parked(t, "503")
				b := s.browser(t)
				b.get("/login")
				if role != "" {
					b, _ = s.member(t, role, string(role)+"@shop.test")
				}
				home := b.get("/admin").is(t, want.home)
				if lead := home.Header.Get("Location"); lead != want.lead {
					t.Errorf("/admin leads to %q", lead)
				}
				jobs := b.get("/admin/jobs").is(t, want.jobs)
				if button := jobs.Find("form[action='" + resendPath(id) + "'] button").Length(); (button == 1) != want.repairs {
					t.Errorf("%d buttons send the message again", button)
				}
				resent := b.post(resendPath(id)).is(t, want.resend)
				if sent := s.pending(t, id); sent != want.repairs {
					t.Errorf("the message is on its way again: %v", sent)
				}
				if want.resend == 403 {
					resent.says(t, "#main", word(text.Chinese, "error.role.not_allowed"))
				}
			})
		}
	})
}

// pending tells whether the message is on its way.
func (s *site) pending(t testing.TB, id int64) bool {
	t.Helper()
	m, err := s.Webhook(t.Context(), id)
	must(t, err)
	return m.ParkedAt == nil && m.DeliveredAt == nil
}

// audits are the acts of a kind on the trail: on what, before, after.
func (s *site) audits(t testing.TB, action string) (acts []string) {
	t.Helper()
	db, err := s.Handle()
	must(t, err)
	rows, err := db.QueryContext(t.Context(), `SELECT u.email, a.subject, a."before", a."after" FROM audit_log a JOIN users u ON u.id = a.user_id
		WHERE a.action = $1 ORDER BY a.id`, action)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var email, subject, before, after string
		must(t, rows.Scan(&email, &subject, &before, &after))
		acts = append(acts, strings.Join([]string{email, subject, before, after}, " "))
	}
	must(t, rows.Err())
	return acts
}

func TestSupportSendsAMessageAgain(t *testing.T) {
	eachTold(t, func(t *testing.T, s *site) {
		other, id := s.parked(t, "503"), s.parked(t, "503 down")
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		tasks := len(s.Queue.Tasks())
		b.post(resendPath(id)).leads(t, "/admin/jobs")
		page := b.get("/admin/jobs").is(t, http.StatusOK)
		page.says(t, "[role=status]", word(text.Chinese, "flash.webhook_resent"))
		if page.Find("form[action='"+resendPath(id)+"']").Length() != 0 || page.Find("form[action='"+resendPath(other)+"']").Length() != 1 {
			t.Error("the page offers to send it again, or the other not")
		}
		if all := s.Queue.Tasks(); len(all) != tasks+1 || all[tasks].Args != models.TaskArgs(models.DeliverWebhook{ID: id}) || !s.pending(t, id) {
			t.Errorf("to do is %+v", all[tasks:])
		}
		want := []string{fmt.Sprintf("support@shop.test webhook:%d parked sending", id)}
		if diff := cmp.Diff(want, s.audits(t, "webhook.resend")); diff != "" {
			t.Errorf("the audit trail: %s", diff)
		}
		again := b.post(resendPath(id)).is(t, http.StatusConflict)
		again.isPage(t)
		again.says(t, "#main", word(text.Chinese, "error.webhook.not_parked"))
		for _, path := range []string{resendPath(4711), "/admin/jobs/webhooks/x/resend", "/admin/jobs/webhooks/-1/resend"} {
			b.post(path).is(t, http.StatusNotFound)
		}
		if n := len(s.audits(t, "webhook.resend")); n != 1 {
			t.Errorf("%d acts are on the trail", n)
		}
		if answer := b.postPart(resendPath(other)).is(t, http.StatusNoContent); answer.Header.Get("HX-Location") != "/admin/jobs" {
			t.Errorf("htmx is led to %q", answer.Header.Get("HX-Location"))
		}
	})
}

func TestJobsPageShowsWhatAReceiverSaidAsWords(t *testing.T) {
	eachTold(t, func(t *testing.T, s *site) {
		const evil = `500 <script>alert(1)</script> "><img src=x onerror=alert(2)> {{.}} `
		s.parked(t, evil+strings.Repeat("\u5145", 400))
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		page := b.get("/admin/jobs").is(t, http.StatusOK)
		if n := page.Find("script:not([src]), img, [onerror]").Length(); n != 0 {
			t.Errorf("%d things of the receiver's are in the page", n)
		}
		shown := page.Find("table code").Text()
		if !strings.HasPrefix(shown, evil) || !strings.HasSuffix(shown, "\u5145…") || len([]rune(shown)) != 161 {
			t.Errorf("the answer is shown as %q", shown)
		}
	})
}

func TestJobsPage(t *testing.T) {
	eachTold(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleAdmin, "admin@shop.test")
		empty := b.get("/admin/jobs").is(t, http.StatusOK)
		empty.says(t, "#main", word(text.Chinese, "jobs.pending.none"))
		empty.says(t, "#main", word(text.Chinese, "jobs.empty.hint"))
		if n := empty.Find("#main table, #main form").Length(); n != 0 {
			t.Errorf("an empty page has %d tables and forms", n)
		}
		s.Seller(t, slices.Repeat([]models.Fen{30 * yuan}, models.PageSize)...)
		s.Clock.Add(3 * 24 * time.Hour)
		for _, task := range s.Queue.Tasks() {
			if message, ok := task.Args.(models.DeliverWebhook); ok {
				_, err := s.WebhookTried(t.Context(), message.ID, false, "502 bad gateway")
				must(t, err)
			}
		}
		last := s.parked(t, "503 down")
		s.Seller(t, 100*yuan) // one on its way
		s.Clock.Add(2 * time.Hour)
		b.signInTo("/admin", "admin@shop.test") // days have passed
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/admin/jobs").is(t, http.StatusOK)
			page.isPage(t)
			page.says(t, "h1", word(lang, "jobs.title"))
			page.says(t, "title", word(lang, "product.staff"))
			page.says(t, "header", word(lang, "product.staff"))
			page.says(t, "#main", word(lang, "jobs.pending.oldest")+" 11-30 14:00 · "+word(lang, "time.ago", "Span", 2*time.Hour))
			page.says(t, "#main nav", word(lang, "pager.total", "Count", models.PageSize+1))
			first := page.Find("table tbody tr").First()
			for _, want := range []string{
				"11-27 14:00", word(lang, "jobs.about.campaigns", "Count", 1), word(lang, "jobs.about.accounts", "Count", 1), "11-30 14:00",
			} {
				if got := strings.Join(strings.Fields(first.Text()), " "); !strings.Contains(got, want) {
					t.Errorf("the newest row reads %q, want %q", got, want)
				}
			}
			if n := page.Find("form[action$='/resend']").Length(); n != models.PageSize || page.Find("form[action='"+resendPath(last)+"']").Length() != 1 {
				t.Errorf("%d messages can be sent again", n)
			}
			page.says(t, "a[aria-current=page]", word(lang, "nav.jobs"))
		}
		b.get("/admin/jobs", part).is(t, http.StatusOK).isPart(t)
		older, _ := b.get("/admin/jobs").Find("a[rel=next]").Attr("href")
		oldest := b.get(older).is(t, http.StatusOK)
		if n := oldest.Find("form[action$='/resend']").Length(); n != 1 || oldest.Find("a[rel=prev]").Length() != 1 {
			t.Errorf("the page %q holds %d messages", older, n)
		}
		action, _ := oldest.Find("form[action$='/resend']").Attr("action")
		b.post(action).leads(t, "/admin/jobs")
		b.get(older).leads(t, "/admin/jobs") // nothing is left there
	})
}

func TestJobsPageSaysWhenNobodyIsTold(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		b.get("/admin/jobs").is(t, http.StatusOK).says(t, "#main [role=status]", word(text.Chinese, "jobs.off"))
	})
}

func TestStaffBeginAtTheirPages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		for _, path := range []string{"/", "/login"} {
			b.get(path).leads(t, "/admin")
		}
		b.get("/admin/nowhere").is(t, http.StatusNotFound)
		refused := b.get("/account").is(t, http.StatusForbidden)
		if n := refused.Find("a[href='/account'], a[href='/payments'], a[href='/recharge']").Length(); n != 0 {
			t.Errorf("%d links lead staff to sellers' pages", n)
		}
		if n := refused.Find("#main a[href='/admin']").Length(); n != 1 {
			t.Errorf("%d links lead back", n)
		}
		refused.says(t, "details", "finance@shop.test")
		refused.says(t, "details", word(text.Chinese, "role.finance"))
		b.post("/preferences", "lang", "en", "back", "/admin/jobs").leads(t, "/admin/jobs")
		b.get("/admin/jobs").says(t, "h1", word(text.English, "jobs.title"))
		b.post("/logout").leads(t, "/login")
		b.get("/admin/jobs").leads(t, "/login")
	})
}

func TestSellersSeeNothingOfTheStaffs(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		for _, path := range []string{"/admin", "/admin/jobs", "/admin/nowhere"} {
			missing := b.get(path).is(t, http.StatusNotFound)
			missing.says(t, "#main", word(text.Chinese, "error.not_found"))
			if strings.Contains(missing.body, word(text.Chinese, "product.staff")) {
				t.Errorf("%s tells a seller of the staff's pages", path)
			}
		}
		if page := b.get("/account"); strings.Contains(page.body, "/admin") {
			t.Error("a seller's page leads to the staff's")
		}
	})
}
