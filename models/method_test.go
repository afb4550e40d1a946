package models_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// failing are rails that fail, and when each is tried again.
type failing map[models.Rail]time.Time

func (f failing) TryAgainAt(rail models.Rail) time.Time { return f[rail] }

// fourMethods are all of them, each with limits of its own, in no order.
func fourMethods() []models.Method {
	return []models.Method{
		models.NewMethod(models.RailBankTransfer, 1000*yuan, 5_000_000*yuan),
		models.NewMethod(models.RailWechat, 100*yuan, 50_000*yuan),
		models.NewMethod(models.RailUnionpay, 200*yuan, 500_000*yuan),
		models.NewMethod(models.RailAlipay, 200*yuan, 100_000*yuan),
	}
}

func railsOf(methods []models.Method) (rails []models.Rail) {
	for _, m := range methods {
		rails = append(rails, m.Rail)
	}
	return rails
}

func TestMethodsAreThoseConfiguredTheLastUsedFirst(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		if diff := cmp.Diff([]models.Rail{models.RailAlipay}, railsOf(desk(t, b, account).Methods)); diff != "" {
			t.Errorf("where nobody says: %s", diff)
		}
		b.SetMethods(nil, fourMethods()...)
		fixed := []models.Rail{models.RailAlipay, models.RailWechat, models.RailUnionpay, models.RailBankTransfer}
		if diff := cmp.Diff(fixed, railsOf(desk(t, b, account).Methods)); diff != "" {
			t.Errorf("nothing used yet: %s", diff)
		}
		draft, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300", Method: "unionpay"})
		must(t, err)
		_, err = b.ConfirmPayment(t.Context(), account, draft.No, modelstest.Payee)
		must(t, err)
		last := []models.Rail{models.RailUnionpay, models.RailAlipay, models.RailWechat, models.RailBankTransfer}
		methods := desk(t, b, account).Methods
		if diff := cmp.Diff(last, railsOf(methods)); diff != "" {
			t.Errorf("unionpay used last: %s", diff)
		}
		if m := methods[0]; m.Fee != "method.fee.unionpay" || m.Speed != "method.speed.unionpay" || m.Max != 500_000*yuan || !m.IsOpen() {
			t.Errorf("it is offered as %+v", m)
		}
		if diff := cmp.Diff(fixed, railsOf(b.Methods())); diff != "" {
			t.Errorf("one seller's last method moved everybody's: %s", diff)
		}
	})
}

func TestLimitsOfEachMethodAndWhichOtherTakesTheAmount(t *testing.T) {
	methods := fourMethods()
	methods[3].TryAgainAt = time.Now() // Alipay fails
	for _, c := range []struct {
		method, amount string
		field, key     string
		other          models.Rail
	}{
		{method: "wechat", amount: "100"},
		{method: "wechat", amount: "99.99", field: "amount", key: "error.amount.too_small"},
		{method: "wechat", amount: "50000"},
		{method: "wechat", amount: "50000.01", field: "amount", key: "error.amount.too_large_for", other: models.RailBankTransfer},
		{method: "unionpay", amount: "500000.01", field: "amount", key: "error.amount.too_large_for", other: models.RailBankTransfer},
		{method: "bank_transfer", amount: "5000000.01", field: "amount", key: "error.amount.too_large"},
		{method: "alipay", amount: "300", field: "method", key: "error.method.failing"},
		{method: "alipay", amount: "199", field: "amount", key: "error.amount.too_small_for", other: models.RailWechat},
	} {
		_, _, refusals := models.RechargeInput{Amount: c.amount, Method: c.method}.Parse(methods)
		on := refusals.On(c.field)
		switch {
		case c.key == "" && len(refusals) != 0:
			t.Errorf("%s of %s: refused, %v", c.amount, c.method, refusals)
		case c.key != "" && (on == nil || on.Key != c.key):
			t.Errorf("%s of %s: %v, want %s", c.amount, c.method, refusals, c.key)
		case c.other != "" && (on.Args["Other"] != c.other || on.Args["Method"] != models.Rail(c.method)):
			t.Errorf("%s of %s: %v, want %s", c.amount, c.method, on.Args, c.other)
		}
	}
	methods[0].Off = true // nor can the bank's be had: nothing takes this much
	_, _, refusals := models.RechargeInput{Amount: "600000", Method: "unionpay"}.Parse(methods)
	if on := refusals.On("amount"); on == nil || on.Key != "error.amount.too_large" {
		t.Errorf("a method that can't be had is named: %v", refusals)
	}
}

