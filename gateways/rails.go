package gateways

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"ztc-portal/models"
)

// Rails brings the rails and the books together: the network is asked first,
// outside any transaction, and what it said is settled second.
type Rails struct {
	Store     *models.Store
	By        map[models.Rail]Gateway
	PublicURL string // what gateways call us; no slash at its end
	Log       *slog.Logger
	refusals  refusals
	breakers  breakers
}

// Who asks a gateway; kept with the answer.
const (
	ByExpiry = "expiry"
	ByPoll   = "poll"
	ByReturn = "return"
	BySeller = "seller"
	ByNotify = "notify"
)

// Asked is what a gateway said of a payment, and what that came to.
type Asked struct {
	State   models.TradeState
	Outcome models.Outcome
	Facts   string // what its receipt says, to be kept with the answer
}

// on finds the rail's adapter.
func (r *Rails) on(rail models.Rail) (Gateway, error) {
	if gateway, ok := r.By[rail]; ok {
		return gateway, nil
	}
	return nil, &models.Error{Code: models.Unavailable, Key: "error.gateway.off", Args: map[string]any{"Method": rail}}
}

// IsGone: the rail is not set up any more, and nobody can be asked about a payment
// on it. Nobody ever is about a bank transfer, which ends here alone.
func (r *Rails) IsGone(rail models.Rail) bool {
	return rail != models.RailBankTransfer && r.By[rail] == nil
}

// refOf names a payment of ours to its gateway.
func refOf(p models.Payment) Ref {
	ref := Ref{OutTradeNo: p.No}
	if p.ConfirmedAt != nil {
		ref.OpenedAt = p.ConfirmedAt.Truncate(time.Second).UTC()
	}
	if p.ExpiresAt != nil {
		ref.ExpiresAt = p.ExpiresAt.UTC()
	}
	if p.GatewayTradeNo != nil {
		ref.GatewayTradeNo = *p.GatewayTradeNo
	}
	return ref
}

// unavailable is the refusal a person reads while a gateway does not answer.
func unavailable(err error) error {
	return &models.Error{Code: models.Unavailable, Key: "error.gateway.unavailable", Err: err}
}

// Confirm sends a draft on its way and gives the way to the cashier. Called
// again on a pending payment it gives the way again; on one whose time is over,
// or that was paid, an empty checkout. subject is what the payer reads at the gateway.
// What is refused stays a draft: FieldErrors on "method" (the rail fails, is switched off or gone), "amount", "corporate" and "bank".
// A payment that another kind of device alone can pay gives an empty checkout too.
// NotFound, Conflict as models.Store.ConfirmPayment; Unavailable: it is pending, and can't be opened.
func (r *Rails) Confirm(ctx context.Context, accountID int64, no, subject string, payer Payer) (models.Payment, Checkout, error) {
	p, err := r.Store.OwnPayment(ctx, accountID, no)
	if err != nil {
		return p, Checkout{}, err
	}
	gateway, err := r.on(p.Rail)
	begins := p.State == models.PaymentDraft
	if err != nil && begins {
		return p, Checkout{}, models.FieldErrors{models.MethodGone(p.Rail)}
	}
	if err == nil {
		err = r.Choose(ctx, &p, payer)
	}
	if err != nil {
		return p, Checkout{}, err
	}
	if begins {
		if err := r.admit(p.Rail); err != nil {
			return p, Checkout{}, err
		}
	}
	stands, err := r.Store.ConfirmPayment(ctx, accountID, no, gateway.Payee())
	if err != nil || stands.State != models.PaymentPending || !r.Store.Now().Before(*stands.ExpiresAt) {
		if begins {
			r.breakers.of(p.Rail).release()
		}
		return stands, Checkout{}, err
	}
	p = stands
	if p.OpenedFor != "" && p.OpenedFor != payer.Device() {
		return p, Checkout{}, nil
	}
	checkout, err := r.open(ctx, gateway, &p, subject, payer)
	return p, checkout, err
}

