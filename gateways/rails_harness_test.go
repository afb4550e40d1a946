package gateways_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

const (
	asked   = 300 * models.Yuan // every payment is over this much
	charged = 50 * models.Yuan  // the seller owes this much when a test begins
)

// desk is the books, one rail (Alipay's, as a rule) and its sandbox, all on one
// clock, with a server that the sandbox's notifies reach.
type desk struct {
	*modelstest.Bench
	rails   *gateways.Rails
	rail    models.Rail
	far     *gatewaystest.Alipay // where the rail is Alipay's
	box     sandboxed
	dir     string   // where the sandbox keeps its database
	fees    sync.Map // payment no to what the bill says was kept of it, int64 fen
	notify  string   // where the server takes notifies
	account int64
	deaf    atomic.Bool  // the server takes no notify
	behind  atomic.Int64 // nanoseconds by which the gateway's clock is behind ours
}

// eachDesk runs a test on every engine.
func eachDesk(t *testing.T, test func(*testing.T, *desk)) {
	t.Helper()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) { test(t, newDesk(t, b)) })
}

// eachRail runs a test on every engine, on each of the rails that make bills.
func eachRail(t *testing.T, test func(*testing.T, *desk)) {
	t.Helper()
	for _, rail := range []models.Rail{models.RailAlipay, models.RailWechat, models.RailUnionpay} {
		t.Run(string(rail), func(t *testing.T) {
			t.Parallel()
			modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) { test(t, newDeskOn(t, b, rail)) })
		})
	}
}

// sandboxed is a rail's sandbox and the wire to it.
type sandboxed interface {
	Pay(ctx context.Context, outTradeNo string, fault sandbox.Fault) (sandbox.Trade, error)
	Trade(ctx context.Context, outTradeNo string) (sandbox.Trade, error)
	CutOff(down bool)
	SpoilBills(spoil func(file []byte) []byte)
}

func newDesk(t *testing.T, b *modelstest.Bench) *desk {
	t.Helper()
	return newDeskOn(t, b, models.RailAlipay)
}

func newDeskOn(t *testing.T, b *modelstest.Bench, rail models.Rail) *desk {
	t.Helper()
	d := &desk{Bench: b, rail: rail}
	server := httptest.NewServer(http.HandlerFunc(d.serve))
	t.Cleanup(server.Close)
	d.notify = server.URL + "/notify/" + string(rail)
	now := func() time.Time { return b.Clock.Now().Add(-time.Duration(d.behind.Load())) }
	change := func(o *sandbox.Options) {
		d.dir = o.DataDir
		o.BillFee = func(no string) int64 {
			fee, _ := d.fees.Load(no)
			fen, _ := fee.(int64)
			return fen
		}
	}
	only := func(gateway gateways.Gateway) {
		d.rails = &gateways.Rails{Store: b.Store, By: map[models.Rail]gateways.Gateway{rail: gateway}, PublicURL: server.URL, Log: slog.New(slog.DiscardHandler)}
		b.Offer(rail)
	}
	switch rail {
	case models.RailWechat:
		far := gatewaystest.OpenWechat(t, now, change)
		d.box = far
		only(far.Rail)
	case models.RailUnionpay:
		far := gatewaystest.OpenUnionpay(t, now, change)
		d.box = far
		only(far.Rail)
	default:
		d.far = gatewaystest.OpenAlipay(t, now, change)
		d.box, d.rails = d.far, d.far.Rails(b.Store, server.URL)
	}
	account, campaigns := b.Seller(t, 100*models.Yuan)
	d.account = account
	b.Charge(t, "click", campaigns[0], charged)
	return d
}

