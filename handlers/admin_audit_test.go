package handlers_test

import (
	"encoding/csv"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// rows are the lines of the page's table, words alone.
func (a answer) rows() (lines []string) {
	table := a.Find("table.list tbody tr")
	for i := range table.Length() {
		var cells []string
		for _, cell := range table.Eq(i).Find("td").EachIter() {
			cells = append(cells, cell.Text())
		}
		lines = append(lines, strings.Join(strings.Fields(strings.Join(cells, " ")), " "))
	}
	return lines
}

func TestAuditPageSaysWhoDidWhat(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		seller, account := s.seller(t)
		campaign := s.campaigns(t, account, 100*yuan)[0]
		seller.post(fmt.Sprintf("/campaigns/%d/budget", campaign), "budget", "300").is(t, http.StatusSeeOther)
		const evil = `<script>alert(1)</script> "><img src=x onerror=alert(2)>`
		asks, decides := s.Office(t)
		s.Frozen(t, asks, decides, account, evil)
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/admin/audit").is(t, http.StatusOK)
			page.isPage(t)
			page.says(t, "h1", word(lang, "audit.title"))
			page.says(t, "a[aria-current=page]", word(lang, "nav.audit"))
			lines := page.rows()
			for _, want := range []string{
				"2026-11-24 14:00:00 #4 seller@shop.test 127.0.0.1 " + word(lang, "audit.action.campaign.budget") + fmt.Sprintf(" campaign:%d 100.00 300.00", campaign),
				word(lang, "audit.system") + " " + word(lang, "audit.action.user.create"),
				"decides@freeze.test " + word(lang, "audit.action.account.freeze") + fmt.Sprintf(" account:%d active frozen: ", account) + evil,
				"finance@shop.test 127.0.0.1 " + word(lang, "audit.action.session.open"),
			} {
				if !slices.ContainsFunc(lines, func(line string) bool { return strings.Contains(line, want) }) {
					t.Errorf("%s: no line reads %q, but %q", lang, want, lines)
				}
			}
			if n := page.Find("script:not([src]), #main img, [onerror]").Length(); n != 0 {
				t.Errorf("%d things of a reason's are in the page", n)
			}
		}
		check, err := s.VerifyAudit(t.Context())
		must(t, err)
		b.get("/admin/audit").says(t, "#main section code", check.Hash)
		b.get("/admin/audit", part).is(t, http.StatusOK).isPart(t)
		support, _ := s.member(t, models.RoleSupport, "support@shop.test")
		if n := support.get("/admin/jobs").Find("a[href='/admin/audit']").Length(); n != 0 {
			t.Error("support is led to a page that it may not see")
		}
		if n := b.get("/admin/jobs").Find("a[href='/admin/audit']").Length(); n == 0 {
			t.Error("finance is not led to the audit log")
		}
	})
}

func TestAuditPageIsFilteredByItsAddress(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		campaign := s.campaigns(t, account, 100*yuan)[0]
		for n := range models.PageSize + 1 {
			must(t, s.SwitchCampaign(t.Context(), models.Actor{Address: "192.0.2.1"}, account, campaign, n%2 == 1))
		}
		b, _ := s.member(t, models.RoleAdmin, "admin@shop.test")
		first := b.get("/admin/audit?who=&action=campaign.switch&from=2026-11-24").is(t, http.StatusOK)
		if n := len(first.rows()); n != models.PageSize {
			t.Fatalf("the first page has %d rows", n)
		}
		older, _ := first.Find("a[rel=next]").Attr("href")
		if older == "" || !strings.Contains(older, "action=campaign.switch") || !strings.Contains(older, "from=2026-11-24") {
			t.Fatalf("the older acts are at %q", older)
		}
		if second := b.get(older); len(second.rows()) != 1 || second.Find("a[rel=prev]").Length() != 1 {
			t.Errorf("the second page reads %q", second.rows())
		}
		if selected := first.Find("select[name=action] option[selected]").AttrOr("value", ""); selected != "campaign.switch" {
			t.Errorf("the filter shows %q", selected)
		}
		file, _ := first.Find("a[href^='/admin/audit.csv']").Attr("href")
		if file != "/admin/audit.csv?action=campaign.switch&from=2026-11-24" {
			t.Errorf("the file is at %q", file)
		}
		link, _ := first.Find("table a[href*='subject=']").First().Attr("href")
		if link != fmt.Sprintf("/admin/audit?subject=campaign%%3A%d", campaign) || len(b.get(link).rows()) != models.PageSize {
			t.Errorf("all acts on the campaign are at %q", link)
		}
		if lines := b.get("/admin/audit?who=ADMIN@shop.test").rows(); len(lines) != 3 { // password, second factor set up, signed in
			t.Errorf("of the admin: %q", lines)
		}
		b.get("/admin/audit?subject=campaign:4711").is(t, http.StatusOK).says(t, "#main", word(text.Chinese, "list.no_match.title"))
		unknown := b.get("/admin/audit?action=of.another.release").is(t, http.StatusOK)
		if selected := unknown.Find("select[name=action] option[selected]").AttrOr("value", ""); selected != "of.another.release" || len(unknown.rows()) != 0 {
			t.Errorf("an act that nobody knows: %q, %q", selected, unknown.rows())
		}
		for _, path := range []string{"/admin/audit", "/admin/audit.csv"} {
			refused := b.get(path+"?who=nobody@shop.test&from=2026-11-24&to=2026-11-20").is(t, http.StatusUnprocessableEntity)
			refused.isPage(t)
			refused.says(t, "#who-error", word(text.Chinese, "error.audit.who"))
			refused.says(t, "#to-error", word(text.Chinese, "error.day.order"))
			refused.says(t, "#main", word(text.Chinese, "audit.refused.title"))
			if refused.value("input[name=who]") != "nobody@shop.test" || refused.Header.Get("Content-Disposition") != "" {
				t.Errorf("%s keeps %q and is sent as %q", path, refused.value("input[name=who]"), refused.Header.Get("Content-Disposition"))
			}
		}
		if n := len(s.audits(t, "audit.export")); n != 0 {
			t.Errorf("%d exports are on the log, all were refused", n)
		}
	})
}

