package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// TestCrashesCreditEveryPaymentOnce kills the portal again and again while
// payers pay: whatever the gateway holds as paid is credited in the end, once.
func TestCrashesCreditEveryPaymentOnce(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			crash(t, engine)
		})
	}
}

const (
	crashes        = 5
	paymentsPerOne = 12 // of each seller
)

func crash(t *testing.T, engine models.Engine) {
	g := openGateway(t, sandbox.Options{
		NotifyDelays: slices.Repeat([]time.Duration{300 * time.Millisecond}, 200),
		NotifyLate:   500 * time.Millisecond, GenuineAfter: 200 * time.Millisecond,
	})
	p := serve(t, paying(g), onEngine(t, engine))
	store := p.open(t)
	var payments []models.Payment
	before := map[int64]models.Fen{}
	for _, email := range []string{"arrears@demo.test", "overdue@demo.test", "active@demo.test"} {
		seller := signedIn(t, p, email)
		for i := range paymentsPerOne {
			payments = append(payments, payment(t, store, seller.confirmed(t, fmt.Sprintf("%d.%02d", 200+i, i))))
		}
		id := payments[len(payments)-1].AccountID
		before[id] = cash(t, store, id)
	}

	var paying sync.WaitGroup
	paying.Go(func() { payAll(t, g, payments) })
	for range crashes {
		time.Sleep(time.Duration(50+rand.IntN(400)) * time.Millisecond)
		p.kill()
		if err := p.start(); err != nil {
			t.Fatal(err)
		}
	}
	paying.Wait()

	paid, err := g.PaidTrades(t.Context())
	if err != nil || len(paid) != len(payments) {
		t.Fatalf("the gateway holds %d trades as paid, want %d: %v", len(paid), len(payments), err)
	}
	want := map[int64]models.Fen{}
	for _, trade := range paid {
		await(t, 40*time.Second, trade.OutTradeNo+" is paid at the gateway and not credited", func() bool {
			return payment(t, store, trade.OutTradeNo).State == models.PaymentPaid
		})
		p := payment(t, store, trade.OutTradeNo)
		want[p.AccountID] += models.Fen(trade.HeldFen)
		if p.GatewayTradeNo == nil || *p.GatewayTradeNo != trade.TradeNo {
			t.Errorf("%s is not credited by the gateway's trade %s", p.No, trade.TradeNo)
		}
	}
	if err := p.terminate(); err != nil {
		t.Error(err)
	}
	for id, had := range before {
		if got := cash(t, store, id); got != had+want[id] {
			t.Errorf("account %d has %d fen, want %d + %d", id, got, had, want[id])
		}
	}
	sound(t, store)
}

// payAll pays at the gateway, each payment with another of the mishaps that end
// well, some at once.
func payAll(t *testing.T, g *gateway, payments []models.Payment) {
	faults := []sandbox.Fault{sandbox.FaultNone, sandbox.FaultNotifyTriple, sandbox.FaultNotifyLate, sandbox.FaultForgedSign, sandbox.FaultWrongAmount}
	var payers sync.WaitGroup
	for i, p := range payments {
		payers.Go(func() {
			if _, err := g.Pay(context.Background(), p.No, faults[i%len(faults)]); err != nil {
				t.Errorf("pay %s: %v", p.No, err)
			}
		})
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond)
	}
	payers.Wait()
}

// TestStopLetsRunningRequestsFinish: asked to stop, the portal answers what it
// has begun, refuses what is new, and ends in good order.
func TestStopLetsRunningRequestsFinish(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{})
	p := serve(t, paying(g))
	seller := signedIn(t, p, "active@demo.test")
	no := seller.confirmed(t, "300")
	g.slow.Store(int64(1500 * time.Millisecond))
	answered := make(chan answer, 1)
	go func() {
		a, err := seller.post("/payments/"+no+"/check", nil)
		if err != nil {
			t.Error("a running request was cut off: ", err)
		}
		answered <- a
	}()
	time.Sleep(400 * time.Millisecond)
	stopped := make(chan error, 1)
	go func() { stopped <- p.terminate() }()
	time.Sleep(300 * time.Millisecond)
	if len(answered) != 0 {
		t.Error("the request was to take longer: this test shows nothing")
	}
	if response, err := http.Get("http://" + p.addr + "/healthz"); err == nil {
		response.Body.Close()
		t.Error("a new request was taken while the portal was stopping")
	}
	if a := <-answered; a.status != http.StatusSeeOther || a.to != "/payments/"+no {
		t.Errorf("the running request got %d to %q", a.status, a.to)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	desk, err := p.open(t).PaymentDesk(t.Context(), payment(t, p.open(t), no).AccountID, no)
	if err != nil || len(desk.Findings) == 0 {
		t.Errorf("what the request found was not kept: %+v, %v", desk.Findings, err)
	}
}

// TestStopEndsLongPolls: asked to stop, the portal answers at once those who wait
// for a change, an ad engine and the demo's own, with the cursor they have.
func TestStopEndsLongPolls(t *testing.T) {
	t.Parallel()
	p := serve(t, with("PORTAL_SIMULATE=on"))
	f := newFeed(t, p)
	first, err := f.ask(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	answered := make(chan servingAnswer, 1)
	go func() {
		answer, err := f.ask(t.Context(), "?wait=30&after="+first.Cursor)
		if err != nil {
			t.Error("a reader that waited was cut off: ", err)
		}
		answered <- answer
	}()
	time.Sleep(time.Second)
	if len(answered) != 0 {
		t.Fatal("the reader did not wait: this test shows nothing")
	}
	began := time.Now()
	if err := p.terminate(); err != nil {
		t.Error(err)
	}
	// Go gives a connection that was opened and not used yet 5 s to say something.
	if took := time.Since(began); took > 9*time.Second {
		t.Errorf("the portal took %v to stop", took)
	}
	if got := <-answered; got.Cursor != first.Cursor || len(got.Campaigns) != 0 {
		t.Errorf("the reader was answered %+v, its cursor was %s", got, first.Cursor)
	}
}

// onEngine gives the portal a database of that kind: the seeded one on SQLite, a
// fresh one on PostgreSQL, which the portal seeds.
func onEngine(t *testing.T, engine models.Engine) option {
	t.Helper()
	if engine == models.SQLite {
		return func(p *portal) { p.database = "sqlite:" + filepath.Join(p.folder, "portal.db") }
	}
	return on(modelstest.URL(t, engine))
}

func payment(t *testing.T, store *models.Store, no string) models.Payment {
	t.Helper()
	p, err := store.PaymentByNo(t.Context(), no)
	if err != nil {
		t.Fatal(no, " ", err)
	}
	return p
}

func cash(t *testing.T, store *models.Store, accountID int64) models.Fen {
	t.Helper()
	o, err := store.AccountOverview(t.Context(), accountID)
	if err != nil {
		t.Fatal(err)
	}
	return o.Funds.Cash
}

// sound: the books hold what books promise.
func sound(t *testing.T, store *models.Store) {
	t.Helper()
	faults, err := store.VerifyLedger(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error("the ledger does not hold: ", fault)
	}
}