// open asks the rail for the way to the cashier; a QR code that it gives is
// kept, one that it fails to give is only logged: the button works without. That
// another kind of device has opened it is noted, and gives an empty checkout.
func (r *Rails) open(ctx context.Context, gateway Gateway, p *models.Payment, subject string, payer Payer) (Checkout, error) {
	payer.Bank, payer.Corporate = p.PayerBank, p.PayerCorporate
	checkout, err := gateway.Open(ctx, Order{
		OutTradeNo: p.No, AmountFen: p.AmountFen, Subject: subject, OpenedAt: refOf(*p).OpenedAt, ExpiresAt: *p.ExpiresAt, Payer: payer,
		NotifyURL: r.PublicURL + "/notify/" + string(p.Rail),
		ReturnURL: r.PublicURL + "/return/" + string(p.Rail),
		PageURL:   r.PublicURL + "/payments/" + p.No,
		SkipQR:    p.QRContent != "",
	})
	r.heardOpening(ctx, p.Rail, checkout, err)
	if err != nil {
		r.Log.WarnContext(ctx, "gateway gave no full checkout", "payment", p.No, "error", err)
	}
	if errors.Is(err, ErrOtherDevice) {
		return Checkout{}, r.noteOther(ctx, p, payer.Device(), err)
	}
	if !checkout.HasDoor() && !checkout.OnOurPage && checkout.QRContent == "" && (err != nil || p.QRContent == "") {
		return checkout, unavailable(err)
	}
	if checkout.QRContent != "" {
		p.QRContent = checkout.QRContent
		if err := r.Store.SetQR(ctx, p.No, checkout.QRContent); err != nil {
			return checkout, err
		}
	}
	if checkout.For != "" && p.OpenedFor == "" {
		if p.OpenedFor, err = r.Store.NoteDevice(ctx, p.No, checkout.For); err != nil {
			return checkout, err
		}
	}
	return checkout, nil
}

// noteOther notes that a payment was opened by the other kind of device than the
// one that was refused. Unavailable where this kind opened it before, and is
// refused all the same.
func (r *Rails) noteOther(ctx context.Context, p *models.Payment, refused models.Device, cause error) (err error) {
	other := models.DeviceDesk
	if refused == other {
		other = models.DevicePhone
	}
	p.OpenedFor, err = r.Store.NoteDevice(ctx, p.No, other)
	if err == nil && p.OpenedFor == refused {
		return unavailable(cause)
	}
	return err
}

// Ask asks the gateway what became of a payment and settles what it confirms.
// Unavailable while it can't be asked: then nothing is known and the payment
// stays as it is, marked as being checked.
func (r *Rails) Ask(ctx context.Context, no, by string) (Asked, error) {
	return r.ask(ctx, no, by, nil)
}

// ask is the way that every question about a payment of ours goes.
func (r *Rails) ask(ctx context.Context, no, by string, act *models.StaffAct) (Asked, error) {
	p, err := r.Store.PaymentByNo(ctx, no)
	if err != nil {
		return Asked{}, err
	}
	gateway, err := r.on(p.Rail)
	if err != nil {
		return Asked{}, err
	}
	receipt, asked, failed := r.answer(ctx, gateway, refOf(p), by == BySeller || by == ByReturn)
	told := models.Told{Receipt: receipt}
	if failed != nil {
		told.Failure = failed.Error()
	}
	if asked.Outcome, err = r.Store.SettleAnswer(ctx, no, by, act, told); err != nil {
		return asked, err
	}
	if failed != nil {
		return asked, unavailable(failed)
	}
	return asked, nil
}