func TestAuditExportIsAFileOfTheSameActs(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		asks, decides := s.Office(t)
		decides.Address = "=HYPERLINK(1)"
		s.Frozen(t, asks, decides, account, "checks")
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		for _, lang := range text.Languages {
			b.lang = lang
			file := b.get("/admin/audit.csv?action=account.freeze").is(t, http.StatusOK)
			if kind, name := file.Header.Get("Content-Type"), file.Header.Get("Content-Disposition"); kind != "text/csv; charset=utf-8" || name != `attachment; filename="audit-2026-11-24.csv"` {
				t.Errorf("sent as %q, %q", kind, name)
			}
			content, marked := strings.CutPrefix(file.body, "\ufeff")
			lines, err := csv.NewReader(strings.NewReader(content)).ReadAll()
			if err != nil || !marked || len(lines) != 2 {
				t.Fatalf("%d lines, marked %v, %v", len(lines), marked, err)
			}
			if lines[0][1] != word(lang, "audit.file.at") {
				t.Errorf("the header is %q", lines[0])
			}
			entries, err := s.AuditOf(t.Context(), fmt.Sprintf("account:%d", account), 1)
			must(t, err)
			want := entries[0].Record()
			want[4] = "'=HYPERLINK(1)"
			if diff := cmp.Diff(want, lines[1]); diff != "" {
				t.Error(diff)
			}
		}
		want := slices.Repeat([]string{"finance@shop.test audit  action: account.freeze"}, 2)
		if diff := cmp.Diff(want, s.audits(t, "audit.export")); diff != "" {
			t.Errorf("the exports on the log: %s", diff)
		}
		b.get("/admin/audit").says(t, "table", "action: account.freeze")
		if empty := b.get("/admin/audit.csv?subject=nothing:1").is(t, http.StatusOK); strings.Count(empty.body, "\n") != 1 {
			t.Errorf("of no acts the file is %q", empty.body)
		}
	})
}

// A file that fails half-way is cut off, so that nobody takes it for whole; one
// that fails before anything was sent is an error page.
func TestAuditExportThatFailsIsCutOff(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		s.campaigns(t, account, slices.Repeat([]models.Fen{100 * yuan}, 80)...) // more than is held back
		db, err := s.Handle()
		must(t, err)
		forbid, spoil := []string{"DROP TRIGGER audit_log_no_update", "PRAGMA foreign_keys = off"}, "UPDATE audit_log SET user_id = 'nobody' WHERE id = $1"
		if s.Engine() == models.Postgres {
			forbid, spoil = []string{"DROP TRIGGER audit_log_no_update ON audit_log"}, "UPDATE audit_log SET at = 'infinity' WHERE id = $1"
		}
		for _, statement := range forbid {
			_, err := db.ExecContext(t.Context(), statement)
			must(t, err)
		}
		_, err = db.ExecContext(t.Context(), spoil, 43)
		must(t, err)
		response, err := b.client.Get(s.url + "/admin/audit.csv")
		must(t, err)
		content, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err == nil || response.StatusCode != http.StatusOK || len(content) < 4096 || strings.Contains(string(content), "<html") {
			t.Errorf("%s with %d bytes, and then %v", response.Status, len(content), err)
		}
		_, err = db.ExecContext(t.Context(), spoil, 3)
		must(t, err)
		failed := b.get("/admin/audit.csv").is(t, http.StatusInternalServerError)
		failed.isPage(t)
		if as := failed.Header.Get("Content-Disposition"); as != "" {
			t.Errorf("the error page is sent as %q", as)
		}
	})
}
