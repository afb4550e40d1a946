package models

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"gorm.io/gorm"
)

// RechargeInput is what the seller typed.
type RechargeInput struct {
	Amount string // yuan, as typed
	Method string
}

// Parse checks the input against the methods, as they can be had now. All
// refusals are collected, on the fields "amount" and "method".
func (in RechargeInput) Parse(methods []Method) (Fen, Rail, FieldErrors) {
	var refusals FieldErrors
	amount, refusal := ParseFen(in.Amount)
	if refusal != nil {
		refusals = append(refusals, refusal)
	}
	m, ok := MethodOf(methods, Rail(in.Method))
	if !ok {
		key := "error.method.unknown"
		if in.Method == "" {
			key = "error.method.empty"
		}
		return amount, "", append(refusals, fieldError("method", key, nil))
	}
	if closed := m.Refusal(); closed != nil {
		refusals = append(refusals, closed)
	}
	if refusal == nil {
		if outside := m.outside(amount, methods); outside != nil {
			refusals = append(refusals, outside)
		}
	}
	return amount, m.Rail, refusals
}

// DraftRecharge keeps the seller's wish as a draft; nothing is sent anywhere.
// The same wish again (double click, refresh, back button, a second tab) gives
// the payment that is open for it, a draft or one that waits to be paid.
// FieldErrors on "amount" and "method"; NotFound: no such account.
func (s *Store) DraftRecharge(ctx context.Context, accountID int64, in RechargeInput) (Payment, error) {
	methods, err := s.methodsNow(s.read.WithContext(ctx), "")
	if err != nil {
		return Payment{}, err
	}
	amount, rail, refusals := in.Parse(methods)
	if len(refusals) > 0 {
		return Payment{}, refusals
	}
	var p Payment
	err = s.inTx(ctx, func(t *tx) error {
		p = Payment{}
		if err := t.Select("id").Take(&Account{}, accountID).Error; err != nil {
			return found(err, "account")
		}
		err := t.Order("id DESC").Take(&p, `account_id = ? AND rail = ? AND amount_fen = ?
			AND (state = 'draft' OR state = 'pending' AND expires_at > ?)`, accountID, rail, amount, t.now).Error
		if !errors.Is(err, gorm.ErrRecordNotFound) {
			return err
		}
		p = Payment{
			No: newPaymentNo(t.now), AccountID: accountID, Rail: rail, State: PaymentDraft,
			AmountFen: amount, Currency: "CNY", CreatedAt: t.now,
		}
		if err := t.payerAsBefore(&p); err != nil {
			return err
		}
		if err = t.Create(&p).Error; uniqueTaken(err) {
			return errStale // the same wish came in twice at once: take the first's draft
		}
		return err
	})
	return p, err
}

// payerAsBefore takes what the payer chose for the account's last payment on the
// same rail: whose account pays, and at which bank.
func (t *tx) payerAsBefore(p *Payment) error {
	var last Payment
	err := t.Select("payer_bank", "payer_corporate").Order("id DESC").Limit(1).
		Find(&last, "account_id = ? AND rail = ?", p.AccountID, p.Rail).Error
	p.PayerBank, p.PayerCorporate = last.PayerBank, last.PayerCorporate
	return err
}

// Suggestion is one amount that the recharge page proposes.
type Suggestion struct {
	Days   int // how many days of delivery it is meant for: 1, 7, 30
	Amount Fen
	Basis  string // what it came from: "minimum", "arrears" or "days"
}

var suggestionDays = []int{1, 7, 30}

// suggest computes the three amounts: the least multiple of ¥100 that is at
// least the minimum, 1.2 times the arrears, and the arrears with the days' cost
// on top, less what can be spent already. None exceeds the maximum.
func suggest(f Funds, daily Fen, minimum, maximum Fen) []Suggestion {
	suggestions := make([]Suggestion, len(suggestionDays))
	for i, days := range suggestionDays {
		best, basis := minimum, "minimum"
		if want := f.Arrears().Times(120); want > best {
			best, basis = want, "arrears"
		}
		if want := f.Arrears() + Fen(days)*daily - f.Spendable(); want > best {
			best, basis = want, "days"
		}
		suggestions[i] = Suggestion{days, min(best.CeilTo(100*Yuan), maximum), basis}
	}
	return suggestions
}

// RechargeDesk is all that the recharge and confirmation pages stand on.
type RechargeDesk struct {
	Account     Account
	Funds       Funds
	DailyCost   DailyCost
	Spending    Spending // what a forecast stands on
	Suggestions []Suggestion
	Methods     []Method // the last used first
	Pending     *Payment // newest payment that waits to be paid
	Campaigns   []CampaignView
	Now         time.Time
}

