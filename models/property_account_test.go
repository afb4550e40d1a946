package models_test

import (
	"time"

	"pgregory.net/rapid"

	"ztc-portal/models"
)

// The second half of the world: the ad engine, time, staff, and the checks.

func (w *world) charge(r *rapid.T) {
	w.click(r, w.shop(r), models.Fen(rapid.Int64Range(1, 60_000).Draw(r, "fen")))
}

func (w *world) click(r *rapid.T, s *shop, amount models.Fen) {
	c := &models.Charge{
		ChargeID: w.unique("click"), CampaignID: rapid.SampledFrom(s.campaigns).Draw(r, "campaign").id,
		AmountFen: amount, ChargedAt: w.Now(),
	}
	if got, err := w.PostCharges(w.ctx, []models.Charge{*c}); err != nil || got.Accepted != 1 {
		r.Fatalf("charged: %+v, %v", got, err)
	}
	w.charges = append(w.charges, c)
	fromBonus := min(s.bonus, amount)
	s.spendBonus(fromBonus)
	s.cash -= amount - fromBonus
}

func (w *world) chargeAgain(r *rapid.T) {
	c := pick(r, "click", w.charges, func(*models.Charge) bool { return true })
	if c == nil {
		return
	}
	if got, err := w.PostCharges(w.ctx, []models.Charge{*c}); err != nil || got.Duplicate != 1 {
		r.Fatalf("charged again: %+v, %v", got, err)
	}
}

func (w *world) grant(r *rapid.T) {
	s, in, end := w.shop(r), models.ApprovalInput{Kind: models.ApprovalBonusGrant, Amount: "50"}, time.Time{}
	if days := rapid.IntRange(-1, 3).Draw(r, "days"); days >= 0 {
		in.ExpiresOn = models.DayOn(w.Now().AddDate(0, 0, days))
		day, err := time.ParseInLocation(time.DateOnly, in.ExpiresOn, models.Shanghai)
		ok(r, err)
		end = day.AddDate(0, 0, 1)
	}
	in.AccountID = s.account
	w.ask(r, in, func(do bool) string {
		if do && !end.IsZero() && !end.After(w.Now()) {
			return "error.bonus.expired"
		}
		if do {
			s.bonus += 50 * yuan
			s.grants = append(s.grants, &given{left: 50 * yuan, until: end})
		}
		return ""
	})
}

// given is a bonus with its end; zero: it has none.
type given struct {
	left  models.Fen
	until time.Time
}

// spendBonus takes from what ends first; of equals from the older.
func (s *shop) spendBonus(amount models.Fen) {
	s.bonus -= amount
	for amount > 0 {
		var first *given
		for _, g := range s.grants {
			if g.left > 0 && (first == nil || first.until.IsZero() && !g.until.IsZero() || !g.until.IsZero() && g.until.Before(first.until)) {
				first = g
			}
		}
		part := min(first.left, amount)
		first.left, amount = first.left-part, amount-part
	}
}

// expire: what has ended is gone, whether its task has come or another act was first.
func (w *world) expire(r *rapid.T) {
	for _, s := range w.sellers {
		for _, g := range s.grants {
			if !g.until.IsZero() && !g.until.After(w.Now()) {
				s.bonus, g.left = s.bonus-g.left, 0
			}
		}
		ok(r, w.ExpireBonus(w.ctx, models.ExpireBonus{AccountID: s.account, At: w.Now()}))
	}
}

// bonusEnds: the clock comes to the next end of a bonus.
func (w *world) bonusEnds(r *rapid.T) {
	var next time.Time
	for _, s := range w.sellers {
		for _, g := range s.grants {
			if g.left > 0 && !g.until.IsZero() && (next.IsZero() || g.until.Before(next)) {
				next = g.until
			}
		}
	}
	if next.After(w.Now()) {
		w.Clock.Set(next)
	}
}

func (w *world) account(r *rapid.T, s *shop) models.Account {
	d, err := w.RechargeDesk(w.ctx, s.account)
	ok(r, err)
	return d.Account
}

// fall: a seller spends all, pays nothing, and is suspended.
func (w *world) fall(r *rapid.T) {
	s := w.shop(r)
	w.click(r, s, max(0, s.cash)+s.bonus+100*yuan)
	w.endGrace(r, s)
}

func (w *world) graceEnds(r *rapid.T) {
	if s := pick(r, "seller", w.sellers, func(s *shop) bool { return s.cash < 0 }); s != nil {
		w.endGrace(r, s)
	}
}

