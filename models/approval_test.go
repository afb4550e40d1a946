package models_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// office is one member of staff of each role, and a second of finance.
type office struct{ support, finance, other, admin models.Actor }

func newOffice(t testing.TB, b *modelstest.Bench) office {
	t.Helper()
	hire := func(role models.Role) models.Actor {
		email := fmt.Sprintf("staff-%d@office.test", time.Now().UnixNano())
		_, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: "long enough", Role: role})
		must(t, err)
		db, err := b.Handle()
		must(t, err)
		actor := models.Actor{Address: "10.0.0.1"}
		must(t, db.QueryRowContext(t.Context(), "SELECT id FROM users WHERE email = $1", email).Scan(&actor.UserID))
		return actor
	}
	return office{hire(models.RoleSupport), hire(models.RoleFinance), hire(models.RoleFinance), hire(models.RoleAdmin)}
}

const why = "paid twice by mistake"

func adjustment(account int64, amount, direction string) models.ApprovalInput {
	return models.ApprovalInput{Kind: models.ApprovalAdjustment, AccountID: account, Amount: amount, Direction: direction, Reason: why}
}

func freezing(account int64) models.ApprovalInput {
	return models.ApprovalInput{Kind: models.ApprovalFreeze, AccountID: account, Reason: why}
}

func refunding(p models.Payment, amount string) models.ApprovalInput {
	return models.ApprovalInput{Kind: models.ApprovalRefund, PaymentNo: p.No, Amount: amount, Reason: why}
}

func transfer(account int64, amount, reference string) models.ApprovalInput {
	return models.ApprovalInput{Kind: models.ApprovalBankTransfer, AccountID: account, Amount: amount, Reference: reference, PaidOn: "2026-11-23", Reason: why}
}

func ask(t testing.TB, b *modelstest.Bench, by models.Actor, in models.ApprovalInput) models.Approval {
	t.Helper()
	a, err := b.AskApproval(t.Context(), by, in)
	must(t, err)
	if a.State != models.ApprovalOpen {
		t.Fatalf("asked: %+v", a)
	}
	return a
}

func approve(t testing.TB, b *modelstest.Bench, by models.Actor, a models.Approval, want models.ApprovalState) models.Approval {
	t.Helper()
	a, err := b.Approve(t.Context(), by, a.ID, "")
	must(t, err)
	if a.State != want {
		t.Fatalf("approved, it is %s (%s), want %s", a.State, a.Note, want)
	}
	return a
}

// refunded asks for a refund and has it approved; the request no is given.
func refunded(t testing.TB, b *modelstest.Bench, o office, p models.Payment, amount string) models.Refund {
	t.Helper()
	approve(t, b, o.other, ask(t, b, o.finance, refunding(p, amount)), models.ApprovalApproved)
	rows, err := b.RefundsOf(t.Context(), p.ID)
	must(t, err)
	return rows[len(rows)-1]
}

func TestWhatIsApprovedIsDoneOnce(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t, 100*yuan)
		p := recharge(t, b, account, 500*yuan)
		run := func(in models.ApprovalInput) {
			t.Helper()
			a := ask(t, b, o.finance, in)
			if again := ask(t, b, o.finance, in); again.ID != a.ID {
				t.Errorf("%s: asked twice it stands twice", in.Kind)
			}
			approve(t, b, o.other, a, models.ApprovalApproved)
			approve(t, b, o.admin, a, models.ApprovalApproved) // a no-op
		}
		run(adjustment(account, "12.50", "add"))
		wantFunds(t, b, account, 512_50, 0)
		run(adjustment(account, "600", "take"))
		wantFunds(t, b, account, -87_50, 0)
		wantAccount(t, b, account, models.AccountArrears)
		run(models.ApprovalInput{Kind: models.ApprovalBonusGrant, AccountID: account, Amount: "30", Reason: why})
		wantFunds(t, b, account, -87_50, 3000)
		run(transfer(account, "1,000", " ab 123456 "))
		wantFunds(t, b, account, 912_50, 3000)
		wantAccount(t, b, account, models.AccountActive)
		run(freezing(account))
		frozen := wantAccount(t, b, account, models.AccountFrozen)
		recharge(t, b, account, 300*yuan)
		if again := wantAccount(t, b, account, models.AccountFrozen); !again.FrozenAt.Equal(*frozen.FrozenAt) {
			t.Error("money moved the freeze")
		}
		wantDelivery(t, b, account, models.DeliveryFrozen)
		run(models.ApprovalInput{Kind: models.ApprovalUnfreeze, AccountID: account, Reason: why})
		wantAccount(t, b, account, models.AccountActive)
		wantDelivery(t, b, account, models.DeliveryRecovering)
		run(refunding(p, "100"))
		wantFunds(t, b, account, 1112_50, 3000)
		if n := len(tasksOf(b, "send_refund")); n != 1 {
			t.Errorf("%d tasks send the refund", n)
		}
		b.Sound(t)
	})
}

