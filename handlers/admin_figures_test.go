package handlers_test

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/ledger"
	"ztc-portal/views/text"
)

func TestFiguresPageOfAQuietDay(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		page := b.get("/admin").is(t, http.StatusOK)
		page.isPage(t)
		page.says(t, "h1", word(text.Chinese, "figures.title"))
		page.says(t, "#main [role=alert]", word(text.Chinese, "figures.unwatched"))
		page.says(t, "#main", word(text.Chinese, "figures.recharges.empty"))
		page.says(t, "#main", word(text.Chinese, "figures.ledger.never"))
		if page.Find("#main svg[role=img]").Length() != 0 {
			t.Error("a chart of nothing is drawn")
		}
		must(t, s.JudgeFigures(t.Context()))
		s.Clock.Add(3 * time.Minute)
		page = b.get("/admin").is(t, http.StatusOK)
		page.says(t, "#main", word(text.Chinese, "figures.alerts.none"))
		if page.Find("#main [role=alert]").Length() != 0 {
			t.Error("the page says that nobody watches")
		}
		s.Clock.Add(time.Second)
		b.get("/admin").says(t, "#main [role=alert]", word(text.Chinese, "figures.unwatched"))
	})
}

func TestFiguresPageShowsAlertsAndWhatIsBehind(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		campaign := s.campaigns(t, account, 100*yuan)[0]
		s.Charge(t, "click", campaign, 50*yuan)
		s.credit(t, account, 20*yuan*15)
		s.Charge(t, "click2", campaign, 280*yuan)
		p := s.Pending(t, account, "300")
		s.Clock.Add(time.Hour)
		must(t, s.NoteLedgerReading(t.Context(), []ledger.Fault{{What: "account", ID: 7}}))
		s.Queue.Figures = models.QueueFigures{Available: 4, Running: 3, Retryable: 2, Discarded: 1, Oldest: 400 * time.Second}
		must(t, s.JudgeFigures(t.Context()))
		b, _ := s.member(t, models.RoleSupport, "support@shop.test")
		bands := map[models.Figure]map[string]string{
			models.FigureLedger: {text.English: "0 at most", text.Chinese: "应不超过 0"},
			models.FigureStuck:  {text.English: "0 at most for longer than 15 minutes", text.Chinese: "卡住超过 15 分钟的应不超过 0"},
			models.FigureQueue:  {text.English: "a due job waits 300 s at most", text.Chinese: "到期任务等待应不超过 300 秒"},
		}
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/admin").is(t, http.StatusOK)
			list := page.Find("section[aria-labelledby=alerts-title] li")
			if list.Length() != 3 {
				t.Fatalf("%d alerts stand", list.Length())
			}
			for i, figure := range []models.Figure{models.FigureLedger, models.FigureStuck, models.FigureQueue} {
				row := strings.Join(strings.Fields(list.Eq(i).Text()), " ")
				for _, want := range []string{word(lang, "figure."+string(figure)), bands[figure][lang], word(lang, "time.now"), "15:00"} {
					if !strings.Contains(row, want) {
						t.Errorf("the alert reads %q, want %q", row, want)
					}
				}
			}
			page.says(t, "section[aria-labelledby=alerts-title]", "400")
			page.says(t, "#main", word(lang, "figures.queue.hint", "Available", int64(4), "Running", int64(3), "Retryable", int64(2), "Discarded", int64(1)))
			page.says(t, "section[aria-labelledby=owing-title]", "¥30.00")
			page.says(t, "section[aria-labelledby=recharges-title] table", "100%")
			page.says(t, "section[aria-labelledby=recharges-title] table", "¥300.00")
			for _, href := range []string{
				"/admin/payments?state=pending&stuck=1", "/admin/suspense", "/admin/accounts?state=arrears", "/admin/jobs", "/admin/jobs/queue", "/admin/accounts?state=frozen",
			} {
				if page.Find("#main a[href='"+href+"']").Length() == 0 {
					t.Errorf("nothing leads to %s", href)
				}
			}
			page.says(t, "a[aria-current=page]", word(lang, "nav.figures"))
			if page.Find("#main [style], #main script").Length() != 0 || page.Find("svg[role=img] rect").Length() < 2 {
				t.Error("the chart is not drawn, or not as the policy permits")
			}
		}
		b.get("/admin", part).is(t, http.StatusOK).isPart(t)
		_, err := s.ExpirePayment(t.Context(), p.No)
		must(t, err)
		must(t, s.JudgeFigures(t.Context()))
		ended := b.get("/admin").Find("section[aria-labelledby=alerts-title] details li")
		if ended.Length() != 1 || !strings.Contains(ended.Text(), word(b.lang, "figure.payments_stuck")) {
			t.Errorf("ended are %q", ended.Text())
		}
	})
}