func TestProposedIsTheFirstThatTakesTheAmount(t *testing.T) {
	for name, c := range map[string]struct {
		amount models.Fen
		change func([]models.Method)
		want   models.Rail
	}{
		"amount unknown":        {0, func([]models.Method) {}, models.RailBankTransfer},
		"the first that can":    {300 * yuan, func([]models.Method) {}, models.RailWechat},
		"one that is off":       {300 * yuan, func(m []models.Method) { m[1].Off = true }, models.RailUnionpay},
		"one that fails":        {300 * yuan, func(m []models.Method) { m[1].TryAgainAt = time.Now() }, models.RailUnionpay},
		"nobody takes it":       {9_000_000 * yuan, func(m []models.Method) { m[0].Off = true }, models.RailWechat},
		"nothing can be had":    {300 * yuan, func(m []models.Method) { m[0].Off, m[1].Off, m[2].Off, m[3].Off = true, true, true, true }, ""},
		"too much for most":     {600_000 * yuan, func([]models.Method) {}, models.RailBankTransfer},
		"too little for others": {100 * yuan, func([]models.Method) {}, models.RailWechat},
	} {
		methods := fourMethods()
		c.change(methods)
		got := models.Rail("")
		if m := models.Proposed(methods, c.amount); m != nil {
			got = m.Rail
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestNoPaymentBeginsOnAMethodThatIsOff(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		asks, _ := b.Office(t)
		elsewhere := b.Again(t) // another replica
		draft := draft(t, b, account, "300")
		pending := b.Pending(t, account, "400")
		late := b.Pending(t, account, "500")
		ended, err := b.CancelPayment(t.Context(), b.Pending(t, account, "600").No)
		must(t, err)
		must(t, elsewhere.SwitchMethod(t.Context(), asks, models.MethodSwitch{Rail: models.RailAlipay, Off: true, Reason: "  contract is over "}))

		_, err = b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "700", Method: "alipay"})
		wantField(t, err, "method", "error.method.off")
		_, err = b.ConfirmPayment(t.Context(), account, draft.No, modelstest.Payee)
		wantField(t, err, "method", "error.method.off")
		_, err = b.ResumePayment(t.Context(), account, ended.No, modelstest.Payee)
		wantField(t, err, "method", "error.method.off")
		wantField(t, b.MayBegin(t.Context(), pending), "method", "error.method.off")
		if p, err := b.PaymentByNo(t.Context(), draft.No); err != nil || p.State != models.PaymentDraft || p.ConfirmedAt != nil {
			t.Errorf("the draft became %+v, %v", p, err)
		}
		if m := desk(t, b, account).Methods[0]; m.IsOpen() || !m.Off || m.Refusal().Key != "error.method.off" {
			t.Errorf("it is offered as %+v", m)
		}

		// What is on its way goes on: confirmed again, paid, ended.
		again, err := b.ConfirmPayment(t.Context(), account, pending.No, modelstest.Payee)
		if err != nil || again.State != models.PaymentPending {
			t.Errorf("a pending one is %s, %v", again.State, err)
		}
		outcome, err := b.SettlePayment(t.Context(), b.Receipt(pending), 0)
		if err != nil || outcome != models.OutcomeSettled {
			t.Errorf("its money came to %s, %v", outcome, err)
		}
		b.Clock.Add(time.Hour)
		if p, err := b.ExpirePayment(t.Context(), late.No); err != nil || p.State != models.PaymentExpired {
			t.Errorf("the other is %s, %v", p.State, err)
		}

		must(t, b.SwitchMethod(t.Context(), asks, models.MethodSwitch{Rail: models.RailAlipay, Reason: "a new contract"}))
		if p, err := b.ConfirmPayment(t.Context(), account, draft.No, modelstest.Payee); err != nil || p.State != models.PaymentPending {
			t.Errorf("switched on again it is %s, %v", p.State, err)
		}
		b.Sound(t)
	})
}

