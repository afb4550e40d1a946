package handlers_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

func (s *site) delivery(t testing.TB, account int64) []models.DeliveryState {
	t.Helper()
	campaigns, err := s.Campaigns(t.Context(), account)
	must(t, err)
	states := make([]models.DeliveryState, len(campaigns))
	for i, c := range campaigns {
		states[i] = c.Delivery
	}
	return states
}

func (s *site) wantDelivery(t testing.TB, account int64, want ...models.DeliveryState) {
	t.Helper()
	got := s.delivery(t, account)
	if len(got) != len(want) {
		t.Fatalf("the campaigns are %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("the campaigns are %v, want %v", got, want)
		}
	}
}

// stopped is a seller who was suspended with three campaigns running and a
// fourth paused, and has paid since.
func (s *site) stopped(t *testing.T) (b *browser, account int64, ids []int64) {
	t.Helper()
	account, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{
		Email: "stopped@shop.test", Password: password, Role: models.RoleSeller, ShopName: "Stopped",
	})
	must(t, err)
	ids = s.campaigns(t, account, 100*yuan, 100*yuan, 100*yuan, 100*yuan)
	must(t, s.SwitchCampaign(t.Context(), models.Actor{}, account, ids[3], false))
	s.Charge(t, "click", ids[0], 50*yuan)
	since := s.Now()
	s.Clock.Add(25 * time.Hour)
	must(t, s.SuspendAccount(t.Context(), account, since))
	b = s.browser(t)
	b.signIn("stopped@shop.test")
	return b, account, ids
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

const (
	stop    = models.DeliveryPausedArrears
	back    = models.DeliveryRecovering
	pausing = models.DeliveryPaused
)

func TestRestartSomeThenAll(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, ids := s.stopped(t)
		b.get("/campaigns/restart").says(t, "#main", word(text.Chinese, "restart.blocked.arrears", "Amount", 50*yuan))
		s.credit(t, account, 1000*yuan)
		s.wantDelivery(t, account, stop, stop, stop, pausing)
		if n := b.get("/campaigns/restart").Find("input[name=campaign_id]:not([disabled])").Length(); n != 3 {
			t.Errorf("%d can be chosen", n)
		}
		b.post("/campaigns/restart", "campaign_id", id(ids[0]), "campaign_id", id(ids[1])).leads(t, "/campaigns/restart")
		s.wantDelivery(t, account, back, back, stop, pausing)
		page := b.get("/campaigns/restart")
		page.says(t, "#main", word(text.Chinese, "restart.result.title", "Started", 2, "All", 2))
		b.post("/campaigns/restart", "all", "1").leads(t, "/campaigns/restart")
		s.wantDelivery(t, account, back, back, back, pausing)
	})
}

func TestRestartRefusals(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, ids := s.stopped(t)
		s.credit(t, account, 1000*yuan)
		b.get("/campaigns/restart")
		for _, lang := range text.Languages {
			b.lang = lang
			b.post("/campaigns/restart").is(t, http.StatusUnprocessableEntity).
				says(t, "#campaign_id-error", word(lang, "error.restart.none"))
		}
		b.postPart("/campaigns/restart").is(t, http.StatusUnprocessableEntity).isPart(t)
		for _, unknown := range []string{"999999", "x", "-1", "0", "1 OR 1=1", "99999999999999999999"} {
			b.post("/campaigns/restart", "campaign_id", id(ids[0]), "campaign_id", unknown).is(t, http.StatusNotFound)
		}
		s.wantDelivery(t, account, stop, stop, stop, pausing)
		// One that can't start is said so, and the others start.
		b.post("/campaigns/restart", "campaign_id", id(ids[0]), "campaign_id", id(ids[3])).leads(t, "/campaigns/restart")
		s.wantDelivery(t, account, back, stop, stop, pausing)
		b.get("/campaigns/restart").says(t, "#main", word(text.English, "restart.refused.paused"))
	})
}

func TestRestartIsUndone(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account, _ := s.stopped(t)
		s.credit(t, account, 1000*yuan)
		b.get("/campaigns/restart")
		b.post("/campaigns/restart/undo").is(t, http.StatusConflict).says(t, "#main", word(text.Chinese, "error.restart.undo"))
		b.post("/campaigns/restart", "all", "1").leads(t, "/campaigns/restart")
		if n := b.get("/campaigns/restart").Find(`form[action="/campaigns/restart/undo"]`).Length(); n != 1 {
			t.Error("nothing offers to undo it")
		}
		b.post("/campaigns/restart/undo").leads(t, "/campaigns/restart")
		s.wantDelivery(t, account, stop, stop, stop, pausing)
		b.get("/campaigns/restart").says(t, "#main", word(text.Chinese, "flash.restart_undone", "Count", 3))
		b.post("/campaigns/restart/undo").is(t, http.StatusConflict)
		b.post("/campaigns/restart", "all", "1").leads(t, "/campaigns/restart")
		s.Clock.Add(31 * time.Minute)
		b.post("/campaigns/restart/undo").is(t, http.StatusConflict)
	})
}