// RechargeDesk reads where an account stands before it recharges.
func (s *Store) RechargeDesk(ctx context.Context, accountID int64) (RechargeDesk, error) {
	desk := RechargeDesk{Now: s.Now()}
	db := s.read.WithContext(ctx)
	var err error
	if desk.Account, desk.Funds, err = s.accountAndFunds(db, accountID); err != nil {
		return desk, err
	}
	if desk.Methods, err = s.methodsNow(db, desk.Account.LastMethod); err != nil {
		return desk, err
	}
	if desk.DailyCost, err = dailyCost(db, desk.Account, desk.Now); err != nil {
		return desk, err
	}
	if desk.Pending, err = pendingPayment(db, accountID); err != nil {
		return desk, err
	}
	if desk.Campaigns, err = s.campaignViews(db, desk.Account, desk.Funds); err != nil {
		return desk, err
	}
	desk.Spending, err = spendingOf(db, desk.Account, desk.Campaigns, desk.Now)
	least, most := limitsOf(desk.Methods)
	desk.Suggestions = suggest(desk.Funds, desk.DailyCost.Fen, least, min(most, s.rules.MaxRecharge))
	return desk, err
}

// limitsOf are the least and the most that a seller can pay at once: by the
// methods that can be had now, or by all while there is none.
func limitsOf(methods []Method) (least, most Fen) {
	open := slices.DeleteFunc(slices.Clone(methods), func(m Method) bool { return !m.IsOpen() })
	if len(open) == 0 {
		open = methods
	}
	least = slices.MinFunc(open, func(a, b Method) int { return cmp.Compare(a.Min, b.Min) }).Min
	most = slices.MaxFunc(open, func(a, b Method) int { return cmp.Compare(a.Max, b.Max) }).Max
	return least, most
}

// Restartable counts the campaigns that the seller could restart right now.
func (d RechargeDesk) Restartable() int {
	n := 0
	for _, c := range d.Campaigns {
		if c.restartRefusal(d.Account, d.Funds) == "" {
			n++
		}
	}
	return n
}

// pendingPayment is the newest payment that waits to be paid, or nil.
func pendingPayment(db *gorm.DB, accountID int64) (*Payment, error) {
	var p Payment
	err := db.Order("id DESC").Take(&p, "account_id = ? AND state = ?", accountID, PaymentPending).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, nil
	}
	return &p, err
}

// Return says how a campaign fares once an amount is paid.
type Return struct {
	CampaignID int64
	Name       string
	How        ReturnHow
	Why        DeliveryState // what keeps it away, when How is Stays
}

// ReturnHow is the way in which a campaign comes back.
type ReturnHow string

const (
	ReturnsByItself  ReturnHow = "itself"  // gradually, without a hand
	ReturnsByRestart ReturnHow = "restart" // the seller restarts it
	Stays            ReturnHow = "stays"   // money does not bring it back
	KeepsServing     ReturnHow = "serving" // it delivers already
)

// RechargePreview is what one amount would do.
type RechargePreview struct {
	Amount         Fen
	ArrearsCleared Fen
	ArrearsLeft    Fen
	After          Funds
	StateBefore    AccountState
	StateAfter     AccountState
	ForecastBefore Forecast
	Forecast       Forecast // as if what waits for a restart had it at once
	Campaigns      []Return
}

// Preview computes what an amount would do, by the rules that will do it.
func (d RechargeDesk) Preview(amount Fen) RechargePreview {
	after := Funds{Cash: d.Funds.Cash + amount, Bonus: d.Funds.Bonus}
	account := d.Account
	account.fundsChanged(d.Funds, after, d.Now, 0)
	p := RechargePreview{
		Amount:         amount,
		ArrearsCleared: min(amount, d.Funds.Arrears()),
		ArrearsLeft:    after.Arrears(),
		After:          after,
		StateBefore:    d.Account.State(),
		StateAfter:     account.State(),
		ForecastBefore: d.Spending.Forecast(d.Funds.Spendable()),
		Forecast:       d.Spending.Forecast(after.Spendable()),
	}
	for _, c := range d.Campaigns {
		p.Campaigns = append(p.Campaigns, c.returns(account, after, d.Now))
	}
	return p
}

// returns is the rule of the preview: the campaign's state before and after.
func (c CampaignView) returns(a Account, after Funds, now time.Time) Return {
	state, _ := c.Campaign.Delivery(a, after, c.SpentTodayFen, now)
	r := Return{CampaignID: c.ID, Name: c.Name, How: Stays, Why: state}
	switch {
	case c.Delivery == DeliveryServing || c.Delivery == DeliveryRecovering:
		r.How = KeepsServing
	case state == DeliveryServing || state == DeliveryRecovering:
		r.How = ReturnsByItself
	case c.restartRefusal(a, after) == "":
		r.How = ReturnsByRestart
	case state == DeliveryPausedArrears && !c.SwitchedOn:
		r.Why = DeliveryPaused // a restart would not start it: its seller paused it
	}
	return r
}

// CountReturns counts the campaigns that fare in the given way.
func (p RechargePreview) CountReturns(how ReturnHow) int {
	n := 0
	for _, c := range p.Campaigns {
		if c.How == how {
			n++
		}
	}
	return n
}