func TestASwitchIsAuditedOnceWithItsReason(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		asks, decides := b.Office(t)
		off := models.MethodSwitch{Rail: models.RailAlipay, Off: true, Reason: "the gateway is being moved"}
		for reason, key := range map[string]string{
			"": "error.reason.too_short", "   no   ": "error.reason.too_short", strings.Repeat("because ", 100): "error.reason.too_long",
		} {
			bad := off
			bad.Reason = reason
			wantField(t, b.SwitchMethod(t.Context(), asks, bad), "reason", key)
		}
		unknown := off
		unknown.Rail = models.RailWechat // which is not configured
		wantCode(t, b.SwitchMethod(t.Context(), asks, unknown), models.NotFound)
		if acts := actsOf(t, b, "method.off"); acts != 0 {
			t.Errorf("%d acts of what was refused", acts)
		}
		var all sync.WaitGroup
		for i := range 16 { // a double click, and a colleague at the same instant
			all.Go(func() {
				by := asks
				if i%2 == 0 {
					by = decides
				}
				if err := b.SwitchMethod(t.Context(), by, off); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if acts := actsOf(t, b, "method.off"); acts != 1 {
			t.Errorf("it was switched off %d times", acts)
		}
		states, err := b.MethodStates(t.Context())
		must(t, err)
		if s := states[0]; len(states) != 1 || !s.Off || s.Reason != off.Reason || s.SwitchedBy == "" || s.SwitchedAt == nil || !s.SwitchedAt.Equal(b.Clock.Now()) {
			t.Errorf("staff see %+v", states)
		}
		must(t, b.SwitchMethod(t.Context(), models.CommandLine, models.MethodSwitch{Rail: models.RailAlipay, Reason: "moved, it works"}))
		states, err = b.MethodStates(t.Context())
		must(t, err)
		if s := states[0]; s.Off || s.SwitchedBy != "" || s.Reason != "moved, it works" || actsOf(t, b, "method.on") != 1 {
			t.Errorf("switched on again staff see %+v", states)
		}
		b.Sound(t)
	})
}

func actsOf(t *testing.T, b *modelstest.Bench, action string) int {
	t.Helper()
	trail, err := b.AuditTrail(t.Context(), models.AuditFilter{Action: action}, models.Keyset{})
	must(t, err)
	return len(trail.Rows)
}

func TestFailingRailsAreNotedForStaff(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.SetMethods(nil, fourMethods()...)
		now := b.Clock.Now()
		wantFigure(t, b, models.FigureRails, 0, true, "")
		must(t, b.NoteFailing(t.Context(), models.RailAlipay, now, now.Add(30*time.Second)))
		wantFigure(t, b, models.FigureRails, 1, true, models.LevelWarn)
		must(t, b.NoteFailing(t.Context(), models.RailAlipay, now, now.Add(time.Minute))) // failed again
		must(t, b.NoteFailing(t.Context(), models.RailUnionpay, now, now.Add(5*time.Minute)))
		wantFigure(t, b, models.FigureRails, 2, true, models.LevelAlarm)
		if open := judged(t, b); len(open) != 1 || open[0].Figure != models.FigureRails {
			t.Errorf("alerts are %+v", open)
		}
		states, err := b.MethodStates(t.Context())
		must(t, err)
		if s := states[0]; s.Rail != models.RailAlipay || s.FailingSince == nil || !s.FailingSince.Equal(now) || !s.TryAgainAt.Equal(now.Add(time.Minute)) {
			t.Errorf("staff see %+v", s)
		}
		if s := states[1]; s.FailingSince != nil || !s.IsOpen() {
			t.Errorf("of the one that works staff see %+v", s)
		}
		must(t, b.NoteFailing(t.Context(), models.RailUnionpay, time.Time{}, time.Time{}))
		wantFigure(t, b, models.FigureRails, 1, true, models.LevelWarn)
		// The process that noted it is gone, or nobody pays any more.
		b.Clock.Add(11*time.Minute - time.Microsecond)
		wantFigure(t, b, models.FigureRails, 1, true, models.LevelWarn)
		b.Clock.Add(time.Microsecond)
		wantFigure(t, b, models.FigureRails, 0, true, "")
		if open := judged(t, b); len(open) != 0 {
			t.Errorf("alerts are still %+v", open)
		}
		account, _ := b.Seller(t)
		if m := desk(t, b, account).Methods[0]; !m.IsOpen() {
			t.Errorf("what was noted closes a method: %+v", m)
		}
	})
}

func TestAFailingMethodIsRefusedUntilItIsTriedAgain(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		rails := failing{models.RailAlipay: b.Clock.Now().Add(30 * time.Second)}
		b.SetMethods(rails, fourMethods()...)
		in := models.RechargeInput{Amount: "300", Method: "alipay"}
		_, err := b.DraftRecharge(t.Context(), account, in)
		wantField(t, err, "method", "error.method.failing")
		if m := desk(t, b, account).Methods[0]; m.IsOpen() || m.Refusal().Args["Until"] != rails[models.RailAlipay] {
			t.Errorf("it is offered as %+v", m)
		}
		delete(rails, models.RailAlipay)
		_, err = b.DraftRecharge(t.Context(), account, in)
		must(t, err)
	})
}

