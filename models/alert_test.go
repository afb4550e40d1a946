package models_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// alertsTold are the alerts of an account, the oldest first, each with when.
func alertsTold(t testing.TB, b *modelstest.Bench, account int64) (all []string) {
	t.Helper()
	d, err := b.AlertDesk(t.Context(), account, 0, models.Keyset{})
	must(t, err)
	for i := range d.List {
		a := d.List[len(d.List)-1-i]
		all = append(all, a.At.In(models.Shanghai).Format("01-02 15:04 ")+string(a.Rung))
	}
	return all
}

// robot adds a target of an audience, whose address nobody dials.
func robot(t testing.TB, b *modelstest.Bench, by models.Actor, account int64, who models.Audience) models.AlertTarget {
	t.Helper()
	target, err := b.AddAlertTarget(t.Context(), by, account, models.AlertTargetInput{
		Channel: models.ChannelDingTalk, Name: string(who), Address: "https://oapi.dingtalk.com/robot/send?access_token=made-up", Secret: "SECmade-up", Audience: who, Lang: "en",
	})
	must(t, err)
	return target
}

// A month of a shop that spends ¥100 a day by its clicks: it falls past each rung,
// recharges, falls again. Each alert comes once at each fall, at the time at which
// the hour's look finds it, to whom it concerns; in quiet hours what can wait does.
func TestTheLadderOfAMonth(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Clock.Set(shanghai(t, "2026-11-02 00:30")) // a Monday
		account, campaigns := b.Seller(t, 10_000*yuan)
		by := staff(t, b)
		must(t, b.SetAlerts(t.Context(), by, account, models.AlertSettings{Below: "350", QuietFrom: "22", QuietUntil: "8"}))
		robot(t, b, by, account, models.AudienceMoney)
		robot(t, b, by, account, models.AudienceCampaigns)
		recharge(t, b, account, 1500*yuan)
		n := 0
		sent := map[string][]string{}
		deliver := func() {
			t.Helper()
			for _, task := range b.Queue.Tasks() {
				send, is := task.Args.(models.SendAlert)
				if !is || task.RunAt.After(b.Clock.Now()) {
					continue
				}
				m, err := b.SendAlert(t.Context(), send.ID)
				must(t, err)
				if m == nil {
					continue
				}
				_, err = b.AlertTried(t.Context(), m.DeliveryID, true, "200")
				must(t, err)
				key := b.Clock.Now().In(models.Shanghai).Format("01-02 15:04 ") + string(m.Alert.Rung)
				sent[key] = append(sent[key], string(m.Audience))
			}
		}
		// Until an instant: clicks of ¥12.50 every hour from 10 to 18, a look after each.
		spend := func(until string) {
			t.Helper()
			for end := shanghai(t, until); b.Clock.Now().Before(end); b.Clock.Add(time.Hour) {
				if hour := b.Clock.Now().In(models.Shanghai).Hour(); hour >= 10 && hour < 18 {
					n++
					b.Charge(t, fmt.Sprint("month-", n), campaigns[0], 12_50)
				}
				must(t, b.CheckAlerts(t.Context(), account))
				must(t, b.CheckAlerts(t.Context(), account)) // twice is once
				deliver()
			}
		}
		spend("2026-11-18 00:30") // a fall to nothing: ¥1500 last 15 days
		recharge(t, b, account, 1000*yuan)
		spend("2026-11-20 00:30")
		want := []string{
			"11-02 00:30 paid", "11-09 17:30 runs_out_week", "11-13 14:30 below", "11-14 17:30 runs_out_two_days", "11-16 00:30 runs_out_today",
			"11-16 17:30 out_of_funds", "11-17 10:30 arrears", "11-18 00:30 paid", "11-18 00:30 restored", "11-19 17:30 runs_out_week",
		}
		if diff := cmp.Diff(want, alertsTold(t, b, account)); diff != "" {
			t.Error(diff)
		}
		sentAt := map[string][]string{
			"11-02 08:30 paid": {"money"}, "11-09 17:30 runs_out_week": {"money"}, "11-13 14:30 below": {"money"}, "11-14 17:30 runs_out_two_days": {"money"},
			"11-16 08:30 runs_out_today": {"money"}, "11-16 17:30 out_of_funds": {"money", "campaigns"}, "11-17 10:30 arrears": {"money", "campaigns"},
			"11-18 08:30 paid": {"money"}, "11-18 08:30 restored": {"money", "campaigns"}, "11-19 17:30 runs_out_week": {"money"},
		}
		if diff := cmp.Diff(sentAt, sent); diff != "" {
			t.Error("sent", diff)
		}
		b.Sound(t)
	})
}