func TestBudgetAndBid(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		own := s.belongings(t, account)
		path := own.at("/campaigns/:id")
		budget, bid := path+"/budget", own.at("/campaigns/:id/keywords/:kid")
		b.get(path).is(t, http.StatusOK)
		for _, lang := range text.Languages {
			b.lang = lang
			for _, bad := range []struct {
				post, field, id, typed, key string
				args                        []any
			}{
				{budget, "budget", "budget", "", "error.amount.empty", nil},
				{budget, "budget", "budget", "29.99", "error.budget.too_small", []any{"Min", 30 * yuan}},
				{budget, "budget", "budget", "500001", "error.budget.too_large", []any{"Max", 500_000 * yuan}},
				{budget, "budget", "budget", `"><script>`, "error.amount.not_a_number", nil},
				{bid, "bid", "bid-" + id(own.keyword), "0.04", "error.bid.too_small", []any{"Min", models.Fen(5)}},
				{bid, "bid", "bid-" + id(own.keyword), "10000", "error.bid.too_large", []any{"Max", 9999 * yuan}},
				{bid, "bid", "bid-" + id(own.keyword), "1e1", "error.amount.not_a_number", nil},
			} {
				answer := b.post(bad.post, bad.field, bad.typed).is(t, http.StatusUnprocessableEntity)
				answer.says(t, "#"+bad.id+"-error", word(lang, bad.key, bad.args...))
				if answer.value("#"+bad.id) != bad.typed || answer.Find("#main script").Length() > 0 {
					t.Errorf("typed was %q, kept is %q", bad.typed, answer.value("#"+bad.id))
				}
			}
		}
		view, keywords, err := s.CampaignDetail(t.Context(), account, own.campaign)
		must(t, err)
		if view.DailyBudgetFen != 100*yuan || keywords[0].BidFen != 120 {
			t.Errorf("stored are %d and %d", view.DailyBudgetFen, keywords[0].BidFen)
		}
		b.post(budget, "budget", "２００").leads(t, path)
		b.get(path).says(t, "#main", word(b.lang, "flash.budget_saved"))
		b.post(bid, "bid", "1.5").leads(t, path)
		b.get(path).says(t, "#main", word(b.lang, "flash.bid_saved"))
		view, keywords, err = s.CampaignDetail(t.Context(), account, own.campaign)
		must(t, err)
		if view.DailyBudgetFen != 200*yuan || keywords[0].BidFen != 150 {
			t.Errorf("stored are %d and %d", view.DailyBudgetFen, keywords[0].BidFen)
		}
	})
}

func TestSwitchIsTheSellersOwn(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, account := s.seller(t)
		s.credit(t, account, 1000*yuan)
		own := s.belongings(t, account)
		path := own.at("/campaigns/:id")
		b.get(path)
		b.post(path+"/pause", "switched_on", "0").leads(t, path)
		s.wantDelivery(t, account, pausing)
		b.get(path).says(t, "#main", word(text.Chinese, "flash.campaign_paused"))
		b.get("/campaigns?state=paused").says(t, "table.list", "Campaign A")
		if strings.Contains(b.get("/campaigns?state=serving").Find("#main table.list").Text(), "Campaign A") {
			t.Error("the filter shows what it should not")
		}
		b.post(path+"/pause", "switched_on", "1").leads(t, path)
		s.wantDelivery(t, account, models.DeliveryServing)
		ended := s.Now()
		gone, err := s.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{
			Name: "Gone <b>", Budget: 100 * yuan, SwitchedOn: true, EndedAt: &ended,
		})
		must(t, err)
		b.post("/campaigns/"+id(gone)+"/pause", "switched_on", "0").is(t, http.StatusConflict).
			says(t, "#main", word(text.Chinese, "error.campaign.ended", "Name", "Gone <b>"))
		if b.get("/campaigns/"+id(gone)).is(t, http.StatusOK).Find("#main h1 b").Length() > 0 {
			t.Error("a name is taken for markup")
		}
	})
}