// query asks the gateway by our number, known to us or not, and settles what
// it confirms. The error is ErrUnavailable or a failure of the books.
func (r *Rails) query(ctx context.Context, gateway Gateway, ref Ref, inboxID int64) (Asked, error) {
	receipt, asked, err := r.answer(ctx, gateway, ref, false)
	switch {
	case err != nil:
		return asked, fmt.Errorf("%w: %w", ErrUnavailable, err)
	case receipt == nil:
		asked.Outcome = models.OutcomeNotPaid
		return asked, nil
	}
	receipt.Confirmed = true
	asked.Outcome, err = r.Store.SettlePayment(ctx, *receipt, inboxID)
	return asked, err
}

// answer is how every question about a payment is put and its answer read; the
// outcome is left to who asked. No receipt: the gateway has not seen the payment,
// or, with the error, nothing is known. waited: somebody does.
func (r *Rails) answer(ctx context.Context, gateway Gateway, ref Ref, waited bool) (*models.Receipt, Asked, error) {
	receipt, err := gateway.Query(ctx, ref)
	r.heard(ctx, gateway.Rail(), waited, err)
	switch {
	case errors.Is(err, ErrNotExist):
		return nil, Asked{State: models.TradeNotExist}, nil
	case err != nil:
		return nil, Asked{State: models.TradeUnknown}, err
	}
	return &receipt, Asked{State: receipt.State, Facts: receipt.Facts()}, nil
}

// asking is one way to ask about a payment and settle what is confirmed.
type asking func(ctx context.Context, no string) (Asked, error)

// asked is the way that Ask goes, for somebody.
func (r *Rails) asked(by string) asking {
	return func(ctx context.Context, no string) (Asked, error) { return r.Ask(ctx, no, by) }
}

// CloseAndExpire ends a payment whose deadline is over: ask, settle what was
// paid, else close it at the gateway, and only then expire it here.
// Unavailable: the gateway could not be asked or told; the payment stays
// pending and the caller comes again.
func (r *Rails) CloseAndExpire(ctx context.Context, no string) (models.Payment, error) {
	return r.end(ctx, no, r.asked(ByExpiry), r.Store.ExpirePayment)
}

// Cancel ends a payment at the seller's word, in the same order of things. A
// draft was never sent anywhere and needs no gateway.
func (r *Rails) Cancel(ctx context.Context, accountID int64, no string) (models.Payment, error) {
	p, err := r.Store.OwnPayment(ctx, accountID, no)
	if err == nil && p.State == models.PaymentDraft {
		p, err = r.Store.DiscardDraft(ctx, no)
	}
	if err != nil || p.State != models.PaymentPending {
		return p, err
	}
	return r.end(ctx, no, r.asked(BySeller), r.Store.CancelPayment)
}

// end brings a pending payment to its end here once the gateway holds no money
// for it and takes none.
func (r *Rails) end(ctx context.Context, no string, ask asking, finish func(context.Context, string) (models.Payment, error)) (models.Payment, error) {
	p, err := r.Store.PaymentByNo(ctx, no)
	if err != nil || p.State != models.PaymentPending {
		return p, err
	}
	if p.Rail == models.RailBankTransfer && r.By[p.Rail] == nil {
		return finish(ctx, no) // not set up any more, and there was never anybody to ask: what arrives is told by statements
	}
	paid, err := r.settleOrClose(ctx, p, ask)
	switch {
	case err != nil:
		return p, err
	case paid:
		return r.Store.PaymentByNo(ctx, no)
	}
	return finish(ctx, no)
}

// settleOrClose asks about a payment and settles what was paid; else it makes
// the gateway close it. Unavailable when either can't be had now.
func (r *Rails) settleOrClose(ctx context.Context, p models.Payment, ask asking) (paid bool, err error) {
	asked, err := ask(ctx, p.No)
	if err != nil {
		return false, err
	}
	switch asked.State {
	case models.TradePaid:
		return true, nil
	case models.TradeClosed:
		return false, nil
	case models.TradeUnknown:
		return false, unavailable(ErrUnavailable)
	}
	gateway, err := r.on(p.Rail)
	if err != nil {
		return false, err
	}
	closed, err := gateway.Close(ctx, refOf(p))
	r.heard(ctx, p.Rail, true, err)
	if err != nil {
		return false, r.checking(ctx, p.No, err)
	}
	if closed != AlreadyPaid {
		return false, nil
	}
	// It was paid between our question and our word.
	if asked, err = ask(ctx, p.No); err != nil {
		return false, err
	}
	if asked.State != models.TradePaid {
		return false, r.checking(ctx, p.No, ErrUnavailable)
	}
	return true, nil
}

