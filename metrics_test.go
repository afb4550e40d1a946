package main

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func TestMetricsTellOfTheWholePortal(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.OpenWith(t, engine, func(rules *models.Rules) { rules.Webhooks = true })
			account, campaigns := b.Seller(t, 100*models.Yuan, 50*models.Yuan) // two messages of new campaigns
			b.Charge(t, "click", campaigns[0], 30*models.Yuan)
			b.Pending(t, account, "300")
			b.Clock.Add(3 * 24 * time.Hour)
			first := b.Queue.Tasks()[0].Args.(models.DeliverWebhook)
			if wait, err := b.WebhookTried(t.Context(), first.ID, false, "503"); err != nil || wait != 0 {
				t.Fatal(wait, err)
			}
			b.SetMethods(nil, models.NewMethod(models.RailAlipay, 1, 2), models.NewMethod(models.RailWechat, 1, 2))
			if err := b.NoteFailing(t.Context(), models.RailAlipay, b.Clock.Now(), b.Clock.Now().Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			if err := b.SwitchMethod(t.Context(), models.CommandLine, models.MethodSwitch{Rail: models.RailWechat, Off: true, Reason: "a test"}); err != nil {
				t.Fatal(err)
			}
			b.Queue.Figures.Oldest = 7 * time.Minute
			if err := b.JudgeFigures(t.Context()); err != nil {
				t.Fatal(err)
			}
			b.Queue.Figures.Oldest = 0 // since then
			want := []string{
				`portal_figure{name="webhooks_parked"} 1`, `portal_figure{name="payments_stuck"} 1`, `portal_figure{name="queue_oldest_seconds"} 0`,
				`portal_staff_alert{name="webhooks_parked"} 1`, `portal_staff_alert{name="queue_oldest_seconds"} 1`, `portal_staff_alert{name="ledger_faults"} 0`,
				"portal_staff_alerts_judged_timestamp_seconds " + fmt.Sprint(float64(b.Clock.Now().Unix())),
				`portal_payments{state="pending"} 1`, `portal_accounts{state="arrears"} 1`, "portal_arrears_fen 3000", "portal_suspense_fen 0",
				`portal_rail_failing{rail="alipay"} 1`, `portal_rail_failing{rail="wechat"} 0`, `portal_rail_off{rail="alipay"} 0`, `portal_rail_off{rail="wechat"} 1`,
				`portal_figure{name="rails_failing"} 1`, "portal_webhooks_parked 1", "portal_webhooks_pending 1",
			}
			answer := httptest.NewRecorder()
			metricsHandler(b.Store, slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
			for _, line := range want {
				if !strings.Contains(answer.Body.String(), "\n"+line+"\n") {
					t.Errorf("the metrics lack %q:\n%s", line, figuresOf(answer.Body.String()))
				}
			}
			if unknown := `portal_figure{name="recharge_success_percent"}`; strings.Contains(answer.Body.String(), unknown) {
				t.Errorf("%s is told of no attempts", unknown)
			}
		})
	}
}

// figuresOf are the portal's own lines among the metrics.
func figuresOf(text string) (own string) {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "portal_") {
			own += line
		}
	}
	return own
}

// What the README says of the bands is what they are.
func TestREADMETellsTheBands(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, band := range models.Bands {
		beyond := "above"
		if band.Below {
			beyond = "below"
		}
		row := fmt.Sprintf("(?m)^\\| `%s` \\| (.*) \\| %s %d \\| %s %d \\|$", band.Figure, beyond, band.Warn, beyond, band.Alarm)
		found := regexp.MustCompile(row).FindSubmatch(readme)
		if found == nil {
			t.Errorf("the README has no row %s", row)
			continue
		}
		says := string(found[1])
		for words, holds := range map[string]bool{
			"last hour": band.Window == time.Hour, fmt.Sprintf("from %d on", band.Least): band.Least > 0,
			"24 hours": band.Aged == 24*time.Hour, "15 minutes": band.Aged == 15*time.Minute,
		} {
			if strings.Contains(says, words) != holds {
				t.Errorf("%s: the README says %q: %v", band.Figure, words, !holds)
			}
		}
	}
}