func (w *world) endGrace(r *rapid.T, s *shop) {
	a := w.account(r, s)
	if a.FundingState == models.AccountArrears {
		if w.Now().Before(*a.GraceEndsAt) {
			refused(r, w.SuspendAccount(w.ctx, s.account, *a.ArrearsSince), models.Conflict)
			w.Clock.Set(*a.GraceEndsAt)
		}
		for _, c := range s.campaigns {
			if c.on {
				c.stopped = true
				delete(s.restarted, c)
			}
		}
	}
	ok(r, w.SuspendAccount(w.ctx, s.account, *a.ArrearsSince))
	if a = w.account(r, s); a.FundingState != models.AccountSuspended {
		r.Fatalf("after the grace time the account is %s", a.FundingState)
	}
}

func (w *world) graceTaskTooOld(r *rapid.T) {
	ok(r, w.SuspendAccount(w.ctx, w.shop(r).account, w.Now().Add(-1000*time.Hour)))
}

func (w *world) restart(r *rapid.T) {
	s := w.shop(r)
	ids, all := []int64{rapid.SampledFrom(s.campaigns).Draw(r, "campaign").id}, rapid.Bool().Draw(r, "all")
	restart, items, err := w.RestartCampaigns(w.ctx, w.actor, s.account, models.RestartInput{IDs: ids, All: all})
	if err != nil { // nothing could be started: the items say why
		refused(r, err, models.Invalid)
	}
	mayRun := !s.frozen && s.cash >= 0 && s.cash+s.bonus > 0
	started := map[*ad]bool{}
	for _, item := range items {
		c := pick(r, "campaign", s.campaigns, func(c *ad) bool { return c.id == item.CampaignID })
		if item.Started != (mayRun && c.on && c.stopped) {
			r.Fatalf("restarted: %+v; the model has %+v of %+v", item, c, s)
		}
		if item.Started {
			c.stopped, started[c] = false, true
		}
	}
	if (len(started) > 0) == (err != nil) && len(items) > 0 {
		r.Fatalf("%d started, yet %v", len(started), err)
	}
	if len(started) > 0 {
		s.restarted, s.undoUntil = started, restart.UndoUntil
	}
}

func (w *world) undo(r *rapid.T) {
	s := w.shop(r)
	undone, _, err := w.UndoRestart(w.ctx, w.actor, s.account)
	if s.restarted == nil || w.Now().After(s.undoUntil) {
		refused(r, err, models.Conflict)
		return
	}
	ok(r, err)
	if undone != len(s.restarted) {
		r.Fatalf("%d were undone, want %d", undone, len(s.restarted))
	}
	for c := range s.restarted {
		c.stopped = true
	}
	s.restarted = nil
}

func (w *world) switchCampaign(r *rapid.T) {
	s := w.shop(r)
	c := rapid.SampledFrom(s.campaigns).Draw(r, "campaign")
	ok(r, w.SwitchCampaign(w.ctx, w.actor, s.account, c.id, !c.on))
	c.on = !c.on
	delete(s.restarted, c)
}

func (w *world) freeze(r *rapid.T)   { w.setFrozen(r, true) }
func (w *world) unfreeze(r *rapid.T) { w.setFrozen(r, false) }

func (w *world) wait(r *rapid.T) {
	w.Clock.Add(rapid.SampledFrom([]time.Duration{time.Second, 9 * time.Minute, time.Hour}).Draw(r, "time"))
}

// check is what holds after each step.
func (w *world) check(r *rapid.T) {
	w.expire(r)
	faults, err := w.VerifyLedger(w.ctx)
	if err != nil || len(faults) > 0 {
		r.Fatalf("the books: %v, %v", faults, err)
	}
	w.checkBalances(r)
	for _, s := range w.sellers {
		w.checkShop(r, s)
	}
	for _, o := range w.payments {
		w.checkOrder(r, o)
	}
	w.checkLines(r)
	w.checkFeed(r)
}

// checkFeed: an engine that took a snapshot once and only read changes since
// knows of every campaign whether it delivers. What time alone changes (a ramp's
// steps, midnight) is told by tasks, which this world does not run.
func (w *world) checkFeed(r *rapid.T) {
	told, cursor, err := w.ServingSince(w.ctx, w.cursor)
	ok(r, err)
	w.cursor = cursor
	for _, c := range told {
		w.told[c.CampaignID] = c.Delivery
	}
	level := func(d models.DeliveryState) models.DeliveryState {
		if d == models.DeliveryRecovering {
			return models.DeliveryServing
		}
		return d
	}
	ok(r, w.ServingAll(w.ctx, func(c models.ServingCampaign) error {
		known, stands := level(w.told[c.CampaignID]), level(c.Delivery)
		if known != stands && (known != models.DeliveryBudgetReached || stands != models.DeliveryServing) {
			r.Fatalf("the feed says %s of campaign %d, which is %s", known, c.CampaignID, stands)
		}
		return nil
	}))
}