// serve takes notifies as the portal's own handler does.
func (d *desk) serve(w http.ResponseWriter, r *http.Request) {
	rail := models.Rail(strings.TrimPrefix(r.URL.Path, "/notify/"))
	if d.deaf.Load() { // a test may put another gateway into its place
		http.Error(w, "nobody is here", http.StatusNotFound)
		return
	}
	gateway, known := d.rails.By[rail]
	body, err := io.ReadAll(r.Body)
	if !known || err != nil {
		http.Error(w, "nobody is here", http.StatusNotFound)
		return
	}
	ok, err := d.rails.Notify(r.Context(), rail, "127.0.0.1", r.Header, body)
	status, contentType, answer := gateway.Answer(ok && err == nil)
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	io.WriteString(w, answer)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func subject(no string) string { return "账户充值 " + no }

// confirmed is a payment that was sent on its way.
func (d *desk) confirmed(t *testing.T) models.Payment {
	t.Helper()
	return d.confirmedOver(t, asked)
}

func (d *desk) confirmedOver(t *testing.T, amount models.Fen) models.Payment {
	t.Helper()
	draft, err := d.DraftRecharge(t.Context(), d.account, models.RechargeInput{Amount: amount.Wire(), Method: string(d.rail)})
	must(t, err)
	payer := gateways.Payer{}
	if d.rail == models.RailUnionpay {
		payer.Bank = "ICBC"
	}
	p, checkout, err := d.rails.Confirm(t.Context(), d.account, draft.No, subject(draft.No), payer)
	must(t, err)
	if checkout.RedirectURL == "" && d.rail == models.RailAlipay || p.State != models.PaymentPending {
		t.Fatalf("confirmed to %+v, %s", checkout, p.State)
	}
	gatewaystest.Arrive(t, checkout)
	return p
}

// scanned is a confirmed payment whose payer has come to the cashier.
func (d *desk) scanned(t *testing.T) models.Payment {
	t.Helper()
	p := d.confirmed(t)
	_, err := d.far.Scan(t.Context(), p.QRContent)
	must(t, err)
	return p
}

func (d *desk) pay(t *testing.T, p models.Payment, fault sandbox.Fault) {
	t.Helper()
	_, err := d.box.Pay(t.Context(), p.No, fault)
	must(t, err)
}

// paid is a payment that was paid and credited by its notify.
func (d *desk) paid(t *testing.T) models.Payment {
	t.Helper()
	p := d.confirmed(t)
	d.pay(t, p, sandbox.FaultNone)
	return d.becomes(t, p, models.PaymentPaid)
}

func (d *desk) now(t testing.TB, p models.Payment) models.Payment {
	t.Helper()
	p, err := d.PaymentByNo(t.Context(), p.No)
	must(t, err)
	return p
}

// becomes waits until the payment stands in a state.
func (d *desk) becomes(t *testing.T, p models.Payment, want models.PaymentState) models.Payment {
	t.Helper()
	gatewaystest.Eventually(t, "payment "+p.No+" becomes "+string(want), func() bool { return d.now(t, p).State == want })
	return d.now(t, p)
}

func (d *desk) is(t *testing.T, p models.Payment, want models.PaymentState) models.Payment {
	t.Helper()
	p = d.now(t, p)
	if p.State != want {
		t.Fatalf("the payment is %s, want %s", p.State, want)
	}
	return p
}

// overdue moves the clock past the payment's deadline.
func (d *desk) overdue(p models.Payment) { d.Clock.Set(p.ExpiresAt.Add(time.Second)) }

// expired ends a payment at its deadline.
func (d *desk) expired(t *testing.T, p models.Payment) models.Payment {
	t.Helper()
	d.overdue(p)
	p, err := d.rails.CloseAndExpire(t.Context(), p.No)
	must(t, err)
	return d.is(t, p, models.PaymentExpired)
}

// balance wants this much cash, and the books to agree with what the gateway
// itself says it took.
func (d *desk) balance(t *testing.T, cash models.Fen) {
	t.Helper()
	read, err := d.RechargeDesk(t.Context(), d.account)
	must(t, err)
	if read.Funds.Cash != cash {
		t.Errorf("cash is %s, want %s", read.Funds.Cash.Wire(), cash.Wire())
	}
	if state := read.Account.State(); (state == models.AccountActive) != (cash >= 0) {
		t.Errorf("the account is %s with %s", state, cash.Wire())
	}
	figures, err := d.Figures(t.Context())
	must(t, err)
	trades, err := d.far.PaidTrades(t.Context())
	must(t, err)
	var held models.Fen
	for _, trade := range trades {
		held += models.Fen(trade.HeldFen)
	}
	if held != read.Funds.Cash+charged+figures.Suspense {
		t.Errorf("the gateway took %s; here are %s recharged and %s in suspense",
			held.Wire(), (read.Funds.Cash + charged).Wire(), figures.Suspense.Wire())
	}
	d.Sound(t)
}

// verdicts are what was made of the notifies about a payment, in their order.
func (d *desk) verdicts(t *testing.T, no string) []string {
	t.Helper()
	rows, err := d.Notifies(t.Context(), no)
	must(t, err)
	verdicts := make([]string, len(rows))
	for i, row := range rows {
		verdicts[i] = row.Verdict
	}
	return verdicts
}

// notice is the newest notify that the sandbox made about a payment, as fields.
func (d *desk) notice(t *testing.T, no string) url.Values {
	t.Helper()
	notices, err := d.far.Notices(t.Context(), no)
	must(t, err)
	if len(notices) == 0 {
		t.Fatalf("no notify about %s", no)
	}
	fields := notices[len(notices)-1].Fields
	fields.Set("notify_time", "2026-11-24 14:00:00")
	return fields
}

// signed is the body of a notify with these fields, signed by the gateway.
func (d *desk) signed(t *testing.T, fields url.Values) string {
	t.Helper()
	body, err := d.far.SignNotify(fields, false)
	must(t, err)
	return body
}

// send posts a notify as a gateway does and gives our answer.
func (d *desk) send(t *testing.T, body string, change ...func(*http.Request)) string {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, d.notify, bytes.NewReader([]byte(body)))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for _, c := range change {
		c(request)
	}
	response, err := http.DefaultClient.Do(request)
	must(t, err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	must(t, err)
	return string(answer)
}

func wantAnswer(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("the gateway is told %q, want %q", got, want)
	}
}

func wantCode(t *testing.T, err error, want models.Code) {
	t.Helper()
	if err == nil || models.CodeOf(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func wantList[T comparable](t *testing.T, what string, got []T, want ...T) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s are %v, want %v", what, got, want)
	}
}