// A limit that was lowered after the amount was drafted refuses it where it would
// be sent, and where it would be resumed; what is pending goes on.
func TestALoweredLimitHoldsAtConfirmAndResume(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		b.Offer(models.RailAlipay, models.RailBankTransfer)
		draft := draft(t, b, account, "300")
		pending := b.Pending(t, account, "400")
		ended, err := b.CancelPayment(t.Context(), b.Pending(t, account, "500").No)
		must(t, err)
		b.SetMethods(nil, models.NewMethod(models.RailAlipay, 200*yuan, 250*yuan), models.NewMethod(models.RailBankTransfer, 200*yuan, 500_000*yuan))
		_, err = b.ConfirmPayment(t.Context(), account, draft.No, modelstest.Payee)
		wantField(t, err, "amount", "error.amount.too_large_for")
		_, err = b.ResumePayment(t.Context(), account, ended.No, modelstest.Payee)
		wantField(t, err, "amount", "error.amount.too_large_for")
		wantField(t, b.MayBegin(t.Context(), ended), "amount", "error.amount.too_large_for")
		if p, err := b.PaymentByNo(t.Context(), draft.No); err != nil || p.State != models.PaymentDraft {
			t.Errorf("the draft is %s, %v", p.State, err)
		}
		if p, err := b.ConfirmPayment(t.Context(), account, pending.No, modelstest.Payee); err != nil || p.State != models.PaymentPending {
			t.Errorf("the pending one is %s, %v", p.State, err)
		}
	})
}

// A person's account may pay less than a company's, and what was chosen is kept
// on the payment, on the one that resumes it, and for the next one on the rail.
func TestAPersonPaysLessThanACompany(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		m := models.NewMethod(models.RailUnionpay, 200*yuan, 900*yuan)
		m.PersonalMax = 300 * yuan
		b.SetMethods(nil, m)
		p, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300.01", Method: "unionpay"})
		must(t, err)
		_, err = b.ConfirmPayment(t.Context(), account, p.No, "merchant")
		wantField(t, err, "corporate", "error.corporate.needed")
		must(t, b.ChoosePayer(t.Context(), p.No, "CMB", true))
		_, err = b.ConfirmPayment(t.Context(), account, p.No, "merchant")
		must(t, err)
		must(t, b.ChoosePayer(t.Context(), p.No, "", false)) // too late: it is on its way
		_, err = b.CancelPayment(t.Context(), p.No)
		must(t, err)
		next, err := b.ResumePayment(t.Context(), account, p.No, "merchant")
		must(t, err)
		another, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "700", Method: "unionpay"})
		must(t, err)
		for _, got := range []models.Payment{next, another} {
			if got.PayerBank != "CMB" || !got.PayerCorporate {
				t.Errorf("of %s is kept %q, %v", got.State, got.PayerBank, got.PayerCorporate)
			}
		}
	})
}

// Where the payer sends the money stands on the payment, whatever is set up later.
func TestABankTransferKeepsItsAccount(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		m := models.NewMethod(models.RailBankTransfer, 200*yuan, 900*yuan)
		m.Account = models.BankAccount{Name: "Shop Ltd", Number: "6222", Branch: "First Street", Code: "123456789012"}
		b.SetMethods(nil, m)
		p, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300", Method: "bank_transfer"})
		must(t, err)
		p, err = b.ConfirmPayment(t.Context(), account, p.No, "6222")
		must(t, err)
		b.SetMethods(nil)
		p, err = b.PaymentByNo(t.Context(), p.No)
		if err != nil || p.PayeeName != "Shop Ltd" || p.PayeeBranch != "First Street" || p.PayeeCode != "123456789012" || p.Payee != "6222" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestTheFirstDeviceStands(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		p := b.Pending(t, account, "300")
		for _, device := range []models.Device{models.DevicePhone, models.DeviceDesk} {
			if got, err := b.NoteDevice(t.Context(), p.No, device); err != nil || got != models.DevicePhone {
				t.Errorf("%s: %s, %v", device, got, err)
			}
		}
	})
}

// The same amount on another rail is another wish.
func TestAWishIsOfItsRail(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		b.Offer(models.RailAlipay, models.RailWechat)
		account, _ := b.Seller(t)
		numbers := map[string]models.Rail{}
		for _, rail := range []models.Rail{models.RailAlipay, models.RailWechat, models.RailAlipay, models.RailWechat} {
			p, err := b.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: "300", Method: string(rail)})
			if must(t, err); p.Rail != rail {
				t.Errorf("wished on %s, drafted on %s", rail, p.Rail)
			}
			numbers[p.No] = rail
		}
		if len(numbers) != 2 {
			t.Errorf("two wishes are %v", numbers)
		}
	})
}
