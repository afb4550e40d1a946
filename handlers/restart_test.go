package handlers_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// planned are the names on the restart page in their order, those that are
// ticked in brackets.
func planned(a answer) string {
	var all []string
	a.Find("form[data-restart] tbody tr").Each(func(_ int, row *goquery.Selection) {
		name := strings.TrimPrefix(strings.TrimSpace(row.Find("a.font-medium").Text()), "Campaign ")
		if row.Find("input[name=campaign_id][checked]").Length() > 0 {
			name = "[" + name + "]"
		}
		all = append(all, name)
	})
	return strings.Join(all, " ")
}

func TestARestartIsPlannedWhereMoneyIsShort(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, ids := s.stopped(t) // A, B, C of ¥100 a day; D is paused
		s.credit(t, account, 300*yuan)  // ¥250 after the arrears
		page := b.get("/campaigns/restart")
		if got := planned(page); got != "[A] [B] C" {
			t.Errorf("planned is %s", got)
		}
		page.says(t, "#main", word(text.Chinese, "restart.plan.short", "Spendable", 250*yuan, "Cut", 2))
		page.says(t, "tbody tr:nth-child(3)", word(text.Chinese, "restart.upto.days", "Amount", 300*yuan, "Days", "0.8"))
		page.says(t, "#main", word(text.Chinese, "restart.soft.stop", "Cap", 15, "Stop", 150))
		// Each row leads to the cut below it, and the order goes along.
		link := page.Find("tbody tr:nth-child(1) a:not(.font-medium)").AttrOr("href", "")
		if link != "/campaigns/restart?cut=1" || planned(b.get(link)) != "[A] B C" {
			t.Errorf("the first row leads to %q: %s", link, planned(b.get(link)))
		}
		for _, cut := range []string{"-7", "x", ""} {
			if got := planned(b.get("/campaigns/restart?cut=" + cut)); got != "[A] [B] C" {
				t.Errorf("cut at %q is %s", cut, got)
			}
		}
		if got := planned(b.get("/campaigns/restart?cut=99&by=%3Cscript%3E")); got != "[A] [B] [C]" {
			t.Errorf("everything is %s", got)
		}
		// The seller's own order.
		b.get("/campaigns/restart?by=own")
		b.post("/campaigns/restart/order", "up", id(ids[2])).leads(t, "/campaigns/restart?by=own")
		b.post("/campaigns/restart/order", "up", id(ids[2])).leads(t, "/campaigns/restart?by=own")
		b.post("/campaigns/restart/order", "down", id(ids[0])).leads(t, "/campaigns/restart?by=own")
		if got := planned(b.get("/campaigns/restart?by=own")); got != "[C] [B] A" {
			t.Errorf("the own order is %s", got)
		}
		for _, unknown := range []string{"999999", "x", "", "-1"} {
			b.post("/campaigns/restart/order", "down", unknown).is(t, http.StatusNotFound)
		}
		other, _ := s.member(t, models.RoleSeller, "other@shop.test")
		other.get("/campaigns")
		other.post("/campaigns/restart/order", "up", id(ids[0])).is(t, http.StatusNotFound)
	})
}

func TestARestartSaysWhatWasEditedAndHowItStarts(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, ids := s.stopped(t)
		s.credit(t, account, 1000*yuan)
		_, err := s.SetBudget(t.Context(), models.Actor{}, account, models.RowRef{ID: ids[0]}, "120")
		must(t, err)
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/campaigns/restart")
			page.says(t, "tbody tr:nth-child(1) details", word(lang, "restart.edits", "Count", 1))
			page.says(t, "tbody tr:nth-child(1) details", "¥100.00 → ¥120.00")
			page.says(t, "#main", word(lang, "restart.plan.enough", "Spendable", 950*yuan))
		}
		b.lang = text.Chinese
		b.post("/campaigns/restart", "campaign_id", id(ids[0])).leads(t, "/campaigns/restart")
		b.post("/campaigns/restart", "campaign_id", id(ids[1]), "full", "1").leads(t, "/campaigns/restart")
		views, err := s.Campaigns(t.Context(), account)
		must(t, err)
		if views[0].SoftSince == nil || views[0].SoftCapFen != 18*yuan || views[1].SoftSince != nil {
			t.Errorf("they start %+v and %+v", views[0].Campaign, views[1].Campaign)
		}
		b.post("/campaigns/restart", "campaign_id", id(ids[2])).leads(t, "/campaigns/restart")
		until := s.Now().Add(time.Hour)
		b.get("/campaigns/restart").says(t, "#main", word(text.Chinese, "restart.result.soft", "Until", until, "Cap", 15*yuan))
		s.Charge(t, "soft", ids[0], 18*yuan)
		page := b.get("/campaigns/" + id(ids[0]))
		page.says(t, "#main", word(text.Chinese, "stop.reason.soft_cap"))
		page.says(t, "#main", word(text.Chinese, "stop.lifter.hour"))
		b.get("/account").says(t, "#main", word(text.Chinese, "stop.reason.soft_cap"))
	})
}
