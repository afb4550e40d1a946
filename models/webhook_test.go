package models_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// eachTold runs a test on every engine, with an ad engine to tell by webhook.
func eachTold(t *testing.T, test func(*testing.T, *modelstest.Bench)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			test(t, modelstest.OpenWith(t, engine, func(rules *models.Rules) { rules.Webhooks = true }))
		})
	}
}

// told is a message's body as a receiver reads it.
type told struct {
	Type      string
	Timestamp time.Time
	Data      struct {
		Cursor    string
		Campaigns []models.ServingCampaign
	}
}

// messages reads the messages that were stored after the first so many.
func messages(t testing.TB, b *modelstest.Bench, after int) []models.WebhookMessage {
	t.Helper()
	var all []models.WebhookMessage
	for _, task := range tasksOf(b, "deliver_webhook")[after:] {
		m, err := b.Webhook(t.Context(), task.Args.(models.DeliverWebhook).ID)
		must(t, err)
		all = append(all, m)
	}
	return all
}

func bodyOf(t testing.TB, m models.WebhookMessage) (body told) {
	t.Helper()
	must(t, json.Unmarshal([]byte(m.Body), &body))
	return body
}

// message makes one message: a new campaign without money is out of funds.
func message(t testing.TB, b *modelstest.Bench) models.WebhookMessage {
	t.Helper()
	before := len(tasksOf(b, "deliver_webhook"))
	b.Seller(t, 100*yuan)
	made := messages(t, b, before)
	if len(made) != 1 {
		t.Fatalf("one campaign made %d messages", len(made))
	}
	return made[0]
}

func tried(t testing.TB, b *modelstest.Bench, id int64, delivered bool, answer string) time.Duration {
	t.Helper()
	wait, err := b.WebhookTried(t.Context(), id, delivered, answer)
	must(t, err)
	return wait
}

// parkedMessage is one whose last try, after three days, failed.
func parkedMessage(t testing.TB, b *modelstest.Bench) models.WebhookMessage {
	t.Helper()
	m := message(t, b)
	b.Clock.Add(3 * 24 * time.Hour)
	if wait := tried(t, b, m.ID, false, "503 down"); wait != 0 {
		t.Fatalf("after three days it is tried again in %v", wait)
	}
	return webhook(t, b, m.ID)
}

func webhook(t testing.TB, b *modelstest.Bench, id int64) models.WebhookMessage {
	t.Helper()
	m, err := b.Webhook(t.Context(), id)
	must(t, err)
	return m
}

func webhookDesk(t testing.TB, b *modelstest.Bench, k models.Keyset) models.WebhookDesk {
	t.Helper()
	d, err := b.WebhookDesk(t.Context(), k)
	must(t, err)
	return d
}

func TestWebhookTellsWhatTheFeedTells(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 100*yuan, 50*yuan)
		must(t, b.AnnounceServing(t.Context(), account)) // the ramp is over
		before, err := b.ServingCursor(t.Context())
		must(t, err)
		count := len(tasksOf(b, "deliver_webhook"))
		owe(t, b, account, campaigns[1], 20*yuan)
		made := messages(t, b, count)
		if len(made) != 1 {
			t.Fatalf("a charge that ran the account out of funds made %d messages", len(made))
		}
		since, cursor, err := b.ServingSince(t.Context(), before)
		must(t, err)
		body := bodyOf(t, made[0])
		if diff := cmp.Diff(since, body.Data.Campaigns); diff != "" || len(since) != 2 || body.Data.Cursor != models.CursorText(cursor) {
			t.Errorf("the feed ends at %d, the message at %s; they differ by %s", cursor, body.Data.Cursor, diff)
		}
		// The wire, byte by byte: a receiver is built on it.
		want := fmt.Sprintf(`{"type":"serving.changed","timestamp":"2026-11-24T07:00:00Z","data":{"cursor":"%d","campaigns":[`+
			`{"campaign_id":%d,"account_id":%d,"delivery_state":"out_of_funds","share_percent":0,"budget_left_fen":10000,"spendable_fen":0,"schedule":""},`+
			`{"campaign_id":%d,"account_id":%d,"delivery_state":"out_of_funds","share_percent":0,"budget_left_fen":0,"spendable_fen":0,"schedule":""}]}}`,
			cursor, campaigns[0], account, campaigns[1], account)
		if made[0].Body != want {
			t.Errorf("the body is  %s\nwant         %s", made[0].Body, want)
		}
		if id := made[0].MessageID; !strings.HasPrefix(id, "msg_") || len(id) != 30 || strings.ContainsAny(id, ". ") {
			t.Errorf("the message's id is %q", id)
		}
		must(t, b.AnnounceServing(t.Context(), account))
		if n := len(messages(t, b, count)); n != 1 {
			t.Errorf("looking again told %d things that are not new", n-1)
		}
	})
}

