package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// The portal's clock runs lifeSpeed times faster than the machine's: a step of
// the ramp takes 6 s, the grace time 12. All other spans here are the machine's.
const (
	lifeSpeed = 100
	lifeGrace = 20 * time.Minute // by the portal's clock
	rampStep  = 10 * time.Minute / lifeSpeed

	jobsLate  = 6 * time.Second         // at most: the queue looks at its clock now and then
	underWay  = 1500 * time.Millisecond // for clicks that were drawn before the engine heard that it must stop
	heardLate = time.Second             // at most: what changes is in the feed within a second

	gentle = "100"   // times the usual traffic: leaves most of a payment for after the ramp
	storm  = "40000" // takes all there is within seconds, at any hour of the day
)

// TestTheLifeOfAnAccountFromPlentyToSuspensionAndBack follows a seller through
// every state that money brings, seen from outside alone: by the feed that ad
// engines read, and on the seller's pages (M6, M7, M9, M14). The clicks are made
// by the simulator, in a process of its own that knows the API and nothing else.
func TestTheLifeOfAnAccountFromPlentyToSuspensionAndBack(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			l := newLife(t, engine)
			l.plenty()
			stop := l.engine(gentle)
			l.charged()
			l.budgetsReached()
			l.outOfFunds()
			l.payInGrace()
			l.suspended()
			l.payAndRestart()
			stop()
			l.feed.close()
			if err := l.portal.terminate(); err != nil {
				t.Error(err)
			}
			l.checkStates()
			l.checkEvents()
			l.checkCharges()
			sound(t, l.portal.open(t))
		})
	}
}

// life is one account on its way.
type life struct {
	t      *testing.T
	portal *portal
	seller *client
	feed   *feed
	clock  portalClock

	running []int64          // campaigns that the seller has switched on
	paused  int64            // the one that the seller has not
	names   map[int64]string // of campaigns
	engines int
}

func newLife(t *testing.T, engine models.Engine) *life {
	t.Helper()
	p := serve(t, mostlyWaits, onEngine(t, engine), with(fmt.Sprint("PORTAL_CLOCK_SPEED=", lifeSpeed), fmt.Sprint("PORTAL_ARREARS_GRACE=", lifeGrace)))
	l := &life{t: t, portal: p, seller: signedIn(t, p, "active@demo.test"), names: map[int64]string{}}
	l.feed, l.clock = openFeed(t, p)
	l.seller.page(t, "/campaigns").Find(`td a.font-medium[href^="/campaigns/"]`).Each(func(_ int, link *goquery.Selection) {
		id, err := strconv.ParseInt(strings.TrimPrefix(link.AttrOr("href", ""), "/campaigns/"), 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if l.names[id] = words(link); l.names[id] == "收纳箱" {
			l.paused = id
		} else {
			l.running = append(l.running, id)
		}
	})
	if len(l.running) != 3 || l.paused == 0 {
		t.Fatalf("the seller's campaigns are %v", l.names)
	}
	// A midnight in Shanghai would renew the budgets while they are used up.
	now := l.clock.portal(time.Now()).In(models.Shanghai)
	midnight := time.Date(now.Year(), now.Month(), now.Day()+1, 0, 0, 0, 0, models.Shanghai)
	if left := midnight.Sub(now); left < 30*time.Minute {
		time.Sleep(left / lifeSpeed)
	}
	return l
}

// engine plays an ad engine, so many times as busy as usual, until stop. The key
// comes on its standard input.
func (l *life) engine(rate string) (stop func()) {
	l.t.Helper()
	l.engines++
	simulate, err := l.portal.command("simulate", "--url", l.portal.URL, "--speed", strconv.Itoa(lifeSpeed), "--rate", rate)
	if err != nil {
		l.t.Fatal(err)
	}
	simulate.Stdin = strings.NewReader(l.portal.apiKey(l.t, fmt.Sprint("engine ", l.engines)) + "\n")
	e := &portal{log: filepath.Join(outLogs, fmt.Sprintf("%s-engine-%d.log", fileName(l.t.Name()), l.engines))}
	if err := e.launch(simulate); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { e.terminate() })
	return func() {
		l.t.Helper()
		if !e.running() {
			l.t.Errorf("the engine ended by itself:\n%s", e.logTail())
		}
		if err := e.terminate(); err != nil {
			l.t.Error(err)
		}
		for _, line := range e.complaints() {
			l.t.Errorf("the engine's log %s: %s", e.log, line)
		}
	}
}

// plenty: there is money, and everything that is switched on serves.
func (l *life) plenty() {
	l.t.Helper()
	l.until(3*time.Second, "serving 100", l.running...)
	l.until(3*time.Second, "paused 0", l.paused)
	l.see("/account", "正常", "3 / 4 投放中", "手动暂停", "收纳箱", "您开启计划")
}

