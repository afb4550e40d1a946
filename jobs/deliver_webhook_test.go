package jobs_test

import (
	"database/sql"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/jobs"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func TestWebhookTellsOfAChargeThatEndsTheFunds(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		s.start(t)
		s.paid(t, "300")
		before, err := s.ServingCursor(t.Context())
		must(t, err)
		s.Charge(t, "click", s.campaign, 350*models.Yuan)
		since, cursor, err := s.ServingSince(t.Context(), before)
		must(t, err)
		var got letter
		eventually(t, "the message of the charge arrives", func() bool {
			for _, l := range ear.letters() {
				if strings.Contains(l.Body, `"cursor":"`+models.CursorText(cursor)+`"`) {
					got = l
				}
			}
			return got.Body != ""
		})
		var body struct {
			Type string
			Data struct{ Campaigns []models.ServingCampaign }
		}
		must(t, json.Unmarshal([]byte(got.Body), &body))
		if diff := cmp.Diff(since, body.Data.Campaigns); diff != "" || len(since) != 1 || since[0].Delivery != models.DeliveryOutOfFunds {
			t.Errorf("the feed says %+v; the message differs by %s", since, diff)
		}
		if body.Type != models.ServingChanged || got.Headers["Request"] != "POST /hooks?engine=1" || got.Headers["Content-Type"] != "application/json" {
			t.Errorf("the message is a %s, sent as %v", body.Type, got.Headers)
		}
		mustVerifyUntouched(t, got)
		eventually(t, "nothing is left on its way", func() bool { return s.webhooks(t) == models.WebhookCounts{} })
		if n := len(ear.letters()); n != 3 { // a new campaign, money, no money
			t.Errorf("the receiver heard %d messages", n)
		}
	})
}

// mustVerifyUntouched wants the letter taken as it is, and not with any part of
// it changed.
func mustVerifyUntouched(t *testing.T, got letter) {
	t.Helper()
	sent, err := strconv.ParseInt(got.Headers["Webhook-Timestamp"], 10, 64)
	must(t, err)
	signature := got.Headers["Webhook-Signature"]
	letters := map[string]letter{
		"as sent":           got,
		"another body":      {got.Headers, strings.Replace(got.Body, "out_of_funds", "serving", 1)},
		"a longer body":     {got.Headers, got.Body + " "},
		"another id":        got.with("Webhook-Id", got.id()+"x"),
		"another time":      got.with("Webhook-Timestamp", strconv.FormatInt(sent+1, 10)),
		"another signature": got.with("Webhook-Signature", signature[:len(signature)-5]+"AAAA="),
		"no signature":      got.with("Webhook-Signature", ""),
		"another version":   got.with("Webhook-Signature", strings.Replace(signature, "v1,", "v2,", 1)),
	}
	want := map[string][]bool{}
	for name, l := range letters {
		if name != "as sent" && l.Body == got.Body && cmp.Equal(l.Headers, got.Headers) {
			t.Fatalf("%s: nothing was changed", name)
		}
		want[name] = []bool{name == "as sent", false}
	}
	mustVerify(t, []string{secretOne, secretTwo}, letters, want)
}

// paid pays an amount in, through the gateway.
func (s *shop) paid(t *testing.T, amount string) {
	t.Helper()
	p := s.confirmed(t, amount)
	_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultNone)
	must(t, err)
	s.becomes(t, p, models.PaymentPaid)
}

func TestWebhookTellsOfEveryStepOfTheRamp(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		s.Charge(t, "click", s.campaign, 50*models.Yuan)
		s.paid(t, "300")
		s.hurry(t, "ramp_step")
		s.hurry(t, "recover_delivery")
		s.start(t)
		for i, share := range []string{"25", "50", "75", "100"} {
			s.ahead.Store(int64(i) * int64(10*time.Minute))
			ear.says(t, `"share_percent":`+share+",")
		}
	})
}

func TestWebhookTellsOfANewDaysBudget(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		s.paid(t, "300")
		s.Charge(t, "click", s.campaign, 100*models.Yuan)
		s.start(t)
		ear.says(t, `"delivery_state":"budget_reached","share_percent":0,"budget_left_fen":0,`)
		s.ahead.Store(int64(24 * time.Hour))
		s.hurry(t, "renew_budgets")
		ear.says(t, `"delivery_state":"serving","share_percent":100,"budget_left_fen":10000,`)
	})
}

// While a secret is being changed a receiver may know either.
func TestWebhookIsSignedByEachSecret(t *testing.T) {
	eachTold(t, []string{secretOne, secretTwo}, func(t *testing.T, s *shop, ear *receiver) {
		s.start(t)
		eventually(t, "the first message arrives", func() bool { return len(ear.letters()) == 1 })
		got := ear.letters()[0]
		signatures := strings.Split(got.Headers["Webhook-Signature"], " ")
		if len(signatures) != 2 {
			t.Fatalf("the signatures are %q", signatures)
		}
		mustVerify(t, []string{secretOne, secretTwo}, map[string]letter{
			"both": got, "one": got.with("Webhook-Signature", signatures[0]), "two": got.with("Webhook-Signature", signatures[1]),
		}, map[string][]bool{"both": {true, true}, "one": {true, false}, "two": {false, true}})
	})
}

