package handlers_test

import (
	"net/http"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

func TestAScheduleIsChangedOnItsPage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		own := s.belongings(t, account)
		campaign := own.at("/campaigns/:id")
		path := campaign + "/schedule"
		stands := func(want models.Schedule) {
			t.Helper()
			view, _, err := s.CampaignDetail(t.Context(), account, own.campaign)
			must(t, err)
			if view.Schedule != want {
				t.Errorf("stored is %q, want %q", view.Schedule, want)
			}
		}
		b.get(campaign).says(t, "#schedule", word(text.Chinese, "schedule.now.always"))
		page := b.get(path).is(t, http.StatusOK)
		version := page.value("input[name=version]")
		for _, lang := range text.Languages {
			b.lang = lang
			refused := b.post(path, "act", "set", "from", "09:00", "to", "09:00", "factor", "29", "version", version).is(t, http.StatusUnprocessableEntity)
			refused.says(t, "#days-error", word(lang, "error.schedule.days"))
			refused = b.post(path, "act", "set", "days", "1", "days", "4", "from", "09:00", "to", "09:00", "factor", `"><script>`, "version", version).is(t, http.StatusUnprocessableEntity)
			refused.says(t, "#to-error", word(lang, "error.schedule.times"))
			refused.says(t, "#factor-error", word(lang, "error.schedule.factor", "Min", 30, "Max", 250))
			if refused.value("#factor") != `"><script>` || refused.Find("input[name=days][checked]").Length() != 2 || refused.Find("#main script").Length() > 0 {
				t.Error("what was typed and ticked is gone")
			}
			b.post(path, "act", "copy", "days", "1", "version", version).is(t, http.StatusUnprocessableEntity).says(t, "#copy-error", word(lang, "error.schedule.days"))
			b.post(path, "preset", "x", "version", version).is(t, http.StatusUnprocessableEntity)
		}
		b.lang = text.Chinese
		stands("")
		b.post(path, "act", "set", "days", "1", "from", "09:00", "to", "12:00", "factor", "130", "version", version).leads(t, path)
		stands("100*66,130*6,100*264")
		page = b.get(path)
		page.says(t, "#main", word(text.Chinese, "flash.schedule_saved"))
		page.says(t, "dl", "00:00–09:00 100% · 09:00–12:00 130% · 12:00–24:00 100%")
		if page.Find("svg.slots .slot-high").Length() != 1 || page.Find("svg.slots .slot-now").Length() != 1 {
			t.Error("the strips do not show it")
		}
		// Of the version that is gone nothing is changed; what stands is on the page.
		stale := b.post(path, "act", "set", "days", "2", "from", "09:00", "to", "12:00", "factor", "50", "version", version).is(t, http.StatusUnprocessableEntity)
		stale.says(t, "#schedule-error", word(text.Chinese, "error.schedule.stale"))
		stands("100*66,130*6,100*264")
		b.post(path, "act", "set", "days", "2", "from", "09:00", "to", "12:00", "factor", "50", "version", stale.value("input[name=version]")).leads(t, path)
		b.post(path, "act", "copy", "copy", "2", "days", "1").leads(t, path)
		stands("100*66,50*6,100*42,50*6,100*216")
		undo := b.get(path).Find(".undo-bar").AttrOr("action", "")
		b.post(undo, "back", path).leads(t, path)
		stands("100*66,130*6,100*42,50*6,100*216")
		b.post(path, "preset", "workdays").leads(t, path)
		s.Clock.Set(time.Date(2026, 11, 25, 22, 10, 0, 0, models.Shanghai)) // a Wednesday
		b = s.browser(t)
		b.signIn("seller@shop.test")
		until := time.Date(2026, 11, 26, 9, 0, 0, 0, models.Shanghai)
		b.get(campaign).says(t, "#schedule", word(text.Chinese, "schedule.now.until", "Factor", word(text.Chinese, "schedule.off"), "Until", until))
		b.post(path, "act", "set", "days", "0", "days", "1", "days", "2", "days", "3", "days", "4", "from", "09:00", "to", "22:00", "factor", "0").
			is(t, http.StatusUnprocessableEntity).says(t, "#schedule-error", word(text.Chinese, "error.schedule.never"))

		other, _ := s.member(t, models.RoleSeller, "other@shop.test")
		other.get(path).is(t, http.StatusNotFound)
		other.post(path, "preset", "always").is(t, http.StatusNotFound)
		ended := s.Now()
		gone, err := s.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{Name: "Gone", Budget: 100 * yuan, SwitchedOn: true, EndedAt: &ended})
		must(t, err)
		if b.get("/campaigns/"+id(gone)+"/schedule").is(t, http.StatusOK).Find("form button[name=act]").Length() != 0 {
			t.Error("a campaign that has ended offers to be changed")
		}
		b.post("/campaigns/"+id(gone)+"/schedule", "preset", "evening").is(t, http.StatusConflict)
	})
}