func TestNobodyIsToldWithoutAnAddress(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 100*yuan)
		owe(t, b, account, campaigns[0], 20*yuan)
		if n := len(tasksOf(b, "deliver_webhook")); n != 0 {
			t.Errorf("%d messages are to be sent", n)
		}
		if d := webhookDesk(t, b, models.Keyset{}); d.On || d.Counts != (models.WebhookCounts{}) || d.OldestAt != nil {
			t.Errorf("the desk shows %+v", d)
		}
		_, err := b.Webhook(t.Context(), 1)
		wantCode(t, err, models.NotFound)
	})
}

func TestMessageGoesWithItsTransaction(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		account, campaigns := running(t, b, 300*yuan, 100*yuan)
		counts := webhookDesk(t, b, models.Keyset{}).Counts
		cursor, err := b.ServingCursor(t.Context())
		must(t, err)
		gone := errors.New("the queue is gone")
		b.Queue.Fail = gone
		_, err = b.PostCharges(t.Context(), []models.Charge{click(b, "c1", campaigns[0], 400*yuan)})
		if !errors.Is(err, gone) {
			t.Fatalf("the charge gave %v", err)
		}
		b.Queue.Fail = nil
		if got := webhookDesk(t, b, models.Keyset{}).Counts; got != counts {
			t.Errorf("a charge that was rolled back left messages: %+v, before %+v", got, counts)
		}
		if after, err := b.ServingCursor(t.Context()); err != nil || after != cursor {
			t.Errorf("the feed moved from %d to %d, %v", cursor, after, err)
		}
		wantFunds(t, b, account, 300*yuan, 0)
		b.Charge(t, "c1", campaigns[0], 400*yuan)
		if got := webhookDesk(t, b, models.Keyset{}).Counts; got.Pending != counts.Pending+1 {
			t.Errorf("the charge that was booked left %+v, before %+v", got, counts)
		}
	})
}

// A change of more campaigns than a message holds is told by several; each
// cursor is the number of the last change that its message tells.
func TestBigChangesAreCutIntoMessages(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		const many = 501
		account, campaigns := b.Seller(t, slices.Repeat([]models.Fen{30 * yuan}, many)...)
		before, err := b.ServingCursor(t.Context())
		must(t, err)
		count := len(tasksOf(b, "deliver_webhook"))
		recharge(t, b, account, 1000*yuan)
		made := messages(t, b, count)
		if len(made) != 2 {
			t.Fatalf("%d campaigns made %d messages", many, len(made))
		}
		since, _, err := b.ServingSince(t.Context(), before)
		must(t, err)
		var all []models.ServingCampaign
		for i, want := range []int{500, 1} {
			body := bodyOf(t, made[i])
			all = append(all, body.Data.Campaigns...)
			if len(body.Data.Campaigns) != want || body.Data.Cursor != strconv.FormatInt(before+int64(len(all)), 10) {
				t.Errorf("message %d tells of %d and ends at %s; changes begin after %d", i, len(body.Data.Campaigns), body.Data.Cursor, before)
			}
		}
		if diff := cmp.Diff(since, all); diff != "" || all[0].CampaignID != campaigns[0] {
			t.Errorf("the messages differ from the feed: %s", diff)
		}
		if made[0].MessageID == made[1].MessageID {
			t.Error("two messages have one id")
		}
	})
}

func TestWebhookIsTriedForThreeDays(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		want := []time.Duration{
			5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour,
			6 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour,
			6 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour, 6 * time.Hour,
		}
		m := message(t, b)
		began := b.Clock.Now()
		var got []time.Duration
		for wait := tried(t, b, m.ID, false, "503"); wait > 0 && len(got) < 100; wait = tried(t, b, m.ID, false, "503") {
			if now := webhook(t, b, m.ID); now.ParkedAt != nil || now.DeliveredAt != nil || now.Attempts != len(got)+1 || !now.TriedAt.Equal(b.Clock.Now()) {
				t.Fatalf("between tries it stands as %+v", now)
			}
			got = append(got, wait)
			b.Clock.Add(wait)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the waits differ: %s", diff)
		}
		last := webhook(t, b, m.ID)
		if last.Attempts != 19 || last.ParkedAt == nil || !last.ParkedAt.Equal(b.Clock.Now()) || last.DeliveredAt != nil {
			t.Errorf("at last it stands as %+v", last)
		}
		if tried := b.Clock.Now().Sub(began); tried != 67*time.Hour+42*time.Minute+35*time.Second {
			t.Errorf("the last try was after %v", tried)
		}
	})
}