// charged waits until the engine charges.
func (l *life) charged() {
	l.t.Helper()
	before := l.feed.spendable(l.t, l.running[0])
	await(l.t, 10*time.Second, "the engine has charged nothing", func() bool { return l.feed.spendable(l.t, l.running[0]) < before })
}

// budgetsReached: each campaign uses up its budget of the day and stands still;
// its seller raises the budget, and it serves again.
func (l *life) budgetsReached() {
	l.t.Helper()
	stop := l.engine(storm)
	l.until(20*time.Second, "budget_reached 0", l.running...)
	for _, id := range l.running {
		l.see(fmt.Sprint("/campaigns/", id), "达到日限额", "今天的花费已达到日限额", "零点自动恢复，或提高日限额")
		l.tells("「"+l.names[id]+"」达到日限额", "00:00 自动恢复，或调高日限额")
	}
	l.see("/account", "0 / 4 投放中", "正常")
	time.Sleep(underWay + time.Second) // checkCharges looks whether the engine was quiet
	stop()
	for _, id := range l.running {
		at := fmt.Sprint("/campaigns/", id)
		if a := l.seller.must(l.t, at+"/budget", url.Values{"budget": {"50,000"}}); a.status != http.StatusSeeOther {
			l.t.Fatalf("the budget of %s is not raised: %d", l.names[id], a.status)
		}
		l.tells("「"+l.names[id]+"」日限额调高到 ¥50,000.00，今天可以继续投放", "")
	}
	l.until(3*time.Second, "serving 100", l.running...)
}

// runOut lets the engine take all there is; the account owes something then.
func (l *life) runOut() (at time.Time, stop func()) {
	l.t.Helper()
	stop = l.engine(storm)
	at = l.until(20*time.Second, "out_of_funds 0", l.running...)
	owes := func() bool { return strings.Contains(l.account(), "账户欠费，请尽快补交") }
	for deadline := time.Now().Add(time.Second); !owes() && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	if !owes() { // a rare chance: the last click took exactly what was left, and nothing more was under way
		l.feed.charge(l.t, l.running[0], 1)
	}
	return at, stop
}

// outOfFunds: the account owes, all stands still, and the deadline is shown.
func (l *life) outOfFunds() {
	l.t.Helper()
	_, stop := l.runOut()
	l.see("/account", "账户欠费，请尽快补交", "距离停服还有", "欠费开始于", "0 / 4 投放中", "可用余额已用完", "您充值后自动解除")
	l.tells("可用余额被点击花费用完，全部计划停止投放", "充值到账后自动恢复")
	l.tells("点击花费超出余额，账户欠费 ¥", "前补交即自动恢复；过期停服")
	verdict := l.seller.page(l.t, "/account").Find("section[aria-labelledby=verdict]")
	ends := l.instant(verdict.Find("time[data-countdown]"))
	began := l.instant(verdict.Find("p:contains('欠费开始于') time"))
	if ends.Sub(began) != lifeGrace {
		l.t.Errorf("owing since %v, the account is to be suspended at %v, not after %v", began, ends, lifeGrace)
	}
	time.Sleep(underWay)
	stop()
}

// payInGrace: paid before the deadline, delivery comes back by itself, step by step.
func (l *life) payInGrace() {
	l.t.Helper()
	no := l.seller.pays(l.t, "2,000")
	began := l.until(5*time.Second, "recovering 25", l.running...)
	l.see("/payments/"+no, "充值成功", "抵扣欠费", "欠费结清", "恢复投放", "25%")
	l.see("/account", "正常", "3 / 4 投放中", "手动暂停", "收纳箱")
	l.tells("充值 ¥2,000.00 到账", "")
	l.tells("欠费 ¥", "已结清")
	l.tells("款项到账，3 个计划开始逐步恢复：先 25%，每 10 分钟一档", "")
	l.ramp(began)
	l.tells("3 个计划恢复全量投放", "")
}

// ramp waits for the steps that follow 25 %, each in its time.
func (l *life) ramp(began time.Time) {
	l.t.Helper()
	for i, state := range []string{"recovering 50", "recovering 75", "serving 100"} {
		due := began.Add(time.Duration(i+1) * rampStep)
		at := l.until(time.Until(due)+jobsLate, state, l.running...)
		if at.Before(due.Add(-2 * heardLate)) { // we may have heard late of the beginning
			l.t.Errorf("%q came %v early", state, due.Sub(at))
		}
	}
}