// Who never had any money is not told that it is gone.
func TestAFreshAccountIsToldNothing(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t, 100*yuan)
		must(t, b.SetAlerts(t.Context(), staff(t, b), account, models.AlertSettings{Below: ""}))
		must(t, b.CheckAlerts(t.Context(), account))
		if got := alertsTold(t, b, account); len(got) > 0 {
			t.Error(got)
		}
	})
}

// What quiet hours put off is not sent when it is over by then; a crossing that is
// still so is.
func TestAnAlertThatIsOverIsNotSent(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Clock.Set(shanghai(t, "2026-11-24 23:00"))
		account, _ := b.Seller(t)
		by := staff(t, b)
		robot(t, b, by, account, models.AudienceAll)
		recharge(t, b, account, 300*yuan)
		must(t, b.SetAlerts(t.Context(), by, account, models.AlertSettings{Below: "350", QuietFrom: "22", QuietUntil: "8"}))
		must(t, b.CheckAlerts(t.Context(), account))
		recharge(t, b, account, 300*yuan) // above again before anybody was told
		must(t, b.CheckAlerts(t.Context(), account))
		b.Clock.Set(shanghai(t, "2026-11-25 08:00"))
		var sent []models.Rung
		for _, task := range b.Queue.Tasks() {
			if send, is := task.Args.(models.SendAlert); is && !task.RunAt.After(b.Clock.Now()) {
				m, err := b.SendAlert(t.Context(), send.ID)
				must(t, err)
				if m != nil {
					sent = append(sent, m.Alert.Rung)
				}
			}
		}
		if fmt.Sprint(sent) != "[paid paid]" {
			t.Errorf("sent are %v", sent)
		}
		d, err := b.AlertDesk(t.Context(), account, 0, models.Keyset{})
		must(t, err)
		moot := 0
		for _, way := range d.Deliveries {
			if way.State == models.DeliveryMoot && way.Rung == models.RungBelow {
				moot++
			}
		}
		if moot != 1 {
			t.Errorf("%+v", d.Deliveries)
		}
	})
}

// Suspension and a fall straight to it are one alert, not four.
func TestOnlyTheDeepestOfAFallIsTold(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, ids := running(t, b, 300*yuan, 1000*yuan)
		must(t, b.CheckAlerts(t.Context(), account))
		owe(t, b, account, ids[0], 100*yuan)
		must(t, b.CheckAlerts(t.Context(), account))
		suspend(t, b, account)
		must(t, b.CheckAlerts(t.Context(), account))
		recharge(t, b, account, 2000*yuan)
		must(t, b.CheckAlerts(t.Context(), account))
		var rungs []string
		for _, line := range alertsTold(t, b, account) {
			rungs = append(rungs, line[12:])
		}
		if diff := cmp.Diff([]string{"paid", "arrears", "suspended", "paid", "restored"}, rungs); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAlertTargetsAreCheckedAndSealed(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		other, _ := b.Seller(t)
		by := staff(t, b)
		for address, want := range map[string]string{
			"http://oapi.dingtalk.com/robot/send?access_token=x": "error.alert.address", "oapi.dingtalk.com": "error.alert.address", "": "error.alert.address",
			"https://user@oapi.dingtalk.com/robot": "error.alert.address", "https://robots.example.com/": "error.alert.robot_address",
		} {
			_, err := b.AddAlertTarget(t.Context(), by, account, models.AlertTargetInput{Channel: models.ChannelDingTalk, Name: "x", Address: address, Audience: models.AudienceAll})
			if refusedOn(err, "address") != want {
				t.Errorf("%q: %v", address, err)
			}
		}
		for _, host := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "[::1]", "[fd00::1]", "[::ffff:192.168.0.1]", "localhost", "100.64.1.1", "0.0.0.0", "[64:ff9b::a00:1]"} {
			_, err := b.AddAlertTarget(t.Context(), by, account, models.AlertTargetInput{Channel: models.ChannelWebhook, Name: "x", Address: "https://" + host + "/", Audience: models.AudienceAll})
			if refusedOn(err, "address") != "error.alert.private_address" {
				t.Errorf("%s: %v", host, err)
			}
		}
		_, err := b.AddAlertTarget(t.Context(), by, account, models.AlertTargetInput{Channel: "pager", Audience: "nobody", Address: "https://example.com", Secret: "short"})
		for field, want := range map[string]string{"channel": "error.alert.channel", "audience": "error.alert.audience", "name": "error.alert.name"} {
			if refusedOn(err, field) != want {
				t.Errorf("%s: %v", field, err)
			}
		}
		target := robot(t, b, by, account, models.AudienceAll)
		db, err := b.Handle()
		must(t, err)
		var address, secret string
		must(t, db.QueryRowContext(t.Context(), "SELECT address, secret FROM alert_targets").Scan(&address, &secret))
		if strings.Contains(address+secret, "made-up") {
			t.Error("the address or the secret can be read in the database")
		}
		wantCode(t, b.RemoveAlertTarget(t.Context(), by, other, target.ID), models.NotFound)
		wantCode(t, b.TestAlertTarget(t.Context(), by, other, target.ID), models.NotFound)
		must(t, b.TestAlertTarget(t.Context(), by, account, target.ID))
		wantCode(t, b.TestAlertTarget(t.Context(), by, account, target.ID), models.Conflict)
		must(t, b.RemoveAlertTarget(t.Context(), by, account, target.ID))
		for n := range 11 {
			_, err := b.AddAlertTarget(t.Context(), by, account, models.AlertTargetInput{Channel: models.ChannelWebhook, Name: "x", Address: "https://example.com/", Audience: models.AudienceAll})
			if want := map[bool]string{true: "error.alert.too_many"}[n == 10]; refusedOn(err, "channel") != want {
				t.Errorf("the %d. target: %v", n+1, err)
			}
		}
	})
}