// The next try must lie within the three days, to the microsecond.
func TestWebhookIsParkedWhenTheNextTryWouldBeTooLate(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		const patience, first = 72 * time.Hour, 5 * time.Second
		for late, want := range map[time.Duration]time.Duration{0: first, time.Microsecond: 0} {
			m := message(t, b)
			b.Clock.Add(patience - first + late)
			if wait := tried(t, b, m.ID, false, "503"); wait != want {
				t.Errorf("%v late: the wait is %v, want %v", late, wait, want)
			}
			if parked := webhook(t, b, m.ID).ParkedAt != nil; parked != (want == 0) {
				t.Errorf("%v late: parked %v", late, parked)
			}
		}
	})
}

func TestWebhookKeepsTheLastAnswer(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		m := message(t, b)
		for answer, want := range map[string]string{
			"503 <b>down</b>": "503 <b>down</b>", "500 \xff\x00ill": "500 ill", "": "",
			strings.Repeat("x", 5000): strings.Repeat("x", 500), strings.Repeat("x", 499) + "\u5145": strings.Repeat("x", 499),
		} {
			tried(t, b, m.ID, false, answer)
			if got := webhook(t, b, m.ID).LastAnswer; got != want {
				t.Errorf("%.20q is kept as %.20q, %d bytes", answer, got, len(got))
			}
		}
		if wait := tried(t, b, m.ID, true, "204"); wait != 0 {
			t.Errorf("a delivered message waits %v", wait)
		}
		got := webhook(t, b, m.ID)
		if got.DeliveredAt == nil || !got.DeliveredAt.Equal(b.Clock.Now()) || got.LastAnswer != "204" || got.ParkedAt != nil {
			t.Errorf("delivered, it stands as %+v", got)
		}
		_, err := b.WebhookTried(t.Context(), m.ID+1000, true, "204")
		wantCode(t, err, models.NotFound)
	})
}

func TestResendWebhook(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		by := staff(t, b)
		wantCode(t, b.ResendWebhook(t.Context(), by, 4711), models.NotFound)
		parked, pending, delivered := parkedMessage(t, b), message(t, b), message(t, b)
		tried(t, b, delivered.ID, true, "204")
		for _, m := range []models.WebhookMessage{pending, delivered} {
			wantCode(t, b.ResendWebhook(t.Context(), by, m.ID), models.Conflict)
		}
		count := len(tasksOf(b, "deliver_webhook"))
		b.Clock.Add(time.Hour)
		must(t, b.ResendWebhook(t.Context(), by, parked.ID))
		wantCode(t, b.ResendWebhook(t.Context(), by, parked.ID), models.Conflict)
		again := messages(t, b, count)
		if len(again) != 1 || again[0].ID != parked.ID || again[0].MessageID != parked.MessageID || again[0].Body != parked.Body {
			t.Fatalf("on its way again are %+v", again)
		}
		if again[0].ParkedAt != nil || again[0].Attempts != 0 || !again[0].CreatedAt.Equal(b.Clock.Now()) {
			t.Errorf("it stands as %+v", again[0])
		}
		if wait := tried(t, b, parked.ID, false, "503"); wait != 5*time.Second {
			t.Errorf("its second three days begin with a wait of %v", wait)
		}
		acts := audits(t, b, "webhook.resend")
		want := []string{fmt.Sprintf("%d webhook:%d 192.0.2.9 parked sending", by.UserID, parked.ID)}
		if diff := cmp.Diff(want, acts); diff != "" {
			t.Errorf("the audit trail: %s", diff)
		}
	})
}

// audits are the acts of a kind on the trail: who, on what, from where, before, after.
func audits(t testing.TB, b *modelstest.Bench, action string) (acts []string) {
	t.Helper()
	db, err := b.Handle()
	must(t, err)
	rows, err := db.QueryContext(t.Context(), `SELECT user_id, subject, address, "before", "after" FROM audit_log WHERE action = $1 ORDER BY id`, action)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var user int64
		var subject, address, before, after string
		must(t, rows.Scan(&user, &subject, &address, &before, &after))
		acts = append(acts, fmt.Sprintf("%d %s %s %s %s", user, subject, address, before, after))
	}
	must(t, rows.Err())
	return acts
}