// suspended: the money runs out again and nobody pays until the grace time is over.
func (l *life) suspended() {
	l.t.Helper()
	began, stop := l.runOut()
	due := began.Add(lifeGrace / lifeSpeed)
	at := l.until(time.Until(due)+jobsLate, "paused_arrears 0", l.running...)
	if at.Before(due.Add(-time.Second)) {
		l.t.Errorf("the account was suspended %v before the deadline", due.Sub(at))
	}
	l.see("/account", "欠费停服，推广已停止", "停服于", "3 个推广计划已停止投放", "补交欠费", "重启推广计划", "账户欠费超过宽限期", "您重启计划")
	l.tells("欠费超过宽限期，停服：3 个计划停止投放", "补交欠费后，在重启页手动启动计划")
	l.see("/campaigns/restart", "补交后才能重启")
	l.see(fmt.Sprint("/campaigns/", l.paused), "手动暂停", "您手动暂停了投放，只有您能开启")
	stop()
}

// payAndRestart: paid, the account is well; the campaigns wait for their seller,
// and come back on the ramp once they are restarted.
func (l *life) payAndRestart() {
	l.t.Helper()
	no := l.seller.pays(l.t, "2,000")
	l.see("/payments/"+no, "充值成功", "解除停服", "等您重启")
	l.see("/account", "正常", "欠费已结清，还差一步恢复投放", "3 个推广计划已可以重启")
	l.tells("账户恢复正常", "")
	time.Sleep(3 * time.Second)
	l.until(0, "paused_arrears 0", l.running...) // nothing starts by itself
	l.see("/campaigns/restart", "可以启动", l.names[l.running[0]], l.names[l.running[1]], l.names[l.running[2]])
	if page := l.text("/campaigns/restart"); strings.Contains(page, l.names[l.paused]) {
		l.t.Error("a campaign that its seller paused is offered for restart: ", page)
	}
	// Without a soft start: this engine clicks far faster than the shop did before.
	if a := l.seller.must(l.t, "/campaigns/restart", url.Values{"all": {"1"}, "full": {"1"}}); a.status != http.StatusSeeOther {
		l.t.Fatalf("the campaigns are not restarted: %d", a.status)
	}
	began := l.until(3*time.Second, "recovering 25", l.running...)
	l.see("/campaigns/restart", "已启动 3 个，共 3 个", "可撤销至")
	l.tells("手动重启了 3 个计划，逐步恢复：先 25%，每 10 分钟一档", "")
	l.ramp(began)
	l.tells("3 个计划恢复全量投放", "")
	l.see("/account", "正常", "3 / 4 投放中", "手动暂停", "收纳箱")
}

// until waits until a state is the newest that the feed told of all these
// campaigns, and gives the instant at which we heard it of the last of them.
func (l *life) until(within time.Duration, state string, campaigns ...int64) (at time.Time) {
	l.t.Helper()
	await(l.t, within, state, func() bool {
		at = time.Time{}
		for _, id := range campaigns {
			told := l.feed.of(id)
			newest := told[len(told)-1]
			if newest.String() != state {
				return false
			}
			if newest.at.After(at) {
				at = newest.at
			}
		}
		return true
	})
	return at
}

// text is what a page says.
func (l *life) text(path string) string {
	l.t.Helper()
	return words(l.seller.page(l.t, path).Find("main"))
}

func (l *life) account() string { return l.text("/account") }

// see waits until a page says all of that.
func (l *life) see(path string, all ...string) {
	l.t.Helper()
	for _, wanted := range all {
		await(l.t, 5*time.Second, path+" says "+wanted, func() bool { return strings.Contains(l.text(path), wanted) })
	}
}

// tells waits until one entry of the account's timeline says what happened, and
// what ends it.
func (l *life) tells(happened, ends string) {
	l.t.Helper()
	await(l.t, jobsLate, "the timeline says "+happened+" … "+ends, func() bool {
		entries := l.seller.page(l.t, "/account").Find("section[aria-labelledby=timeline] li")
		return slices.ContainsFunc(entries.Map(func(_ int, entry *goquery.Selection) string { return words(entry) }), func(entry string) bool {
			what, ended := strings.CutPrefix(entry, happened)
			return ended && strings.Contains(what, ends)
		})
	})
}

// instant reads a <time>.
func (l *life) instant(element *goquery.Selection) time.Time {
	l.t.Helper()
	at, err := time.Parse(time.RFC3339, element.First().AttrOr("datetime", ""))
	if err != nil {
		l.t.Error("the page shows no instant: ", err)
	}
	return at
}

// checkStates: each campaign went through these states in this order, and no other.
func (l *life) checkStates() {
	l.t.Helper()
	for id, name := range l.names {
		want := []string{
			"serving 100", "budget_reached 0", "serving 100", "out_of_funds 0",
			"recovering 25", "recovering 50", "recovering 75", "serving 100", "out_of_funds 0", "paused_arrears 0",
			"recovering 25", "recovering 50", "recovering 75", "serving 100",
		}
		if id == l.paused {
			want = []string{"paused 0"}
		}
		var got []string
		for _, told := range l.feed.of(id) {
			got = append(got, told.String())
		}
		if !slices.Equal(got, want) {
			l.t.Errorf("%s went through\n%q, want\n%q", name, got, want)
		}
	}
}