func TestWebhookOfARollbackIsNeverSent(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		before, tasks := s.webhooks(t), s.count(t, "deliver_webhook", "")
		s.SetQueue(failing{s.runner})
		if _, err := s.SetBudget(t.Context(), models.Actor{}, s.account, models.RowRef{ID: s.campaign}, "200"); !errors.Is(err, errAfterwards) {
			t.Fatalf("the command gave %v", err)
		}
		s.SetQueue(s.runner)
		if after := s.webhooks(t); after != before || s.count(t, "deliver_webhook", "") != tasks {
			t.Errorf("a command that was rolled back left messages: %+v, before %+v", after, before)
		}
		modelstest.Edited(t)(s.SetBudget(t.Context(), models.Actor{}, s.account, models.RowRef{ID: s.campaign}, "300"))
		s.start(t)
		eventually(t, "all is delivered", func() bool { return s.webhooks(t) == models.WebhookCounts{} })
		letters := ear.letters()
		if len(letters) != 2 || strings.Contains(letters[0].Body+letters[1].Body, `"budget_left_fen":20000`) {
			t.Errorf("the receiver heard %+v", letters)
		}
	})
}

func TestFailingReceiverGetsTheWebhookAgain(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		ear.answers(status(http.StatusServiceUnavailable, "  out for <b>lunch</b>  "))
		s.start(t)
		first := s.first(t)
		for i, wait := range []time.Duration{5 * time.Second, 30 * time.Second} {
			m := s.tried(t, first.ID, i+1) // after 5 s it comes again by itself
			if m.LastAnswer != "503   out for <b>lunch</b>" || m.DeliveredAt != nil || m.ParkedAt != nil {
				t.Errorf("after a failure it stands as %+v", m)
			}
			eventually(t, "its task was put off", func() bool { return s.snoozed(t, "deliver_webhook") == i+1 })
			if due := s.dueIn(t, m); due < wait-time.Second || due > wait+3*time.Second {
				t.Errorf("the next try is %v after the failure, want %v", due, wait)
			}
		}
		ear.answers(nil)
		s.hurry(t, "deliver_webhook")
		if m := s.tried(t, first.ID, 3); m.DeliveredAt == nil || m.LastAnswer != "204" {
			t.Errorf("delivered, it stands as %+v", m)
		}
		eventually(t, "its task is done", func() bool { return s.count(t, "deliver_webhook", "completed") == 1 })
		letters := ear.letters()
		for _, l := range letters {
			if l.id() != first.MessageID || l.Body != first.Body {
				t.Errorf("heard was %s, stored is %s: %s", l.id(), first.MessageID, l.Body)
			}
		}
		if len(letters) != 3 {
			t.Errorf("the receiver heard it %d times", len(letters))
		}
		mustVerify(t, []string{secretOne}, map[string]letter{"first": letters[0], "last": letters[2]}, map[string][]bool{"first": {true}, "last": {true}})
	})
}

func TestWebhookFollowsNoRedirect(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		elsewhere := newReceiver(t)
		ear.answers(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.url, http.StatusTemporaryRedirect)
		})
		s.start(t)
		m := s.tried(t, s.first(t).ID, 1)
		if m.DeliveredAt != nil || !strings.HasPrefix(m.LastAnswer, "307") {
			t.Errorf("after a redirect it stands as %+v", m)
		}
		if n := len(elsewhere.letters()); n != 0 {
			t.Errorf("%d messages went elsewhere", n)
		}
	})
}

// A receiver that hangs keeps its own workers busy, and nobody else's.
func TestHangingReceiverHoldsUpNothingElse(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		s.deaf.Store(true)
		var hanging, most atomic.Int32
		ear.answers(func(_ http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), hanging.Add(1)))
			<-r.Context().Done()
			hanging.Add(-1)
		})
		for range 20 {
			s.Seller(t, 100*models.Yuan)
		}
		p := s.confirmed(t, "300")
		_, err := s.far.Pay(t.Context(), p.No, sandbox.FaultNotifyLost)
		must(t, err)
		first := s.first(t)
		s.start(t)
		eventually(t, "every worker of webhooks hangs", func() bool { return hanging.Load() == 4 })
		s.becomes(t, p, models.PaymentPaid)
		if n := most.Load(); n != 4 {
			t.Errorf("up to %d tasks hung at once", n)
		}
		eventually(t, "its patience ends", func() bool { return s.message(t, first.ID).Attempts > 0 })
		if m := s.message(t, first.ID); m.DeliveredAt != nil || !strings.Contains(m.LastAnswer, "Client.Timeout") {
			t.Errorf("after hanging it stands as %+v", m)
		}
		ear.answers(nil)
	})
}