// checking marks a payment of which nothing can be known now, and refuses.
func (r *Rails) checking(ctx context.Context, no string, cause error) error {
	if err := r.Store.NoteChecking(ctx, no, true); err != nil {
		return err
	}
	return unavailable(cause)
}

// Resume puts a new payment in the place of one that ended unpaid, or is still
// pending: the old one is asked about and closed at the gateway first. When
// the old one turns out to be paid it is given back, settled, and nothing new
// is made. subject names the new payment for the payer. NotFound, Conflict as models.Store.ResumePayment; Unavailable;
// FieldErrors on "method" where the rail is switched off or gone, on "amount" and "corporate" where it does not take the amount any more: the
// old one then stays as it is.
func (r *Rails) Resume(ctx context.Context, accountID int64, no string, subject func(no string) string, payer Payer) (models.Payment, error) {
	old, err := r.Store.OwnPayment(ctx, accountID, no)
	if err != nil {
		return old, err
	}
	gateway, err := r.on(old.Rail)
	if err != nil {
		return old, models.FieldErrors{models.MethodGone(old.Rail)}
	}
	if err := r.Store.MayBegin(ctx, old); err != nil && !old.State.IsPaid() {
		return old, err
	}
	switch old.State {
	case models.PaymentPending:
		old, err = r.end(ctx, no, r.asked(BySeller), r.Store.CancelPayment)
	case models.PaymentExpired, models.PaymentCancelled:
		if old.ConfirmedAt == nil {
			break // it was never sent: no gateway has it
		}
		if _, err = r.settleOrClose(ctx, old, r.asked(BySeller)); err == nil {
			old, err = r.Store.PaymentByNo(ctx, no)
		}
	}
	if err != nil {
		return old, err
	}
	if old.State.IsPaid() || old.State == models.PaymentFailed {
		return old, nil
	}
	next, err := r.Store.ResumePayment(ctx, accountID, no, gateway.Payee())
	if err != nil || next.State != models.PaymentPending || next.QRContent != "" {
		return next, err
	}
	if _, err := r.open(ctx, gateway, &next, subject(next.No), payer); err != nil {
		r.Log.WarnContext(ctx, "resumed payment has no checkout yet", "payment", next.No, "error", err)
	}
	return next, nil
}

// Notify takes one asynchronous notify: stored raw first, verified, settled.
// It reports whether the gateway may be told that all is well; when not, the
// gateway comes again. From an address that floods us with refused ones, or from
// anywhere once there are too many in all, only what verifies is stored.
func (r *Rails) Notify(ctx context.Context, rail models.Rail, address string, header http.Header, body []byte) (ok bool, err error) {
	gateway, err := r.on(rail)
	if err != nil {
		return false, err
	}
	if r.refusals.tooMany(address, r.Store.Now()) {
		if _, err := gateway.ReadNotify(header, body); err != nil {
			return false, nil
		}
	}
	id, err := r.Store.ReceiveNotify(ctx, rail, address, keptHeaders(header), body)
	if err != nil {
		return false, err
	}
	receipt, err := gateway.ReadNotify(header, body)
	if err != nil {
		r.refusals.add(address, len(body))
		return false, r.Store.JudgeNotify(ctx, id, models.OutcomeRefused, "", err.Error())
	}
	told, err := r.doubted(ctx, gateway, receipt)
	if err != nil {
		return false, err
	}
	outcome, err := r.Store.SettlePayment(ctx, told, id)
	if err == nil && outcome == models.OutcomeAsk {
		outcome, err = r.confirm(ctx, gateway, receipt, id)
	}
	if err != nil {
		r.Log.ErrorContext(ctx, "notify not settled", "rail", rail, "payment", receipt.OutTradeNo, "error", err)
		return false, r.Store.JudgeNotify(ctx, id, models.OutcomeUnsettled, receipt.OutTradeNo, err.Error())
	}
	r.afterRefundNotice(ctx, receipt)
	return outcome != models.OutcomeRefused, nil
}

