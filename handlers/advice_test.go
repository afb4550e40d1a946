package handlers_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// advised is a seller whose one keyword sells once a day for ten days, and whose
// other has five clicks a day and never does; and the advice that there is.
func (s *site) advised(t *testing.T) (b *browser, account int64, keywords []models.Keyword, advice models.Advice) {
	t.Helper()
	account, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "advised@shop.test", Password: password, Role: models.RoleSeller, ShopName: "Advised"})
	must(t, err)
	id, err := s.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{
		Name: "Tea", Budget: 300 * yuan, SwitchedOn: true,
		Keywords: []models.NewKeyword{{Phrase: "oolong", Bid: 200, Quality: 7}, {Phrase: "free tea", Bid: 100, Quality: 5}},
	})
	must(t, err)
	s.credit(t, account, 5000*yuan)
	_, keywords, err = s.CampaignDetail(t.Context(), account, id)
	must(t, err)
	for day := range 10 {
		s.Clock.Add(24 * time.Hour)
		for i, n := range []int{10, 5} {
			var charges []models.Charge
			for click := range n {
				charges = append(charges, models.Charge{
					ChargeID: fmt.Sprint("advice-", i, "-", day, "-", click), CampaignID: id, KeywordID: keywords[i].ID, AmountFen: 100, ChargedAt: s.Now(),
				})
			}
			got, err := s.PostCharges(t.Context(), charges)
			must(t, err)
			if got.Accepted != n {
				t.Fatalf("%+v", got)
			}
			orders := int64(1 - i)
			_, err = s.PutResults(t.Context(), []models.Result{{
				CampaignID: id, KeywordID: keywords[i].ID, HourAt: s.Now().Truncate(time.Hour), Impressions: 100, Clicks: int64(n), Orders: orders, OrderAmountFen: models.Fen(orders) * 50 * yuan,
			}})
			must(t, err)
		}
	}
	s.Clock.Add(24 * time.Hour)
	desk, err := s.Advice(t.Context(), account)
	must(t, err)
	if len(desk.List) != 1 || desk.List[0].Kind != models.AdviceNoOrders || desk.List[0].Phrase != "free tea" {
		t.Fatalf("%+v", desk.List)
	}
	b = s.browser(t)
	b.signIn("advised@shop.test")
	return b, account, keywords, desk.List[0]
}

func TestAdviceIsFollowedOnItsPage(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, _, advice := s.advised(t)
		on := func() bool {
			t.Helper()
			_, keywords, err := s.CampaignDetail(t.Context(), account, advice.CampaignID)
			must(t, err)
			return keywords[1].SwitchedOn
		}
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/advice").is(t, http.StatusOK)
			page.says(t, "#main", word(lang, "advice.why.no_orders", "Clicks", 50, "Cost", 50*yuan, "Conversion", "6.67%", "Expected", "3.3"))
			page.says(t, "#main", word(lang, "advice.effect.no_orders", "Low", advice.LowFen, "High", advice.HighFen))
			b.post("/advice", "act", "apply").is(t, http.StatusUnprocessableEntity).says(t, "#advice-error", word(lang, "error.advice.none"))
			moved := b.post("/advice", "act", "dismiss", "key", "no_orders:1:1:0").is(t, http.StatusUnprocessableEntity)
			moved.says(t, "#advice-error", word(lang, "error.advice.moved"))
			refused := b.post("/advice/margin", "margin", `101"><script>`).is(t, http.StatusUnprocessableEntity)
			refused.says(t, "#margin-error", word(lang, "error.margin"))
			if refused.value("#margin") != `101"><script>` || refused.Find("#main script").Length() > 0 {
				t.Error("what was typed is gone")
			}
		}
		b.lang = text.Chinese
		if !on() {
			t.Fatal("it is off already")
		}
		b.post("/advice", "one", advice.Key()).leads(t, "/advice")
		if on() {
			t.Error("it is still on")
		}
		page := b.get("/advice")
		page.says(t, "#main", word(text.Chinese, "flash.advice_applied", "Count", 1))
		page.says(t, ".undo-bar", word(text.Chinese, "undo.did.advice", "Count", 1))
		page.says(t, "table", word(text.Chinese, "advice.applied.later"))
		b.post(page.Find(".undo-bar").AttrOr("action", ""), "back", "/advice").leads(t, "/advice")
		if !on() {
			t.Error("it is still off")
		}
		s.Clock.Add(time.Minute)
		desk, err := s.Advice(t.Context(), account)
		must(t, err)
		b.post("/advice", "act", "dismiss", "key", desk.List[0].Key()).leads(t, "/advice")
		page = b.get("/advice")
		page.says(t, "#main", word(text.Chinese, "advice.none.title"))
		page.says(t, "#main", word(text.Chinese, "advice.dismissed", "Count", 1))
		b.post("/advice", "act", "recall").leads(t, "/advice")
		b.get("/advice").says(t, "#main", word(text.Chinese, "advice.act.no_orders"))
		b.post("/advice/margin", "margin", "35.5").leads(t, "/advice")
		if got := b.get("/advice").value("#margin"); got != "35.5" {
			t.Errorf("the margin stands as %q", got)
		}
		other, _ := s.member(t, models.RoleSeller, "other@shop.test")
		other.get("/advice").is(t, http.StatusOK).says(t, "#main", word(text.Chinese, "advice.early.title"))
		other.post("/advice", "one", desk.List[0].Key()).is(t, http.StatusUnprocessableEntity)
	})
}