// The heaviest page: four rails in each of 24 hours, every alert open.
func TestFiguresPageIsLight(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		db, err := s.Handle()
		must(t, err)
		_, account := s.seller(t)
		for hour := range 24 {
			at := s.Clock.Now().Add(-time.Duration(hour) * time.Hour)
			for i, rail := range []models.Rail{models.RailAlipay, models.RailWechat, models.RailUnionpay, models.RailBankTransfer} {
				_, err := db.ExecContext(t.Context(), `INSERT INTO payments (no, account_id, rail, state, amount_fen, created_at, confirmed_at, expires_at, expired_at)
					VALUES ($1, $2, $3, 'expired', 12345678, $4, $4, $4, $4)`, "R261124"+strings.Repeat("0", 10)+string(rune('A'+hour))+"00"+string(rune('A'+i)), account, string(rail), at)
				must(t, err)
			}
		}
		b, _ := s.member(t, models.RoleAdmin, "admin@shop.test")
		page := b.get("/admin").is(t, http.StatusOK)
		if rows := page.Find("section[aria-labelledby=recharges-title] details tbody tr").Length(); rows != 96 {
			t.Errorf("%d rows are shown", rows)
		}
		var packed bytes.Buffer
		zip := gzip.NewWriter(&packed)
		_, err = zip.Write([]byte(page.body))
		must(t, err)
		must(t, zip.Close())
		if packed.Len() > 20<<10 {
			t.Errorf("the page is %d bytes, packed %d", len(page.body), packed.Len())
		}
	})
}

func TestRefusedNotifiesAreListed(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleFinance, "finance@shop.test")
		b.get("/admin/notifies").is(t, http.StatusOK).says(t, "#main", word(text.Chinese, "refused.empty"))
		for i := range models.PageSize + 1 {
			id, err := s.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.1", "", []byte("forged"))
			must(t, err)
			why := "<b>signature</b>"
			if i > 0 {
				why = "no signature"
			}
			must(t, s.JudgeNotify(t.Context(), id, models.OutcomeRefused, "R26112400000000000000", why))
		}
		id, err := s.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.99", "", []byte("good"))
		must(t, err)
		must(t, s.JudgeNotify(t.Context(), id, models.OutcomeAlready, "", ""))
		first := b.get("/admin/notifies").is(t, http.StatusOK)
		if n := first.Find("tbody tr").Length(); n != models.PageSize || strings.Contains(first.body, "192.0.2.99") {
			t.Errorf("%d rows are on the page", n)
		}
		older, _ := first.Find("a[rel=next]").Attr("href")
		second := b.get(older).is(t, http.StatusOK)
		row := strings.Join(strings.Fields(second.Find("tbody tr").Text()), " ")
		for _, want := range []string{"192.0.2.1", "<b>signature</b>", word(text.Chinese, "refused.says", "No", "R26112400000000000000"), word(text.Chinese, "time.now")} {
			if !strings.Contains(row, want) {
				t.Errorf("the row reads %q, want %q", row, want)
			}
		}
		b.get("/admin").says(t, "#main a[href='/admin/notifies']", word(text.Chinese, "figure.notifies_refused"))
	})
}
