package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
)

// TestImpatientHandsMakeOnePayment: double clicks, refreshes, the back button
// and a second tab all end at the same payment, credited once.
func TestImpatientHandsMakeOnePayment(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{})
	p := serve(t, paying(g))
	b := newTab(t, p)
	b.signIn("active@demo.test")
	no := ""
	b.step("double_click_on_the_form", func() {
		b.open("/recharge")
		b.fill("amount", "800")
		b.see("下一步：确认 ¥800.00")
		b.pressTwice("下一步")
		no = b.at(`/payments/(R\w{20})/confirm$`)[1]
	})
	b.step("second_tab_with_the_same_amount", func() {
		other := b.beside()
		other.open("/recharge")
		other.fill("amount", "800.00")
		other.press("下一步")
		if got := other.at(`/payments/(R\w{20})/confirm$`)[1]; got != no {
			b.t.Errorf("the second tab got %s, the first %s", got, no)
		}
		b.front()
	})
	b.step("double_click_on_the_confirmation", func() {
		b.pressTwice("确认并付款")
		b.at(`/cashier/`)
		b.see("¥800.00", no)
	})
	b.step("back_button_and_confirm_again", func() {
		b.back()
		b.at(`/payments/` + no + `(/confirm)?$`)
		b.open("/payments/" + no + "/confirm")
		b.at(`/payments/` + no + `$`)
		b.submit("前往支付宝付款")
		b.at(`/cashier/`)
		b.see("¥800.00", no)
	})
	b.step("pay_twice_and_refresh", func() {
		b.pressTwice("付款 ¥800.00")
		b.at(`/payments/` + no + `$`)
		b.see("充值成功", "+¥800.00")
		b.open("/payments/" + no)
		b.back()
		b.open("/payments")
		b.see("本页 1 条")
		b.open("/account")
		b.see("¥5,121.80")
	})
	b.step("a_paid_payment_is_not_confirmed_again", func() {
		seller := signedIn(t, p, "active@demo.test")
		if a := seller.must(b.t, "/payments/"+no+"/confirm", nil); a.to != "/payments/"+no {
			b.t.Errorf("a paid payment leads to %q", a.to)
		}
	})
	if paid, err := g.PaidTrades(t.Context()); err != nil || len(paid) != 1 {
		t.Errorf("the gateway holds %d trades as paid: %v", len(paid), err)
	}
}

// TestFormsAreNotBelieved: what a browser sends beside the form counts nothing,
// and neither does what it sends at the same instant.
func TestFormsAreNotBelieved(t *testing.T) {
	t.Parallel()
	g := openGateway(t, sandbox.Options{})
	p := serve(t, paying(g))
	seller := signedIn(t, p, "active@demo.test")
	t.Run("sixteen_at_once_make_one_payment", func(t *testing.T) {
		made := sameAnswers(t, func() (answer, error) {
			return seller.post("/recharge", url.Values{"amount": {"640"}, "method": {"alipay"}})
		})
		no := strings.TrimSuffix(strings.TrimPrefix(made.to, "/payments/"), "/confirm")
		sent := sameAnswers(t, func() (answer, error) { return seller.post("/payments/"+no+"/confirm", nil) })
		if !strings.Contains(sent.to, no) {
			t.Errorf("the confirmations lead to %q", sent.to)
		}
	})
	t.Run("amount_edited_on_the_way", func(t *testing.T) {
		no := seller.draft(t, "900")
		a := seller.must(t, "/payments/"+no+"/confirm", url.Values{"amount": {"1"}, "amount_fen": {"100"}, "method": {"wechat"}})
		if a.status != http.StatusSeeOther {
			t.Fatal(a.status)
		}
		trade, err := g.Pay(t.Context(), no, sandbox.FaultNone)
		if err != nil || trade.HeldFen != 900_00 {
			t.Errorf("the gateway took %d fen: %v", trade.HeldFen, err)
		}
		await(t, patience, "the payment is credited", func() bool { return payment(t, p.open(t), no).State == models.PaymentPaid })
	})
	t.Run("of_another_seller", func(t *testing.T) {
		no := seller.confirmed(t, "950")
		stranger := signedIn(t, p, "arrears@demo.test")
		for _, path := range []string{"/payments/" + no, "/payments/" + no + "/confirm", "/payments/" + no + "/qr.png", "/payments/R26112400000000000000", "/campaigns/999999"} {
			if a, err := stranger.get(path); err != nil || a.status != http.StatusNotFound {
				t.Errorf("GET %s: %d %v", path, a.status, err)
			}
		}
		for _, path := range []string{"confirm", "cancel", "resume", "check"} {
			if a := stranger.must(t, "/payments/"+no+"/"+path, nil); a.status != http.StatusNotFound {
				t.Errorf("POST %s: %d", path, a.status)
			}
		}
		if got := payment(t, p.open(t), no).State; got != models.PaymentPending {
			t.Errorf("the payment is %s", got)
		}
	})
	t.Run("without_the_token", func(t *testing.T) {
		forger := *seller
		forger.token = "guessed"
		if a := forger.must(t, "/recharge", url.Values{"amount": {"970"}, "method": {"alipay"}}); a.status != http.StatusForbidden {
			t.Errorf("a form with a wrong token got %d", a.status)
		}
	})
}

// sameAnswers posts sixteen times at once; all must lead to one place.
func sameAnswers(t *testing.T, post func() (answer, error)) answer {
	t.Helper()
	const hands = 16
	answers := make([]answer, hands)
	var all sync.WaitGroup
	for i := range hands {
		all.Go(func() {
			var err error
			if answers[i], err = post(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, a := range answers {
		if a.status != http.StatusSeeOther || place(a.to) != place(answers[0].to) {
			t.Errorf("%d to %q, another got %d to %q", a.status, a.to, answers[0].status, answers[0].to)
		}
	}
	return answers[0]
}

// place is where an address leads: for a cashier the order, without the time and
// the signature that each has of its own.
func place(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.RawQuery == "" {
		return to
	}
	return u.Path + u.Query().Get("biz_content")
}