// confirm asks the gateway about a notify that disagrees with our books. What
// it confirms is settled or parked; what it does not confirm is refused.
func (r *Rails) confirm(ctx context.Context, gateway Gateway, told models.Receipt, inboxID int64) (models.Outcome, error) {
	ref := Ref{OutTradeNo: told.OutTradeNo, OpenedAt: told.OpenedAt, GatewayTradeNo: told.GatewayTradeNo}
	asked, err := r.query(ctx, gateway, ref, inboxID)
	if err != nil {
		return "", err
	}
	if p, err := r.Store.PaymentByNo(ctx, told.OutTradeNo); err == nil {
		if err := r.Store.NoteQuery(ctx, p.ID, ByNotify, string(asked.Outcome), asked.Facts); err != nil {
			return "", err
		}
	}
	if asked.State == models.TradePaid {
		return asked.Outcome, nil
	}
	detail := "the gateway does not confirm it: " + string(asked.State)
	return models.OutcomeRefused, r.Store.JudgeNotify(ctx, inboxID, models.OutcomeRefused, told.OutTradeNo, detail)
}

// Return reads what the browser brought back from the gateway, asks about the
// payment it names, and gives that payment's no. It trusts nothing else.
func (r *Rails) Return(ctx context.Context, rail models.Rail, query map[string][]string) (no string, err error) {
	gateway, err := r.on(rail)
	if err != nil {
		return "", err
	}
	no, err = gateway.ReadReturn(query)
	if err != nil {
		return "", &models.Error{Code: models.NotFound, Key: "error.not_found", Err: err}
	}
	if err := r.AskSoon(ctx, no, ByReturn); err != nil && models.CodeOf(err) != models.Unavailable {
		return "", err
	}
	return no, nil
}

// askAgainAfter is how old an answer must be before a browser makes us ask
// again: a gateway counts its callers' questions.
const askAgainAfter = time.Second

// AskSoon asks as Ask does, for a person who waits: not about a payment that is
// paid already, and not when the same way led to the same question a moment ago.
func (r *Rails) AskSoon(ctx context.Context, no, by string) error {
	p, err := r.Store.PaymentByNo(ctx, no)
	if err != nil || p.State.IsPaid() || p.ConfirmedAt == nil {
		return err
	}
	last, err := r.Store.Findings(ctx, p.ID, 1)
	if err != nil || len(last) > 0 && last[0].AskedBy == by && r.Store.Now().Sub(last[0].AskedAt).Abs() < askAgainAfter {
		return err
	}
	_, err = r.Ask(ctx, no, by)
	return err
}

// readHeaders are those that a signature may stand on, and that tell who sent a notify.
var readHeaders = []string{
	"Content-Type", "User-Agent", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Signature-Type", "Wechatpay-Timestamp",
}

// maxHeader is how many bytes of one are kept: more than a signature has.
const maxHeader = 1000

// keptHeaders keeps of a notify's headers those that are read.
func keptHeaders(header http.Header) string {
	kept := map[string]string{}
	for _, name := range readHeaders {
		if values := header[name]; len(values) > 0 {
			text := strings.Join(values, ", ")
			kept[name] = strings.ToValidUTF8(text[:min(len(text), maxHeader)], "")
		}
	}
	text, _ := json.Marshal(kept) // a map of strings always marshals
	return string(text)
}