func TestNobodyApprovesTheirOwn(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		for _, asker := range []models.Actor{o.finance, o.admin} {
			a := ask(t, b, asker, adjustment(account, "10", "add"))
			_, err := b.Approve(t.Context(), asker, a.ID, "")
			wantCode(t, err, models.Forbidden)
			_, err = b.RefuseApproval(t.Context(), asker, a.ID, "changed my mind")
			wantCode(t, err, models.Forbidden)
			_, err = b.WithdrawApproval(t.Context(), o.other, a.ID)
			wantCode(t, err, models.Forbidden)
			_, err = b.Approve(t.Context(), o.support, a.ID, "")
			wantCode(t, err, models.Forbidden)
			db, err := b.Handle()
			must(t, err)
			for _, set := range []string{
				"state = 'approved', decided_by = asked_by, decided_at = asked_at",
				"state = 'failed', decided_by = asked_by, decided_at = asked_at",
				"state = 'refused', note = 'no', decided_by = asked_by, decided_at = asked_at",
				fmt.Sprintf("state = 'withdrawn', decided_by = %d, decided_at = asked_at", o.other.UserID),
				"state = 'approved'", "amount_fen = 2", "reason = 'another one'", fmt.Sprintf("asked_by = %d", o.other.UserID),
			} {
				if _, err := db.ExecContext(t.Context(), "UPDATE approvals SET "+set+" WHERE id = $1", a.ID); err == nil {
					t.Errorf("the database takes %s", set)
				}
			}
			if _, err := db.ExecContext(t.Context(), "DELETE FROM approvals WHERE id = $1", a.ID); err == nil {
				t.Error("the database drops a request")
			}
			approve(t, b, o.other, a, models.ApprovalApproved)
			if _, err := db.ExecContext(t.Context(), "UPDATE approvals SET note = 'otherwise' WHERE id = $1", a.ID); err == nil {
				t.Error("the database changes what was decided")
			}
		}
		wantFunds(t, b, account, 20*yuan, 0)
	})
}

// The table of limits, cell by cell.
func TestLimitsByRole(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 500*yuan)
		inputs := map[models.ApprovalKind]models.ApprovalInput{
			models.ApprovalRefund: refunding(p, "1"), models.ApprovalAdjustment: adjustment(account, "1", "add"),
			models.ApprovalBonusGrant:   {Kind: models.ApprovalBonusGrant, AccountID: account, Amount: "1", Reason: why},
			models.ApprovalBankTransfer: transfer(account, "1", "REF-0001"), models.ApprovalFreeze: freezing(account),
		}
		for kind, in := range inputs {
			_, err := b.AskApproval(t.Context(), o.support, in)
			if kind == models.ApprovalFreeze {
				must(t, err)
			} else {
				wantCode(t, err, models.Forbidden)
			}
			ask(t, b, o.finance, in)
			ask(t, b, o.admin, in)
			_, err = b.AskApproval(t.Context(), models.Actor{UserID: 0}, in)
			wantCode(t, err, models.NotFound)
		}
		for _, c := range []struct {
			by     models.Actor
			amount string
			fits   bool
		}{{o.finance, "500000", true}, {o.finance, "500000.01", false}, {o.admin, "5000000", true}, {o.admin, "5000000.01", false}} {
			for _, direction := range []string{"add", "take"} {
				_, err := b.AskApproval(t.Context(), c.by, adjustment(account, c.amount, direction))
				if c.fits {
					must(t, err)
				} else {
					wantField(t, err, "amount", "error.approval.ask_limit")
				}
			}
		}
		for _, c := range []struct {
			amount string
			by     models.Actor
			fits   bool
		}{{"50000", o.other, true}, {"50000.01", o.other, false}, {"500000", o.admin, true}} {
			for _, direction := range []string{"add", "take"} {
				a := ask(t, b, o.finance, adjustment(account, c.amount, direction))
				_, err := b.Approve(t.Context(), c.by, a.ID, "")
				if c.fits {
					must(t, err)
				} else {
					wantCode(t, err, models.Forbidden)
				}
			}
		}
		wantFunds(t, b, account, 500*yuan, 0)
		b.Sound(t)
	})
}

