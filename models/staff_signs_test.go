package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
)

// The signs of a payment's page, each by the facts that make it.
func TestPaymentSigns(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	late, soon := now.Add(-time.Minute), now.Add(time.Minute)
	pending := models.Payment{State: models.PaymentPending, ConfirmedAt: &late, ExpiresAt: &soon}
	paid := models.Payment{State: models.PaymentPaid, ConfirmedAt: &late, ExpiresAt: &soon}
	answer := func(by, what string) models.GatewayAnswer {
		return models.GatewayAnswer{Finding: models.Finding{AskedBy: by, Answer: what}}
	}
	heard := models.Notice{Verdict: "settled"}
	over := pending
	over.ExpiresAt, over.CheckingSince = &late, &late
	lateMoney := paid
	lateMoney.PaidLate = true
	for _, c := range []struct {
		name string
		desk models.StaffPaymentDesk
		want string
	}{
		{"draft", models.StaffPaymentDesk{Payment: models.Payment{State: models.PaymentDraft}}, "draft"},
		{"new", models.StaffPaymentDesk{Payment: pending}, "silent never_asked"},
		{"asked", models.StaffPaymentDesk{Payment: pending, Answers: []models.GatewayAnswer{answer("poll", "unavailable"), answer("poll", "waiting")}}, "silent unpaid"},
		{"down", models.StaffPaymentDesk{Payment: over, Answers: []models.GatewayAnswer{answer("poll", "unavailable")}}, "checking overdue silent"},
		{"put off", models.StaffPaymentDesk{Payment: pending, Notifies: []models.Notice{{Verdict: "ask_gateway"}}}, "unsettled never_asked"},
		{"claimed", models.StaffPaymentDesk{Payment: pending, Notifies: []models.Notice{{Verdict: "refused", Unverified: true}}}, "refused silent never_asked"},
		{"well", models.StaffPaymentDesk{Payment: paid, Notifies: []models.Notice{heard}}, "agree"},
		{"repaired", models.StaffPaymentDesk{Payment: paid, Answers: []models.GatewayAnswer{answer("staff", "settled")}}, "unheard agree"},
		{"disagreed", models.StaffPaymentDesk{Payment: paid, Notifies: []models.Notice{heard}, Answers: []models.GatewayAnswer{answer("notify", "settled")}}, "disagreed agree"},
		{"late", models.StaffPaymentDesk{Payment: lateMoney, Notifies: []models.Notice{heard}}, "late agree"},
		{"twice", models.StaffPaymentDesk{Payment: paid, Notifies: []models.Notice{heard}, ResumedBy: models.Sibling{State: models.PaymentPaid}}, "twice"},
		{"held", models.StaffPaymentDesk{Payment: paid, Notifies: []models.Notice{heard}, Held: []models.Held{{}}}, "held"},
		{"cleared", models.StaffPaymentDesk{Payment: paid, Notifies: []models.Notice{heard}, Held: []models.Held{{ClearedAt: &late}}}, "agree"},
	} {
		c.desk.Now = now
		if got := strings.Trim(fmt.Sprint(c.desk.Signs()), "[]"); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// Which answers of the gateway's go together with which of our states.
func TestAnswersBesideOurState(t *testing.T) {
	t.Parallel()
	facts := &models.TradeFacts{State: models.TradeWaiting}
	for _, c := range []struct {
		ours   models.PaymentState
		answer string
		facts  *models.TradeFacts
		theirs models.TradeState
		agree  bool
	}{
		{models.PaymentPending, "not_exist", nil, models.TradeNotExist, true},
		{models.PaymentPending, "not_paid", facts, models.TradeWaiting, true},
		{models.PaymentPending, "not_paid", nil, models.TradeNotExist, true},
		{models.PaymentPending, "closed", nil, models.TradeClosed, false},
		{models.PaymentPending, "unavailable", nil, models.TradeUnknown, false},
		{models.PaymentPaid, "settled", nil, models.TradePaid, true},
		{models.PaymentPaid, "settled_late", nil, models.TradePaid, true},
		{models.PaymentPaid, "not_exist", nil, models.TradeNotExist, false},
		{models.PaymentFailed, "suspense", nil, models.TradePaid, false},
		{models.PaymentExpired, "closed", nil, models.TradeClosed, true},
		{models.PaymentCancelled, "waiting", facts, models.TradeWaiting, false},
		{models.PaymentRefunded, "closed", nil, models.TradeClosed, true},
		{models.PaymentPartiallyRefunded, "already_settled", nil, models.TradePaid, true},
	} {
		got := models.GatewayAnswer{Finding: models.Finding{Answer: c.answer}, Facts: c.facts}.Trade()
		if got != c.theirs || c.ours.Agrees(got) != c.agree {
			t.Errorf("%s beside %s is %s, agreeing %v", c.ours, c.answer, got, c.ours.Agrees(got))
		}
	}
}
