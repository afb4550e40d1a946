package handlers_test

import (
	"net/http"
	"testing"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

func TestAlertsAreSetReadAndTested(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.credit(t, account, 300*yuan)
		for _, lang := range text.Languages {
			b.lang = lang
			typed := b.post("/alerts", "below", "lots", "quiet_from", "25", "quiet_until", "").is(t, http.StatusUnprocessableEntity)
			typed.says(t, "#below-error", word(lang, "error.amount.not_a_number"))
			typed.says(t, "#quiet_from-error", word(lang, "error.alert.hour"))
			b.post("/alerts", "quiet_from", "22", "quiet_until", "").is(t, http.StatusUnprocessableEntity).says(t, "#quiet_until-error", word(lang, "error.alert.quiet"))
			target := b.post("/alerts/targets", "channel", "dingtalk", "audience", "all", "name", "", "address", "ftp://x").is(t, http.StatusUnprocessableEntity)
			target.says(t, "#name-error", word(lang, "error.alert.name", "Max", 40))
			target.says(t, "#address-error", word(lang, "error.alert.address"))
		}
		b.lang = text.Chinese
		b.post("/alerts", "below", "350", "quiet_from", "22", "quiet_until", "8").leads(t, "/alerts")
		if err := s.CheckAlerts(t.Context(), account); err != nil {
			t.Fatal(err)
		}
		page := b.get("/alerts")
		page.says(t, "#main", word(text.Chinese, "alert.rung.below"))
		if page.value("input[name=below]") != "350.00" || page.value("input[name=quiet_from]") != "22" {
			t.Error("what was saved does not stand in the form")
		}
		if page.Find("a[href='/alerts'] .badge").Length() == 0 {
			t.Error("the bell says nothing")
		}
		b.post("/alerts/read").leads(t, "/alerts")
		if b.get("/account").Find("a[href='/alerts'] .badge").Length() > 0 {
			t.Error("the bell says something after all was read")
		}
		b.post("/alerts/mail", "on", "false").leads(t, "/alerts")
		b.post("/alerts/targets", "channel", "wecom", "audience", "money", "name", "Till", "address", "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=made-up").leads(t, "/alerts")
		page = b.get("/alerts")
		page.says(t, "#main", "Till")
		form := page.Find("form[action$='/test']").AttrOr("action", "")
		b.post(form).leads(t, "/alerts")
		b.post(form).is(t, http.StatusConflict)
		other, _ := s.member(t, models.RoleSeller, "other@shop.test")
		other.get("/alerts")
		other.post(form).is(t, http.StatusNotFound)
		remove := page.Find("form[action$='/remove']").AttrOr("action", "")
		other.post(remove).is(t, http.StatusNotFound)
		b.post(remove).leads(t, "/alerts")
	})
}