func TestWebhookIsParkedAfterThreeDaysAndSentAgain(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		ear.answers(status(http.StatusInternalServerError, "no"))
		first := s.first(t)
		s.ahead.Store(int64(72 * time.Hour)) // the machine was off for three days
		s.start(t)
		eventually(t, "it is parked", func() bool { return s.webhooks(t) == models.WebhookCounts{Parked: 1} })
		eventually(t, "its task is done", func() bool { return s.count(t, "deliver_webhook", "completed") == 1 })
		if !s.log.has("a webhook is parked") || !s.log.has(first.MessageID) {
			t.Error("the log does not tell")
		}
		ear.answers(nil)
		must(t, s.ResendWebhook(t.Context(), models.Actor{}, first.ID))
		eventually(t, "it is delivered", func() bool { return s.message(t, first.ID).DeliveredAt != nil })
		if err := s.ResendWebhook(t.Context(), models.Actor{}, first.ID); models.CodeOf(err) != models.Conflict {
			t.Errorf("sent again once more: %v", err)
		}
		eventually(t, "its second task is done", func() bool { return s.count(t, "deliver_webhook", "completed") == 2 })
		letters := ear.letters()
		if len(letters) != 2 || letters[0].id() != first.MessageID || letters[1].id() != first.MessageID || s.count(t, "deliver_webhook", "") != 2 {
			t.Errorf("the receiver heard %d letters: %+v", len(letters), letters)
		}
	})
}

// A task may come twice, or after its message was forgotten.
func TestWebhookIsSentOnlyWhileItIsDue(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, ear *receiver) {
		s.start(t)
		eventually(t, "the first message is delivered", func() bool { return s.count(t, "deliver_webhook", "completed") == 1 })
		s.enqueue(t, models.DeliverWebhook{ID: s.first(t).ID}, models.DeliverWebhook{ID: 4711})
		eventually(t, "both tasks are over", func() bool {
			return s.count(t, "deliver_webhook", "completed") == 2 && s.count(t, "deliver_webhook", "cancelled") == 1
		})
		if n := len(ear.letters()); n != 1 {
			t.Errorf("the receiver heard %d messages", n)
		}
	})
}

// enqueue stores tasks that no command asked for.
func (s *shop) enqueue(t *testing.T, all ...models.DeliverWebhook) {
	t.Helper()
	tx, err := s.db.BeginTx(t.Context(), &sql.TxOptions{})
	must(t, err)
	tasks := make([]models.Task, len(all))
	for i, args := range all {
		tasks[i].Args = args
	}
	must(t, s.runner.Enqueue(t.Context(), tx, tasks))
	must(t, tx.Commit())
}

func TestOldWebhooksAreForgotten(t *testing.T) {
	eachTold(t, []string{secretOne}, func(t *testing.T, s *shop, _ *receiver) {
		first := s.first(t)
		_, err := s.WebhookTried(t.Context(), first.ID, true, "204")
		must(t, err)
		id, err := s.ReceiveNotify(t.Context(), models.RailAlipay, "203.0.113.7", "{}", []byte("nothing"))
		must(t, err)
		must(t, s.JudgeNotify(t.Context(), id, models.OutcomeRefused, "", "no signature"))
		s.ahead.Store(int64(91 * 24 * time.Hour))
		s.start(t)
		eventually(t, "it is forgotten", func() bool {
			_, err := s.Webhook(t.Context(), first.ID)
			return models.CodeOf(err) == models.NotFound
		})
		eventually(t, "the notify of nobody is forgotten", func() bool {
			rows, err := s.Notifies(t.Context(), "")
			return err == nil && len(rows) == 0
		})
	})
}

// What staff read of a failure holds no part of the address: a password may
// stand in it.
func TestUnreachableReceiverIsNamedWithoutItsAddress(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	for address, want := range map[string]string{
		gone.URL + "/hooks?password=hush": "connection refused",
		"":                                "no webhook address is set",
		"http://user:hush@" + gone.URL[len("http://"):]:   "connection refused",
		"http://[::1/hooks?password=hush":                 "missing ']'",
		"http://engine.invalid:99999/hooks?password=hush": "invalid port",
	} {
		s := newShop(t, models.SQLite, told, jobs.Options{Webhook: jobs.Webhook{URL: address, Secrets: []string{secretOne}}})
		s.start(t)
		m := s.tried(t, s.first(t).ID, 1)
		if !strings.Contains(m.LastAnswer, want) || strings.Contains(m.LastAnswer, "hush") || strings.Contains(m.LastAnswer, "hooks") {
			t.Errorf("%s: the answer is %q", address, m.LastAnswer)
		}
	}
}

func TestWebhookSecretsAreReadAtStart(t *testing.T) {
	t.Parallel()
	s := newShop(t, models.SQLite, told)
	const wrong = "whsec_hush hush"
	_, err := jobs.New(s.Store, s.rails, slog.New(slog.DiscardHandler), jobs.Options{Webhook: jobs.Webhook{URL: "http://engine.test", Secrets: []string{secretOne, wrong}}})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("a secret that is none gives %v", err)
	}
}