// checkEvents: the account's timeline holds these turns, each once; and what took
// the last money was in the feed within a second.
func (l *life) checkEvents() {
	l.t.Helper()
	var got []models.EventKind
	var ranOut []time.Time
	each(l.t, books(l.t, l.portal.database), fmt.Sprintf(`SELECT e.kind, e.at FROM account_events e
		JOIN campaigns c ON c.account_id = e.account_id WHERE c.id = %d ORDER BY e.id`, l.paused), func(scan scan) error {
		var kind models.EventKind
		var at time.Time
		err := scan(&kind, &at)
		if at.After(l.clock.its) {
			got = append(got, kind)
		}
		if at.After(l.clock.its) && kind == models.EventOutOfFunds {
			ranOut = append(ranOut, at)
		}
		return err
	})
	// Arrears mostly begin with the very click that takes the last of it.
	for i := range len(got) - 1 {
		if got[i] == models.EventOutOfFunds && got[i+1] == models.EventArrearsBegan {
			got[i], got[i+1] = got[i+1], got[i]
		}
	}
	want := []models.EventKind{
		"budget_reached", "budget_reached", "budget_reached", "budget_raised", "budget_raised", "budget_raised",
		"arrears_began", "out_of_funds", "recharge_confirmed", "recharge_paid", "arrears_cleared", "recovering", "delivery_full",
		"arrears_began", "out_of_funds", "suspended", "recharge_confirmed", "recharge_paid", "arrears_cleared", "account_restored",
		"restarted", "delivery_full",
	}
	if !slices.Equal(got, want) {
		l.t.Errorf("the timeline holds\n%q, want\n%q", got, want)
	}
	heard := slices.DeleteFunc(l.feed.of(l.running[0]), func(s told) bool { return s.state != "out_of_funds" })
	if len(heard) != len(ranOut) {
		l.t.Fatalf("the account ran out %d times, the feed told it %d times", len(ranOut), len(heard))
	}
	for i := range heard {
		late := heard[i].at.Sub(l.clock.real(ranOut[i]))
		l.t.Logf("that the account ran out was in the feed after %v", late.Round(time.Millisecond))
		if late > heardLate {
			l.t.Error("that is too late")
		}
	}
}

// checkCharges: the engine charged for each campaign while it was to be shown,
// and not while it was not, but for what was under way.
func (l *life) checkCharges() {
	l.t.Helper()
	clicks, wrong := map[string]int{}, map[string]int{} // by state; by campaign and state
	latest := time.Duration(0)
	each(l.t, books(l.t, l.portal.database), `SELECT campaign_id, received_at FROM charges
		WHERE charge_id NOT LIKE 'seed-%' AND charge_id NOT LIKE 'life-%'`, func(scan scan) error {
		var id int64
		var at time.Time
		if err := scan(&id, &at); err != nil {
			return err
		}
		state, stood, left := stateAt(l.feed.of(id), l.clock.real(at))
		clicks[state.String()]++
		if state.share == 0 && left > heardLate {
			latest = max(latest, stood)
			if stood > underWay {
				wrong[l.names[id]+" while it was "+state.state]++
			}
		}
		return nil
	})
	l.t.Logf("clicks by state: %v; the latest came %v after it was told to stop", clicks, latest.Round(time.Millisecond))
	for what, n := range wrong {
		l.t.Errorf("the engine charged %s, %d times", what, n)
	}
	recovering := clicks["recovering 25"] + clicks["recovering 50"] + clicks["recovering 75"]
	if clicks["serving 100"] == 0 || recovering == 0 {
		l.t.Error("the engine made no clicks where it may: this test shows nothing")
	}
}

// portalClock relates the portal's clock to the machine's: two readings of the
// same instant.
type portalClock struct{ ours, its time.Time }

func (c portalClock) real(its time.Time) time.Time { return c.ours.Add(its.Sub(c.its) / lifeSpeed) }

func (c portalClock) portal(ours time.Time) time.Time { return c.its.Add(ours.Sub(c.ours) * lifeSpeed) }

// stateAt gives the state that had been told at an instant, for how long it
// stood then, and how long it still was to stand.
func stateAt(all []told, at time.Time) (state told, stood, left time.Duration) {
	next := slices.IndexFunc(all, func(s told) bool { return s.at.After(at) })
	left = time.Hour
	switch next {
	case -1:
		next = len(all)
	case 0:
		next = 1 // it was told before we asked
	default:
		left = all[next].at.Sub(at)
	}
	return all[next-1], at.Sub(all[next-1].at), left
}
