package sandbox

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"
)

const maxChoiceBytes = 4 << 10

// What the buyer may do at the cashier.
const (
	outcomePay     = "pay"
	outcomeRefuse  = "refuse"
	outcomeAbandon = "abandon"
)

// The faces of the cashier page.
const (
	faceWaiting  = "waiting"  // may be paid
	facePaid     = "paid"     //
	faceRefunded = "refunded" // paid, and all of it given back
	faceClosed   = "closed"   // ended unpaid
	faceLeft     = "left"     // the buyer walked away
	faceRefused  = "refused"  // the buyer said no, and goes back by a form
)

// cashierPage is what the cashier shows. Its fields are words and numbers only.
type cashierPage struct {
	view
	Face      string
	Action    string // where the form goes: this page, language kept
	Amount    string
	Subject   string
	OrderNo   string
	TradeNo   string
	Deadline  time.Time
	Minutes   int64 // left of the time to pay, when the page was made
	Seconds   int64
	Faults    []Fault
	LateFault Fault  // pays what is closed
	Back      way    // to the merchant; no URL if it gave none
	Bank      string // a key; "": the wire knows no banks, or none was chosen
}

// DeadlineClock is the end of the time to pay, in Beijing time.
func (p cashierPage) DeadlineClock() string { return p.Deadline.In(beijing).Format(time.TimeOnly) }

// DeadlineStamp is the same for machines.
func (p cashierPage) DeadlineStamp() string { return p.Deadline.In(beijing).Format(time.RFC3339) }

// scan is what a phone opens: the trade begins, and the cashier follows.
func (s *Sandbox) scan(w http.ResponseWriter, r *http.Request) {
	o, _, err := s.visit(r.Context(), r.PathValue("token"))
	if err != nil {
		s.explain(w, r, err)
		return
	}
	http.Redirect(w, r, s.cashier(o), http.StatusFound)
}

// visit finds an order by its token, and its trade, which begins now if it had not.
func (s *Sandbox) visit(ctx context.Context, token string) (o order, tr Trade, err error) {
	err = s.store.inTx(ctx, func(t *tx) error {
		var found bool
		if o, found, err = t.order("token = ?", token); err != nil {
			return err
		}
		if !found {
			return ErrNoTrade
		}
		tr, err = t.openTrade(o)
		return err
	})
	return o, tr, err
}

func (s *Sandbox) showCashier(w http.ResponseWriter, r *http.Request) {
	o, tr, err := s.visit(r.Context(), r.PathValue("token"))
	if err != nil {
		s.explain(w, r, err)
		return
	}
	s.drawCashier(w, r, http.StatusOK, o, tr, face(tr))
}

// face is how the cashier shows the trade.
func face(tr Trade) string {
	switch {
	case tr.Status == StatusWaiting:
		return faceWaiting
	case tr.PaidAt.IsZero():
		return faceClosed
	case tr.RefundedFen == tr.HeldFen:
		return faceRefunded
	}
	return facePaid
}

// submitCashier does what the buyer chose: pay, refuse or abandon.
func (s *Sandbox) submitCashier(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxChoiceBytes)
	if err := r.ParseForm(); err != nil {
		s.problem(w, r, http.StatusBadRequest, "problem.choice", "")
		return
	}
	outcome, fault := r.PostForm.Get("outcome"), Fault(r.PostForm.Get("fault"))
	if outcome == "" {
		outcome = outcomePay
	}
	if fault == "" {
		fault = FaultNone
	}
	o, tr, err := s.visit(r.Context(), r.PathValue("token"))
	switch {
	case err != nil:
		s.explain(w, r, err)
	case outcome == outcomePay && fault.known():
		s.takePayment(w, r, o, fault)
	case outcome == outcomeRefuse:
		s.turnBack(w, r, o, tr)
	case outcome == outcomeAbandon:
		s.drawCashier(w, r, http.StatusOK, o, tr, faceLeft)
	default:
		s.problem(w, r, http.StatusBadRequest, "problem.choice", "")
	}
}

func (s *Sandbox) takePayment(w http.ResponseWriter, r *http.Request, o order, fault Fault) {
	tr, err := s.pay(r.Context(), o.outTradeNo, fault)
	switch {
	case errors.Is(err, errNotPayable):
		s.drawCashier(w, r, http.StatusConflict, o, tr, face(tr))
	case err != nil:
		s.explain(w, r, err)
	default:
		s.sendBack(w, r, o, tr)
	}
}

// sendBack takes the browser to the merchant, or to the cashier's last page if
// the merchant gave no address.
func (s *Sandbox) sendBack(w http.ResponseWriter, r *http.Request, o order, tr Trade) {
	to, err := s.wire.back(o, tr, s.opts.Now())
	if err != nil {
		s.explain(w, r, err)
		return
	}
	if to.URL == "" || len(to.Fields) > 0 { // a form is sent from the cashier's last page
		to.URL = s.cashier(o)
	}
	http.Redirect(w, r, to.URL, http.StatusSeeOther)
}

// turnBack is sendBack for who has not paid: where nothing but a form leads back,
// or nothing at all (a code that a phone scanned), a page says so.
func (s *Sandbox) turnBack(w http.ResponseWriter, r *http.Request, o order, tr Trade) {
	to, err := s.wire.back(o, tr, s.opts.Now())
	if err == nil && (to.URL == "" || len(to.Fields) > 0) && tr.Status == StatusWaiting {
		s.drawCashier(w, r, http.StatusOK, o, tr, faceRefused)
		return
	}
	s.sendBack(w, r, o, tr)
}

// banking is a wire whose payers stand at a bank.
type banking interface {
	bank(r *http.Request, o order) string
}

func (s *Sandbox) drawCashier(w http.ResponseWriter, r *http.Request, status int, o order, tr Trade, face string) {
	back, err := s.wire.back(o, tr, s.opts.Now())
	if err != nil {
		s.explain(w, r, err)
		return
	}
	left := max(tr.ExpiresAt.Sub(s.opts.Now()), 0)
	v := s.newView(r, "cashier.title."+face)
	page := cashierPage{
		view: v, Face: face, Action: s.cashier(o) + "?lang=" + v.Lang,
		Amount: price(tr.amountFen()), Subject: tr.Subject, OrderNo: tr.OutTradeNo, TradeNo: tr.TradeNo,
		Deadline: tr.ExpiresAt, Minutes: int64(left.Minutes()), Seconds: int64(left.Seconds()) % 60,
		Faults: Faults, LateFault: FaultPayAfterClose, Back: back,
	}
	if banks, ok := s.wire.(banking); ok {
		if code := banks.bank(r, o); code != "" {
			page.Bank = "bank." + code
		}
	}
	w.Header().Set("Content-Security-Policy", policy(originOf(back.URL)))
	s.render(w, status, "cashier.html", page)
}

// cashier is where the browser finds the order's page.
func (s *Sandbox) cashier(o order) string { return s.opts.Path + "/cashier/" + o.token }

// origin is this gateway's own address, as the caller wrote it.
func (s *Sandbox) origin(r *http.Request) string { return "http://" + r.Host + s.opts.Path }

// originOf is the scheme and host of an address that checkURLs has passed.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