func (w *world) checkShop(r *rapid.T, s *shop) {
	d, err := w.RechargeDesk(w.ctx, s.account)
	ok(r, err)
	if d.Funds != (models.Funds{Cash: s.cash, Bonus: s.bonus}) {
		r.Fatalf("funds are %+v, want %d and %d", d.Funds, s.cash, s.bonus)
	}
	if (d.Account.FundingState == models.AccountActive) != (s.cash >= 0) {
		r.Fatalf("with %d fen of cash the account is %s", s.cash, d.Account.FundingState)
	}
	if (d.Account.FrozenAt != nil) != s.frozen {
		r.Fatalf("frozen at %v, want %v", d.Account.FrozenAt, s.frozen)
	}
	for i, c := range s.campaigns {
		view := d.Campaigns[i]
		if view.SwitchedOn != c.on || (view.ArrearsStoppedAt != nil) != c.stopped {
			r.Fatalf("campaign %d: on %v, stopped at %v; want %+v", c.id, view.SwitchedOn, view.ArrearsStoppedAt, c)
		}
		delivers := view.Delivery == models.DeliveryServing || view.Delivery == models.DeliveryRecovering
		may := c.on && !c.stopped && !s.frozen && s.cash >= 0 && s.cash+s.bonus > 0
		if delivers && !may || may && !delivers && view.Delivery != models.DeliveryBudgetReached {
			r.Fatalf("campaign %d is %s; it may deliver: %v", c.id, view.Delivery, may)
		}
		if delivers == (len(view.Causes) > 0) || delivers != (view.SharePercent > 0) {
			r.Fatalf("campaign %d is %s at %d %%, with the causes %+v", c.id, view.Delivery, view.SharePercent, view.Causes)
		}
	}
}

func (w *world) checkOrder(r *rapid.T, o *order) {
	p, err := w.PaymentByNo(w.ctx, o.No)
	ok(r, err)
	if p.State.IsPaid() != (o.credited != nil) || p.State.IsPaid() && *p.GatewayTradeNo != o.credited.no {
		r.Fatalf("payment %s is %s by %v; the model has %+v", p.No, p.State, p.GatewayTradeNo, o.credited)
	}
	if p.State.IsOpen() != o.open() || (p.State == models.PaymentFailed) != (o.failed && o.credited == nil) {
		r.Fatalf("payment %s is %s; the model has %+v", p.No, p.State, o)
	}
	if p.State == models.PaymentPending && !o.sent || p.Rail != o.Rail {
		r.Fatalf("payment %s is %s on %s; the model has %+v", p.No, p.State, p.Rail, o)
	}
	if o.credited != nil && (p.PaidLate != o.late || o.credited.rail != o.Rail || !p.PaidAt.Equal(o.credited.paidAt)) {
		r.Fatalf("payment %s was paid at %v, late %v; the model has %+v by %+v", p.No, p.PaidAt, p.PaidLate, o, o.credited)
	}
	if p.AmountFen != o.AmountFen || p.AccountID != o.shop.account {
		r.Fatalf("payment %s changed: %+v", p.No, p)
	}
	o.checkRefunded(r, p)
}

// rest: when everything has been asked about and the whole statement was
// imported, every trade that a gateway holds as paid is credited or in suspense,
// once, and so is every line of the bank.
func (w *world) rest(r *rapid.T) {
	for _, t := range w.trades {
		w.settle(r, t, true)
	}
	w.importDays(r, w.lines)
	var credited models.Fen
	for _, t := range w.trades {
		inBooks := t.order != nil && t.order.credited == t
		if inBooks == t.parked {
			r.Fatalf("trade %+v: credited %v, in suspense %v", t, inBooks, t.parked)
		}
		if inBooks {
			credited += t.amount
		}
	}
	var rows models.Fen
	for _, s := range w.sellers {
		k := models.Keyset{}
		for {
			statement, page, err := w.Statement(w.ctx, s.account, models.StatementFilter{Kind: models.KindRecharge}, k)
			ok(r, err)
			for _, row := range statement {
				rows += row.AmountFen
			}
			if page.Older == 0 {
				break
			}
			k.Before = page.Older
		}
	}
	if rows != credited+w.banked {
		r.Fatalf("statements show %d fen of recharges, the gateway holds %d for them and the bank %d", rows, credited, w.banked)
	}
	if audit, err := w.VerifyAudit(w.ctx); err != nil || audit.Fault != nil {
		r.Fatalf("the audit log: %v, %v", audit.Fault, err)
	}
	w.check(r)
}
