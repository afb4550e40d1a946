package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// TestTwoReplicasCreditOnce: two portals on one PostgreSQL database get the same
// notify 32 times each, all at the same instant. Each answer is "success", and
// the money is there once.
func TestTwoReplicasCreditOnce(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{})
	database := onEngine(t, models.Postgres)
	first := serve(t, paying(g), database)
	replicas := []*portal{first, serve(t, paying(g), database)}
	seller := signedIn(t, first, "active@demo.test")
	store := first.open(t)
	account := payment(t, store, seller.draft(t, "200")).AccountID
	want := cash(t, store, account)
	for round := range 4 {
		no := seller.confirmed(t, fmt.Sprint(301+round))
		trade, err := g.Pay(t.Context(), no, sandbox.FaultNotifyLost)
		if err != nil {
			t.Fatal(err)
		}
		notifyAll(t, g, no, replicas)
		want += models.Fen(trade.HeldFen)
		if p := payment(t, store, no); p.State != models.PaymentPaid {
			t.Errorf("%s is %s after its notifies", no, p.State)
		}
		if got := cash(t, store, account); got != want {
			t.Errorf("round %d: %d fen, want %d", round, got, want)
		}
	}
	sound(t, store)

	// A session of one replica is one of the other.
	seller.base = replicas[1].URL
	if page, err := seller.get("/account"); err != nil || page.status != http.StatusOK {
		t.Errorf("the other replica does not know the session: %d %v", page.status, err)
	}
}

// notifyAll sends the notify of a payment to every replica at once.
func notifyAll(t *testing.T, g *gateway, no string, replicas []*portal) {
	t.Helper()
	notices, err := g.Notices(t.Context(), no)
	if err != nil || len(notices) == 0 {
		t.Fatal("no notify of ", no, err)
	}
	fields := notices[0].Fields
	fields.Set("notify_time", fields.Get("gmt_payment"))
	body, err := g.SignNotify(fields, false)
	if err != nil {
		t.Fatal(err)
	}
	begin := make(chan struct{})
	var senders sync.WaitGroup
	for i := range 32 * len(replicas) {
		to := "http://" + replicas[i%len(replicas)].addr + "/notify/alipay"
		senders.Go(func() {
			<-begin
			response, err := http.Post(to, "application/x-www-form-urlencoded; charset=utf-8", strings.NewReader(body))
			if err != nil {
				t.Error(err)
				return
			}
			defer response.Body.Close()
			if answer, err := io.ReadAll(response.Body); string(answer) != "success" {
				t.Errorf("a notify was answered %q: %v", answer, err)
			}
		})
	}
	close(begin)
	senders.Wait()
}