// A user's alerts are unread until they say so; another's are not touched.
func TestAlertsAreReadByOne(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		recharge(t, b, account, 300*yuan)
		one, two := staff(t, b).UserID, staff(t, b).UserID
		must(t, b.ReadAlerts(t.Context(), account, one))
		for user, want := range map[int64]int{one: 0, two: 1} {
			if n, err := b.UnreadAlerts(t.Context(), account, user); err != nil || n != want {
				t.Errorf("%d unread, %v", n, err)
			}
		}
	})
}

// Each colleague gets by mail what concerns their role, and none who does not want
// mail; whoever looks only gets none.
func TestAlertsGoToColleaguesByRole(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		for email, role := range map[string]models.ShopRole{
			"finance@shop.test": models.ShopFinance, "operator@shop.test": models.ShopOperator, "viewer@shop.test": models.ShopViewer, "quiet@shop.test": models.ShopFinance,
		} {
			actor := f.joins(t, email, role)
			if email == "quiet@shop.test" {
				must(t, f.SetAlertMail(t.Context(), actor, false))
			}
		}
		got := map[string][]string{}
		send := func(before int) {
			t.Helper()
			for _, task := range f.Queue.Tasks()[before:] {
				if alert, is := task.Args.(models.SendAlert); is {
					_, err := f.SendAlert(t.Context(), alert.ID)
					must(t, err)
				}
			}
			for _, task := range f.Queue.Tasks()[before:] {
				if mail, is := task.Args.(models.SendMail); is {
					got[string(mail.About)] = append(got[string(mail.About)], mail.To+" "+mail.Path)
				}
			}
		}
		before := len(f.Queue.Tasks())
		recharge(t, f.Bench, f.account, 300*yuan)
		send(before)
		before = len(f.Queue.Tasks())
		id, err := f.CreateCampaign(t.Context(), models.Actor{}, f.account, models.NewCampaign{Name: "Tea", Budget: 1000 * yuan, SwitchedOn: true})
		must(t, err)
		owe(t, f.Bench, f.account, id, 100*yuan)
		must(t, f.CheckAlerts(t.Context(), f.account))
		send(before)
		for _, list := range got {
			slices.Sort(list)
		}
		want := map[string][]string{
			"alert_paid":    {"finance@shop.test /account", "owner@shop.test /account"},
			"alert_arrears": {"finance@shop.test /recharge", "operator@shop.test /campaigns", "owner@shop.test /recharge"},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	})
}