func TestAskingIsRefusedFieldByField(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 500*yuan)
		pending := b.Pending(t, account, "700")
		with := func(in models.ApprovalInput, change func(*models.ApprovalInput)) models.ApprovalInput {
			change(&in)
			return in
		}
		for name, c := range map[string]struct {
			in         models.ApprovalInput
			field, key string
		}{
			"no amount":         {adjustment(account, "", "add"), "amount", "error.amount.empty"},
			"zero":              {adjustment(account, "0", "add"), "amount", "error.amount.zero"},
			"below zero":        {adjustment(account, "-5", "add"), "amount", "error.amount.negative"},
			"no direction":      {adjustment(account, "5", ""), "direction", "error.direction.empty"},
			"short reason":      {with(adjustment(account, "5", "add"), func(in *models.ApprovalInput) { in.Reason = " 退款吧  " }), "reason", "error.reason.too_short"},
			"long reason":       {with(freezing(account), func(in *models.ApprovalInput) { in.Reason = fmt.Sprintf("%0501d", 1) }), "reason", "error.reason.too_long"},
			"over what is paid": {refunding(p, "500.01"), "amount", "error.refund.over_paid"},
			"not paid":          {refunding(pending, "1"), "amount", "error.refund.not_paid"},
			"no bank number":    {transfer(account, "5", "?"), "reference", "error.reference.malformed"},
			"no day":            {with(transfer(account, "5", "REF-0001"), func(in *models.ApprovalInput) { in.PaidOn = "yesterday" }), "paid_on", "error.day.malformed"},
			"tomorrow":          {with(transfer(account, "5", "REF-0001"), func(in *models.ApprovalInput) { in.PaidOn = "2026-11-25" }), "paid_on", "error.day.not_begun"},
			"not frozen":        {with(freezing(account), func(in *models.ApprovalInput) { in.Kind = models.ApprovalUnfreeze }), "reason", "error.account.not_frozen"},
		} {
			t.Run(name, func(t *testing.T) {
				_, err := b.AskApproval(t.Context(), o.finance, c.in)
				wantField(t, err, c.field, c.key)
				_, err = b.PreviewApproval(t.Context(), o.finance, c.in)
				wantField(t, err, c.field, c.key)
			})
		}
		for _, in := range []models.ApprovalInput{adjustment(4711, "5", "add"), refunding(models.Payment{No: "R26112400000000000000"}, "5"), {Kind: models.ApprovalSuspenseClear, SuspenseID: 4711, Reason: why}} {
			_, err := b.AskApproval(t.Context(), o.finance, in)
			wantCode(t, err, models.NotFound)
		}
		if n, err := b.OpenApprovals(t.Context()); err != nil || n != 0 {
			t.Errorf("%d requests were stored, %v", n, err)
		}
		_, err := b.RefuseApproval(t.Context(), o.other, 1, "no")
		wantField(t, err, "note", "error.reason.too_short")
	})
}

