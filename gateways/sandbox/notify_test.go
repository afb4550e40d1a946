package sandbox_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
)

func TestNotifyIsSentAgainOnScheduleUntilItIsTaken(t *testing.T) {
	b := newBench(t)
	b.shop.answerWith("fail")
	b.pay("R1", sandbox.FaultNone)
	b.settled(1)
	for i, wait := range []time.Duration{
		4 * time.Minute, 10 * time.Minute, 10 * time.Minute, time.Hour, 2 * time.Hour, 6 * time.Hour, 15 * time.Hour,
	} {
		b.clock.Advance(wait - time.Second)
		b.settled(i + 1)
		b.clock.Advance(time.Second)
		b.settled(i + 2)
	}
	b.clock.Advance(1000 * time.Hour)
	got := b.settled(8)
	for _, again := range got[1:] {
		b.want("id", again.Get("notify_id"), got[0].Get("notify_id"))
		b.want("signature is genuine", b.genuineMessage(again), true)
	}
	b.want("time of the last", got[7].Get("notify_time"), "2026-11-25 10:24:00")
	notice := must(b.box.Notices(t.Context(), "R1"))(t)[0]
	b.want("state", notice.State, "given_up")
	b.want("attempts", notice.Attempts, 8)
	b.want("answers kept", len(notice.Deliveries), 8)
}

func TestOnlyTheExactAnswerEndsTheSchedule(t *testing.T) {
	b := newBench(t)
	b.shop.answerWith("success\n")
	b.pay("R1", sandbox.FaultNone)
	b.settled(1)
	for i, answer := range []string{"SUCCESS", "<p>success</p>", "", "redirect:" + b.shop.URL + "/elsewhere", "success"} {
		b.shop.answerWith(answer)
		b.clock.Advance(2 * time.Hour)
		b.settled(i + 2)
	}
	b.clock.Advance(1000 * time.Hour)
	b.settled(6)
	notice := must(b.box.Notices(t.Context(), "R1"))(t)[0]
	b.want("state", notice.State, "done")
	b.want("answer to the fifth", notice.Deliveries[4].Status, http.StatusFound)
}

func TestNotifyToAShopThatIsAwayIsSentAgain(t *testing.T) {
	b := newBench(t)
	away := httptest.NewServer(http.NotFoundHandler())
	away.Close()
	cashier := b.reach(b.order("R1"), func(p fields) { p["notify_url"] = away.URL })
	response, _ := b.choose(cashier, "pay", "notify_first")
	b.want("the browser", response.StatusCode, http.StatusSeeOther)
	notice := must(b.box.Notices(t.Context(), "R1"))(t)[0]
	b.want("state", notice.State, "waiting")
	b.want("next", notice.NextAt, morning.Add(4*time.Minute))
	if notice.Deliveries[0].Err == "" {
		t.Error("not noted why there was no answer")
	}
}

func TestRestartKeepsTradesAndWhatIsStillToBeSent(t *testing.T) {
	var options sandbox.Options
	b := newBench(t, func(o *sandbox.Options) { options = *o })
	b.shop.answerWith("fail")
	b.pay("R1", sandbox.FaultNone)
	cashier := b.reach(b.order("R2"))
	b.settled(1)
	b.web.Close()
	if err := b.box.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.clock.Advance(5 * time.Minute)
	b.shop.answerWith("success")
	before := b.web.URL
	b.start(options)

	got := b.settled(2)
	b.want("id", got[1].Get("notify_id"), got[0].Get("notify_id"))
	b.want("signature is genuine", b.genuineMessage(got[1]), true)
	b.want("paid", b.status("R1"), "TRADE_SUCCESS")
	response, _ := b.choose(b.web.URL+cashier[len(before):], "pay", "none")
	b.want("the cashier of before", response.StatusCode, http.StatusSeeOther)
}

func TestCloseWaitsForNotifiesInFlightAndNotForever(t *testing.T) {
	for name, patience := range map[string]time.Duration{"patient": 5 * time.Second, "impatient": 10 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.shop.slow = 2 * time.Second
			b.pay("R1", sandbox.FaultNone)
			b.eventually("the notify arrives", func() bool { return len(b.shop.got()) == 1 })
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			begun := time.Now()
			if err := b.box.Close(ctx); err != nil {
				t.Error(err)
			}
			b.want("waited for the answer", time.Since(begun) > time.Second, name == "patient")
		})
	}
}

func TestScheduleCanBeMadeShort(t *testing.T) {
	b := newBench(t, func(o *sandbox.Options) {
		o.Now = time.Now
		o.NotifyDelays = []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}
	})
	b.clock.now = time.Now()
	b.shop.answerWith("fail")
	b.pay("R1", sandbox.FaultNone)
	b.settled(3)
}