func TestTheHighestBidIsSetOnThePageOfAdvice(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, keywords, advice := s.advised(t)
		for _, lang := range text.Languages {
			b.lang = lang
			refused := b.post("/advice/ceiling", "ceiling", "0.01").is(t, http.StatusUnprocessableEntity)
			refused.says(t, "#ceiling-error", word(lang, "error.bid.too_small", "Min", models.Fen(5)))
			if refused.value("#ceiling") != "0.01" {
				t.Error("what was typed is gone")
			}
		}
		b.lang = text.Chinese
		b.post("/advice/ceiling", "ceiling", "2.50").leads(t, "/advice")
		page := b.get("/advice")
		page.says(t, "#main", word(text.Chinese, "flash.ceiling_saved"))
		if got := page.value("#ceiling"); got != "2.50" {
			t.Errorf("it stands as %q", got)
		}
		row := models.RowRef{ID: keywords[0].ID, Version: keywords[0].RowVersion}
		if _, err := s.SetBid(t.Context(), models.Actor{}, account, advice.CampaignID, row, "2.51"); err == nil {
			t.Error("a bid above it is taken")
		}
		b.post("/advice/ceiling", "ceiling", "").leads(t, "/advice")
		if got := b.get("/advice").value("#ceiling"); got != "" {
			t.Errorf("taken back it stands as %q", got)
		}
		other, _ := s.member(t, models.RoleSeller, "other@shop.test")
		if got := other.get("/advice").value("#ceiling"); got != "" {
			t.Errorf("another seller reads %q", got)
		}
	})
}

// The keyword's row changes after the page was drawn: it is told beside the advice
// as it stands now, in the reader's language, and nothing is done.
func TestAdviceThatMovedIsToldBesideIt(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, keywords, advice := s.advised(t)
		row := models.RowRef{ID: keywords[1].ID, Version: keywords[1].RowVersion}
		_, err := s.SetBid(t.Context(), models.Actor{}, account, advice.CampaignID, row, "1.10")
		must(t, err)
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.post("/advice", "one", advice.Key()).is(t, http.StatusUnprocessableEntity)
			page.says(t, "li [role=alert]", word(lang, "error.advice.moved_this"))
			page.says(t, "h3", word(lang, "advice.kind.no_orders", "Count", 1))
		}
		_, now, err := s.CampaignDetail(t.Context(), account, advice.CampaignID)
		if must(t, err); !now[1].SwitchedOn {
			t.Error("it is off")
		}
	})
}