// What held when it was asked for is looked at again when it is approved.
func TestApprovalThatDoesNotHoldAnyMoreFails(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, campaigns := b.Seller(t, 1000*yuan)
		other, _ := b.Seller(t)
		p := recharge(t, b, account, 500*yuan)
		big, small := ask(t, b, o.finance, refunding(p, "450")), ask(t, b, o.finance, refunding(p, "60"))
		one, two := ask(t, b, o.finance, transfer(account, "300", "REF-0001")), ask(t, b, o.finance, transfer(other, "300", "ref-0001"))
		first, second := ask(t, b, o.finance, freezing(account)), ask(t, b, o.support, freezing(account))
		b.Charge(t, "c1", campaigns[0], 60*yuan)
		if failed := approve(t, b, o.admin, big, models.ApprovalFailed); failed.Note != "error.refund.over_cash" || *failed.DecidedBy != o.admin.UserID {
			t.Errorf("failed: %+v", failed)
		}
		approve(t, b, o.admin, small, models.ApprovalApproved)
		approve(t, b, o.admin, one, models.ApprovalApproved)
		approve(t, b, o.admin, two, models.ApprovalFailed)
		approve(t, b, o.admin, first, models.ApprovalApproved)
		approve(t, b, o.admin, second, models.ApprovalFailed)
		approve(t, b, o.other, two, models.ApprovalFailed) // stays so
		wantFunds(t, b, account, 680*yuan, 0)
		wantFunds(t, b, other, 0, 0)
		_, err := b.AskApproval(t.Context(), o.finance, transfer(other, "1", "REF-0001"))
		wantField(t, err, "reference", "error.reference.used")
		b.Sound(t)
	})
}

// A preview is the act itself, rolled back: it names what the act then does, and
// leaves nothing.
func TestPreviewAndActDoNotDiffer(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t, 100*yuan, 200*yuan)
		p := recharge(t, b, account, 500*yuan)
		tasks := len(b.Queue.Tasks())
		stands := models.AccountStanding{State: models.AccountActive, Funds: models.Funds{Cash: 500 * yuan}, Serving: 2}
		for _, c := range []struct {
			in   models.ApprovalInput
			want models.AccountStanding
		}{
			{refunding(p, "500"), models.AccountStanding{State: models.AccountActive}},
			{adjustment(account, "501", "take"), models.AccountStanding{State: models.AccountArrears, Funds: models.Funds{Cash: -1 * yuan}}},
			{freezing(account), models.AccountStanding{State: models.AccountFrozen, Funds: models.Funds{Cash: 500 * yuan}}},
			{transfer(account, "100", "REF-0001"), models.AccountStanding{State: models.AccountActive, Funds: models.Funds{Cash: 600 * yuan}, Serving: 2}},
		} {
			got, err := b.PreviewApproval(t.Context(), o.finance, c.in)
			if err != nil || got.AccountID != account || got.Before != stands || got.After != c.want {
				t.Errorf("%s: %+v, %v", c.in.Kind, got, err)
			}
		}
		if n, err := b.OpenApprovals(t.Context()); err != nil || n != 0 || len(b.Queue.Tasks()) != tasks {
			t.Errorf("the previews left %d requests, %d tasks", n, len(b.Queue.Tasks())-tasks)
		}
		wantFunds(t, b, account, 500*yuan, 0)
		a := ask(t, b, o.finance, refunding(p, "500"))
		got, err := b.PreviewDecision(t.Context(), o.other, a.ID)
		if err != nil || got.Before != stands || got.After != (models.AccountStanding{State: models.AccountActive}) {
			t.Errorf("before the decision: %+v, %v", got, err)
		}
		approve(t, b, o.other, a, models.ApprovalApproved)
		wantFunds(t, b, account, 0, 0)
		wantDelivery(t, b, account, models.DeliveryOutOfFunds, models.DeliveryOutOfFunds)
		_, err = b.PreviewDecision(t.Context(), o.other, a.ID)
		wantCode(t, err, models.Conflict)
		b.Sound(t)
	})
}