func TestDeliveredWebhooksAreForgottenAfterAMonth(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		parked, delivered, pending := parkedMessage(t, b), message(t, b), message(t, b)
		tried(t, b, delivered.ID, true, "204")
		b.Clock.Add(30 * 24 * time.Hour)
		must(t, b.DropOldWebhooks(t.Context()))
		webhook(t, b, delivered.ID) // a month is not over until it is
		b.Clock.Add(time.Microsecond)
		must(t, b.DropOldWebhooks(t.Context()))
		_, err := b.Webhook(t.Context(), delivered.ID)
		wantCode(t, err, models.NotFound)
		webhook(t, b, parked.ID)
		webhook(t, b, pending.ID)
	})
}

func TestWebhookDesk(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		if d := webhookDesk(t, b, models.Keyset{}); !d.On || len(d.Parked) != 0 || d.Counts != (models.WebhookCounts{}) || d.OldestAt != nil {
			t.Errorf("with nothing to show it shows %+v", d)
		}
		b.Seller(t, 100*yuan, 50*yuan) // two messages of one campaign each
		first := b.Clock.Now()
		b.Clock.Add(3 * 24 * time.Hour)
		var ids []int64
		for _, task := range tasksOf(b, "deliver_webhook") {
			ids = append(ids, task.Args.(models.DeliverWebhook).ID)
			tried(t, b, ids[len(ids)-1], false, "500 <oops>")
		}
		parkedAt := b.Clock.Now()
		pending := message(t, b)
		d := webhookDesk(t, b, models.Keyset{})
		if d.Counts != (models.WebhookCounts{Parked: 2, Pending: 1}) || d.OldestAt == nil || !d.OldestAt.Equal(pending.CreatedAt) {
			t.Errorf("it counts %+v, the oldest since %v", d.Counts, d.OldestAt)
		}
		want := models.ParkedWebhook{
			ID: ids[1], MessageID: webhook(t, b, ids[1]).MessageID, ChangedAt: first, ParkedAt: parkedAt,
			Attempts: 1, LastAnswer: "500 <oops>", Campaigns: 1, Accounts: 1,
		}
		if len(d.Parked) != 2 || d.Parked[1].ID != ids[0] || !cmp.Equal(want, d.Parked[0]) {
			t.Errorf("parked are %+v, the first should be %+v", d.Parked, want)
		}
		// Sent anew, the old one has waited least.
		b.Clock.Add(time.Minute)
		must(t, b.ResendWebhook(t.Context(), staff(t, b), ids[0]))
		d = webhookDesk(t, b, models.Keyset{})
		if d.Counts != (models.WebhookCounts{Parked: 1, Pending: 2}) || !d.OldestAt.Equal(pending.CreatedAt) {
			t.Errorf("it counts %+v, the oldest since %v, want %v", d.Counts, d.OldestAt, pending.CreatedAt)
		}
		figures, err := b.Figures(t.Context())
		if err != nil || figures.Webhooks != d.Counts {
			t.Errorf("the figures count %+v, %v", figures.Webhooks, err)
		}
	})
}

func TestWebhookDeskCountsWhatAMessageTellsOf(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t, 100*yuan, 50*yuan, 40*yuan)
		count := len(tasksOf(b, "deliver_webhook"))
		recharge(t, b, account, 300*yuan)
		m := messages(t, b, count)[0]
		b.Clock.Add(3 * 24 * time.Hour)
		tried(t, b, m.ID, false, "")
		d := webhookDesk(t, b, models.Keyset{})
		if len(d.Parked) != 1 || d.Parked[0].Campaigns != 3 || d.Parked[0].Accounts != 1 {
			t.Errorf("a message of three campaigns of one account shows as %+v", d.Parked)
		}
	})
}

func TestWebhookDeskInPages(t *testing.T) {
	eachTold(t, func(t *testing.T, b *modelstest.Bench) {
		b.Seller(t, slices.Repeat([]models.Fen{30 * yuan}, models.PageSize+1)...)
		b.Clock.Add(3 * 24 * time.Hour)
		for _, m := range messages(t, b, 0) {
			tried(t, b, m.ID, false, "503")
		}
		newest := webhookDesk(t, b, models.Keyset{})
		if len(newest.Parked) != models.PageSize || newest.Page.Newer != 0 || newest.Page.Older == 0 {
			t.Fatalf("the newest page has %d, then %+v", len(newest.Parked), newest.Page)
		}
		oldest := webhookDesk(t, b, models.Keyset{Before: newest.Page.Older})
		if len(oldest.Parked) != 1 || oldest.Page.Older != 0 || oldest.Parked[0].ID >= newest.Parked[models.PageSize-1].ID {
			t.Fatalf("the oldest page has %d, then %+v", len(oldest.Parked), oldest.Page)
		}
		back := webhookDesk(t, b, models.Keyset{After: oldest.Page.Newer})
		if !cmp.Equal(back.Parked, newest.Parked) {
			t.Error("the way back leads elsewhere")
		}
	})
}
