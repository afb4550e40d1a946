package jobs_test

import (
	"fmt"
	"testing"
	"time"

	"ztc-portal/models"
)

// refund asks for a refund and has it approved by somebody else.
func (s *shop) refund(t *testing.T, p models.Payment, amount string) models.Refund {
	t.Helper()
	var staff [2]models.Actor
	for i := range staff {
		email := fmt.Sprintf("finance-%d@office.test", time.Now().UnixNano())
		_, err := s.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: "long enough", Role: models.RoleFinance})
		must(t, err)
		must(t, s.db.QueryRow("SELECT id FROM users WHERE email = $1", email).Scan(&staff[i].UserID))
	}
	a, err := s.AskApproval(t.Context(), staff[0], models.ApprovalInput{Kind: models.ApprovalRefund, PaymentNo: p.No, Amount: amount, Reason: "paid twice"})
	must(t, err)
	if a, err = s.Approve(t.Context(), staff[1], a.ID, ""); err != nil || a.State != models.ApprovalApproved {
		t.Fatal(a, err)
	}
	rows, err := s.RefundsOf(t.Context(), p.ID)
	must(t, err)
	return rows[len(rows)-1]
}

func (s *shop) refundIs(t *testing.T, r models.Refund, want models.RefundState) models.Refund {
	t.Helper()
	var o models.RefundOrder
	eventually(t, "the refund is "+string(want), func() bool {
		var err error
		o, err = s.RefundByNo(t.Context(), r.RequestNo)
		must(t, err)
		return o.Refund.State == want
	})
	return o.Refund
}

// An approved refund reaches the gateway by itself, and again after the gateway
// could not be reached: under one number, given back once.
func TestApprovedRefundIsSentUntilItsEnd(t *testing.T) {
	eachShop(t, func(*models.Rules) {}, func(t *testing.T, s *shop) {
		s.start(t)
		p := s.confirmed(t, "300")
		_, err := s.far.Pay(t.Context(), p.No, "none")
		must(t, err)
		s.becomes(t, p, models.PaymentPaid)
		s.far.CutOff(true)
		r := s.refund(t, p, "120")
		s.cash(t, 180*models.Yuan)
		eventually(t, "it was tried in vain", func() bool { return s.snoozed(t, "send_refund") > 0 })
		if sent := s.refundIs(t, r, models.RefundSent); sent.Attempts == 0 || sent.LastAnswer == "" {
			t.Errorf("it stands as %+v", sent)
		}
		s.far.CutOff(false)
		s.refundIs(t, r, models.RefundSettled)
		s.becomes(t, p, models.PaymentPartiallyRefunded)
		s.cash(t, 180*models.Yuan)
		if trade, err := s.far.Trade(t.Context(), p.No); err != nil || trade.RefundedFen != 120_00 {
			t.Errorf("the gateway gave back %d fen, %v", trade.RefundedFen, err)
		}
		eventually(t, "its task is done", func() bool { return s.count(t, "send_refund", "completed") == 1 })
	})
}

// A refund whose task was taken away by hand gets another, one however often it
// is looked for; one that has its task gets none.
func TestRefundWithoutATaskIsSentAllTheSame(t *testing.T) {
	eachShop(t, func(*models.Rules) {}, func(t *testing.T, s *shop) {
		p := s.confirmed(t, "300")
		_, err := s.far.Pay(t.Context(), p.No, "none")
		must(t, err)
		_, err = s.rails.Ask(t.Context(), p.No, "poll")
		must(t, err)
		r, other := s.refund(t, p, "120"), s.refund(t, p, "50")
		_, err = s.db.Exec("DELETE FROM river_job WHERE kind = 'send_refund' AND CAST(args AS TEXT) LIKE $1", "%"+r.RequestNo+"%")
		must(t, err)
		wait := func(want int) {
			t.Helper()
			must(t, s.ResumeRefunds(t.Context()))
			if n := s.count(t, "send_refund", "available"); n != want {
				t.Errorf("%d tasks send refunds, want %d", n, want)
			}
		}
		wait(1) // too soon to tell
		s.ahead.Store(int64(3 * time.Hour))
		wait(2)
		wait(2)
		s.start(t)
		s.refundIs(t, r, models.RefundSettled)
		s.refundIs(t, other, models.RefundSettled)
		if trade, err := s.far.Trade(t.Context(), p.No); err != nil || trade.RefundedFen != 170_00 {
			t.Errorf("the gateway gave back %d fen, %v", trade.RefundedFen, err)
		}
		s.Sound(t)
	})
}