// Of those who decide at once, exactly one wins, and all are told the same.
func TestOneDecisionUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		var want models.Fen
		for round := range 8 {
			a := ask(t, b, o.finance, adjustment(account, fmt.Sprint(round+1), "add"))
			var deciding sync.WaitGroup
			ends := make([]models.ApprovalState, 9)
			for i := range ends {
				deciding.Go(func() {
					var got models.Approval
					var err error
					switch i % 4 {
					case 0, 1:
						got, err = b.Approve(t.Context(), []models.Actor{o.other, o.admin}[i%2], a.ID, "")
					case 2:
						got, err = b.RefuseApproval(t.Context(), o.admin, a.ID, "not convincing")
					case 3:
						got, err = b.WithdrawApproval(t.Context(), o.finance, a.ID)
					}
					if err != nil {
						t.Error(err)
					}
					ends[i] = got.State
				})
			}
			deciding.Wait()
			for _, end := range ends {
				if end != ends[0] || end == models.ApprovalOpen {
					t.Fatalf("they were told %v", ends)
				}
			}
			if ends[0] == models.ApprovalApproved {
				want += models.Fen(round+1) * yuan
			}
		}
		wantFunds(t, b, account, want, 0)
		b.Sound(t)
	})
}

func TestApprovalAndItsEffectStandOrFallTogether(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		p := recharge(t, b, account, 500*yuan)
		a := ask(t, b, o.finance, refunding(p, "200"))
		b.Queue.Fail = fmt.Errorf("the queue is gone")
		if _, err := b.Approve(t.Context(), o.other, a.ID, ""); err == nil {
			t.Fatal("approved without its task")
		}
		b.Queue.Fail = nil
		wantFunds(t, b, account, 500*yuan, 0)
		if d, err := b.ApprovalDesk(t.Context(), o.other, a.ID); err != nil || d.State != models.ApprovalOpen || !d.MayDecide {
			t.Errorf("it stands as %+v, %v", d, err)
		}
		if rows, err := b.RefundsOf(t.Context(), p.ID); err != nil || len(rows) != 0 {
			t.Errorf("left is %+v, %v", rows, err)
		}
		approve(t, b, o.other, a, models.ApprovalApproved)
		wantFunds(t, b, account, 300*yuan, 0)
		b.Sound(t)
	})
}

func TestSuspenseIsClearedOnce(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		o := newOffice(t, b)
		account, _ := b.Seller(t)
		park := func(no string) int64 {
			if got := settle(t, b, models.Receipt{Rail: models.RailAlipay, OutTradeNo: "R26112400000000000000", GatewayTradeNo: no, State: models.TradePaid,
				AmountFen: 77 * yuan, Currency: "CNY", Payee: modelstest.Payee, PaidAt: b.Clock.Now(), Confirmed: true}); got != models.OutcomeSuspense {
				t.Fatal(got)
			}
			db, err := b.Handle()
			must(t, err)
			var id int64
			must(t, db.QueryRowContext(t.Context(), "SELECT id FROM suspense_items WHERE gateway_trade_no = $1", no).Scan(&id))
			return id
		}
		clear := func(id int64, to string) models.ApprovalInput {
			return models.ApprovalInput{Kind: models.ApprovalSuspenseClear, SuspenseID: id, To: to, Reason: why}
		}
		ours, theirs := park("trade-1"), park("trade-2")
		_, err := b.AskApproval(t.Context(), o.finance, clear(ours, "4711"))
		wantField(t, err, "to", "error.account.unknown")
		in, back := ask(t, b, o.finance, clear(ours, fmt.Sprint(account))), ask(t, b, o.finance, clear(ours, ""))
		approve(t, b, o.other, in, models.ApprovalApproved)
		approve(t, b, o.other, back, models.ApprovalFailed)
		wantFunds(t, b, account, 77*yuan, 0)
		if left := suspense(t, b); left != 77*yuan {
			t.Errorf("%d fen are left in suspense", left)
		}
		approve(t, b, o.other, ask(t, b, o.finance, clear(theirs, "")), models.ApprovalApproved)
		if left := suspense(t, b); left != 0 {
			t.Errorf("%d fen are left in suspense", left)
		}
		wantFunds(t, b, account, 77*yuan, 0)
		_, err = b.AskApproval(t.Context(), o.finance, clear(theirs, ""))
		wantField(t, err, "reason", "error.suspense.cleared")
		b.Sound(t)
	})
}
