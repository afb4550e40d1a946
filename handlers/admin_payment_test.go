package handlers_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/models"
	"ztc-portal/views/text"
)

// phone is a seller who has paid and does not see the money, and who answers
// the phone.
type phone struct {
	*site
	seller  *browser
	account int64
	staff   *browser
	deaf    atomic.Bool // notifies are lost on their way
}

func (s *site) phone(t *testing.T, role models.Role) *phone {
	t.Helper()
	p := &phone{site: s}
	portal := s.handler
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.deaf.Load() && strings.HasPrefix(r.URL.Path, "/notify/") {
			http.Error(w, "lost", http.StatusBadGateway)
			return
		}
		portal.ServeHTTP(w, r)
	})
	p.seller, p.account = s.seller(t)
	p.staff, _ = s.member(t, role, string(role)+"@shop.test")
	return p
}

func eachPhone(t *testing.T, test func(*testing.T, *phone)) {
	t.Helper()
	eachSite(t, func(t *testing.T, s *site) { test(t, s.phone(t, models.RoleSupport)) })
}

func desk(no string) string { return "/admin/payments/" + no }

// presses sends a form of the payment's page and wants the sentence that it leads to.
func (p *phone) presses(t *testing.T, no, act, flash string) answer {
	t.Helper()
	p.staff.post(desk(no)+"/"+act).leads(t, desk(no))
	page := p.staff.get(desk(no)).is(t, http.StatusOK)
	page.says(t, "main", word(text.Chinese, flash))
	return page
}

// sign wants the page to say what is to be known of the payment.
func (a answer) sign(t *testing.T, sign models.PaymentSign, args ...any) {
	t.Helper()
	a.says(t, "main .notice", word(text.Chinese, "staff_payment.sign."+string(sign), args...))
}

// both wants what the page sets side by side, in the row of a fact.
func (a answer) both(t *testing.T, row int, ours, theirs string) {
	t.Helper()
	cells := a.Find("section[aria-labelledby=sides-title] tbody tr").Eq(row).Find("td")
	for i, want := range []string{ours, theirs} {
		if got := strings.Join(strings.Fields(cells.Eq(i+1).Text()), " "); got != want {
			t.Errorf("row %d, side %d reads %q, want %q", row, i, got, want)
		}
	}
}

func (p *phone) cashIs(t *testing.T, want models.Fen) {
	t.Helper()
	if got := p.cash(t, p.account); got != want {
		t.Errorf("cash is %s, want %s", got.Wire(), want.Wire())
	}
	p.Sound(t)
}

func (p *phone) acted(t *testing.T, action string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, p.audits(t, action)); diff != "" {
		t.Errorf("the audit trail of %s: %s", action, diff)
	}
}

// finds wants the list to lead to the payment's page.
func (p *phone) finds(t *testing.T, query, no string) {
	t.Helper()
	if n := p.staff.get("/admin/payments"+query).is(t, http.StatusOK).Find("a[href='" + desk(no) + "']").Length(); n != 1 {
		t.Errorf("the list %q leads %d times to the payment", query, n)
	}
}

func TestPhoneCallLostNotify(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		pay := p.seller.pending(p.account, "300")
		trade, err := p.far.Pay(t.Context(), pay.No, sandbox.FaultNotifyLost)
		must(t, err)
		p.finds(t, "?state=pending", pay.No)
		before := p.staff.get(desk(pay.No)).is(t, http.StatusOK)
		before.sign(t, models.SignSilent)
		before.sign(t, models.SignNeverAsked)
		before.both(t, 0, word(text.Chinese, "state.payment.pending"), word(text.Chinese, "staff_payment.not_asked"))
		p.cashIs(t, 0)
		p.Clock.Add(90 * time.Second)
		after := p.presses(t, pay.No, "repair", "flash.payment_credited")
		after.both(t, 0, word(text.Chinese, "state.payment.paid"), word(text.Chinese, "staff_payment.trade.paid"))
		after.both(t, 1, "¥300.00", "¥300.00")
		after.both(t, 2, trade.TradeNo, trade.TradeNo)
		after.sign(t, models.SignAgree)
		after.sign(t, models.SignUnheard)
		after.says(t, "section[aria-labelledby=answers-title]", "support@shop.test")
		after.says(t, "section[aria-labelledby=posting-title]", "gateway:alipay")
		after.says(t, "section[aria-labelledby=facts-title]", word(text.Chinese, "time.minutes", "Count", 1))
		after.says(t, "section[aria-labelledby=facts-title]", "Shop of seller@shop.test")
		p.cashIs(t, 300*yuan)
		p.presses(t, pay.No, "ask", "flash.payment_credited_before")
		p.staff.post(desk(pay.No)+"/repair").leads(t, desk(pay.No)) // a second click
		p.cashIs(t, 300*yuan)
		p.acted(t, models.ActRepair,
			fmt.Sprintf("support@shop.test payment:%d pending paid settled", pay.ID),
			fmt.Sprintf("support@shop.test payment:%d paid paid already_settled", pay.ID))
		p.acted(t, models.ActAsk, fmt.Sprintf("support@shop.test payment:%d paid paid already_settled", pay.ID))
	})
}

func TestPhoneCallWrongAmount(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		pay := p.seller.pending(p.account, "300")
		p.far.CutOff(true) // so that nobody can be asked about the notify that disagrees
		_, err := p.far.Pay(t.Context(), pay.No, sandbox.FaultWrongAmount)
		must(t, err)
		gatewaystest.Eventually(t, "the notify is put off", func() bool {
			rows, err := p.Notifies(t.Context(), pay.No)
			return err == nil && len(rows) > 0 && rows[0].Verdict == string(models.OutcomeUnsettled)
		})
		page := p.presses(t, pay.No, "repair", "flash.payment_gateway_down")
		page.sign(t, models.SignUnsettled)
		page.sign(t, models.SignChecking)
		notices := page.Find("section[aria-labelledby=notices-title]")
		if raw := notices.Find("pre").Text(); !strings.Contains(raw, "total_amount=400.00") || !strings.Contains(raw, pay.No) {
			t.Errorf("the notify is shown as %.300q", raw)
		}
		page.says(t, "section[aria-labelledby=notices-title]", word(text.Chinese, "staff_payment.verdict.unsettled"))
		p.finds(t, "?stuck=1", pay.No)
		if stays := p.payment(t, pay.No); stays.State != models.PaymentPending {
			t.Errorf("the payment is %s though nobody could be asked", stays.State)
		}
		p.far.CutOff(false)
		after := p.presses(t, pay.No, "repair", "flash.payment_credited")
		after.both(t, 1, "¥300.00", "¥300.00")
		p.cashIs(t, 300*yuan)
		p.acted(t, models.ActRepair,
			fmt.Sprintf("support@shop.test payment:%d pending pending unavailable", pay.ID),
			fmt.Sprintf("support@shop.test payment:%d pending paid settled", pay.ID))
	})
}

// The gateway holds another sum than we asked for: it is nobody's to credit.
func TestPhoneCallWrongAmountPaid(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		p.deaf.Store(true)
		pay := p.seller.pending(p.account, "300")
		trade, err := p.far.Pay(t.Context(), pay.No, sandbox.FaultWrongAmountPaid)
		must(t, err)
		page := p.presses(t, pay.No, "repair", "flash.payment_held")
		page.sign(t, models.SignHeld, "Amount", 299*yuan)
		page.both(t, 0, word(text.Chinese, "state.payment.failed"), word(text.Chinese, "staff_payment.trade.paid")+" "+word(text.Chinese, "staff_payment.differs"))
		page.both(t, 1, "¥300.00", "¥299.00 "+word(text.Chinese, "staff_payment.differs"))
		page.says(t, "section[aria-labelledby=held-title]", word(text.Chinese, "suspense.reason.amount_differs", "Theirs", 299*yuan, "Ours", 300*yuan))
		p.presses(t, pay.No, "repair", "flash.payment_held")
		p.cashIs(t, 0)
		list := p.staff.get("/admin/suspense").is(t, http.StatusOK)
		list.says(t, "table", trade.TradeNo)
		list.says(t, "#main", "¥299.00")
		if n := list.Find("a[href='" + desk(pay.No) + "']").Length(); n != 1 {
			t.Errorf("the list of suspense leads %d times to the payment", n)
		}
		finance, _ := p.member(t, models.RoleFinance, "finance@shop.test")
		finance.get("/admin/suspense/1/clear").is(t, http.StatusOK).says(t, "#main",
			word(text.Chinese, "suspense.reason.amount_differs", "Theirs", 299*yuan, "Ours", 300*yuan))
		figures, err := p.Figures(t.Context())
		must(t, err)
		if figures.Suspense != 299*yuan {
			t.Errorf("%s stand in suspense", figures.Suspense.Wire())
		}
		p.acted(t, models.ActRepair,
			fmt.Sprintf("support@shop.test payment:%d pending failed suspense", pay.ID),
			fmt.Sprintf("support@shop.test payment:%d failed failed suspense", pay.ID))
	})
}

// scanned is a pending payment that the gateway knows, waiting for its payer.
func (p *phone) scanned(t *testing.T) models.Payment {
	t.Helper()
	pay := p.seller.pending(p.account, "300")
	_, err := p.far.Scan(t.Context(), pay.QRContent)
	must(t, err)
	return pay
}

func TestPhoneCallPaidAfterClose(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		p.deaf.Store(true)
		pay := p.scanned(t)
		p.seller.post("/payments/"+pay.No+"/cancel").leads(t, "/payments/"+pay.No)
		closed := p.presses(t, pay.No, "repair", "flash.payment_closed_there")
		closed.both(t, 0, word(text.Chinese, "state.payment.cancelled"), word(text.Chinese, "staff_payment.trade.closed"))
		closed.sign(t, models.SignUnpaid)
		p.cashIs(t, 0)
		_, err := p.far.Pay(t.Context(), pay.No, sandbox.FaultPayAfterClose)
		must(t, err)
		page := p.presses(t, pay.No, "repair", "flash.payment_credited_late")
		page.sign(t, models.SignLate)
		page.sign(t, models.SignAgree)
		p.finds(t, "?late=1", pay.No)
		p.cashIs(t, 300*yuan)
		p.deaf.Store(false)
		p.acted(t, models.ActRepair,
			fmt.Sprintf("support@shop.test payment:%d cancelled cancelled closed", pay.ID),
			fmt.Sprintf("support@shop.test payment:%d cancelled paid settled_late", pay.ID))
	})
}

func TestPhoneCallPaidTwiceByResume(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		p.deaf.Store(true)
		old := p.scanned(t)
		p.seller.post("/payments/"+old.No+"/cancel").leads(t, "/payments/"+old.No)
		p.seller.post("/payments/"+old.No+"/resume").is(t, http.StatusSeeOther)
		next := p.payments(t, p.account)[0]
		for no, fault := range map[string]sandbox.Fault{old.No: sandbox.FaultPayAfterClose, next.No: sandbox.FaultNotifyLost} {
			_, err := p.far.Pay(t.Context(), no, fault)
			must(t, err)
		}
		p.presses(t, next.No, "repair", "flash.payment_credited")
		page := p.presses(t, old.No, "repair", "flash.payment_credited_late")
		page.sign(t, models.SignTwice)
		page.says(t, "section[aria-labelledby=facts-title]", next.No)
		p.staff.get(desk(next.No)).is(t, http.StatusOK).sign(t, models.SignTwice)
		p.cashIs(t, 600*yuan)
		for _, no := range []string{old.No, next.No} {
			p.presses(t, no, "repair", "flash.payment_credited_before")
		}
		p.cashIs(t, 600*yuan)
	})
}

// Two of the staff, and their impatience: one credit, and each act on the trail.
func TestRepairAtTheSameTimeCreditsOnce(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		other, _ := p.member(t, models.RoleAdmin, "admin@shop.test")
		for round := range 3 {
			pay := p.seller.pending(p.account, fmt.Sprint(300+round))
			_, err := p.far.Pay(t.Context(), pay.No, sandbox.FaultNotifyLost)
			must(t, err)
			var both sync.WaitGroup
			for i := range 8 {
				staff := []*browser{p.staff, other}[i%2]
				form := "csrf=" + staff.token
				both.Go(func() {
					request, err := http.NewRequest(http.MethodPost, p.url+desk(pay.No)+"/repair", strings.NewReader(form))
					if err != nil {
						t.Error(err)
						return
					}
					request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
					response, err := staff.client.Do(request)
					if err != nil {
						t.Error(err)
						return
					}
					response.Body.Close()
					if response.StatusCode != http.StatusSeeOther {
						t.Errorf("repair at the same time: %s", response.Status)
					}
				})
			}
			both.Wait()
			if got := p.payment(t, pay.No); got.State != models.PaymentPaid {
				t.Errorf("the payment is %s", got.State)
			}
		}
		p.cashIs(t, 300*yuan+301*yuan+302*yuan)
		settled := 0
		acts := p.audits(t, models.ActRepair)
		for _, act := range acts {
			if strings.HasSuffix(act, "pending paid settled") {
				settled++
			}
		}
		if settled != 3 || len(acts) != 24 {
			t.Errorf("%d of %d acts say that they credited", settled, len(acts))
		}
	})
}

func TestUnpaidIsNotCreditedAtStaffsWord(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		pay := p.seller.pending(p.account, "300")
		p.presses(t, pay.No, "repair", "flash.payment_not_there")
		_, err := p.far.Scan(t.Context(), pay.QRContent)
		must(t, err)
		page := p.presses(t, pay.No, "repair", "flash.payment_waiting")
		page.sign(t, models.SignUnpaid)
		draft := p.seller.draft(p.account, "555")
		p.presses(t, draft.No, "repair", "flash.payment_not_there").sign(t, models.SignDraft)
		if a, b := p.payment(t, pay.No), p.payment(t, draft.No); a.State != models.PaymentPending || b.State != models.PaymentDraft {
			t.Errorf("they became %s and %s", a.State, b.State)
		}
		p.cashIs(t, 0)
	})
}

func TestStaffCloseAsksFirst(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		unpaid, paid, down := p.seller.pending(p.account, "300"), p.seller.pending(p.account, "400"), p.seller.pending(p.account, "500")
		p.presses(t, unpaid.No, "close", "flash.payment_closed")
		p.presses(t, unpaid.No, "close", "flash.payment_not_pending")
		_, err := p.far.Pay(t.Context(), paid.No, sandbox.FaultNotifyLost)
		must(t, err)
		p.presses(t, paid.No, "close", "flash.payment_credited")
		p.far.CutOff(true)
		p.presses(t, down.No, "close", "flash.payment_gateway_down")
		for no, want := range map[string]models.PaymentState{unpaid.No: models.PaymentCancelled, paid.No: models.PaymentPaid, down.No: models.PaymentPending} {
			if got := p.payment(t, no).State; got != want {
				t.Errorf("%s is %s, want %s", no, got, want)
			}
		}
		p.cashIs(t, 400*yuan)
		p.acted(t, models.ActClose,
			fmt.Sprintf("support@shop.test payment:%d pending pending not_exist", unpaid.ID),
			fmt.Sprintf("support@shop.test payment:%d pending cancelled", unpaid.ID),
			fmt.Sprintf("support@shop.test payment:%d pending paid settled", paid.ID),
			fmt.Sprintf("support@shop.test payment:%d pending pending unavailable", down.ID))
	})
}

// The payer is quicker than the word that closes the trade.
func TestPaidWhileStaffClose(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		p.deaf.Store(true)
		pay := p.scanned(t)
		var paid atomic.Bool
		p.far.Before(func(method string) {
			if method == "alipay.trade.close" && paid.CompareAndSwap(false, true) {
				if _, err := p.far.Pay(context.Background(), pay.No, sandbox.FaultNone); err != nil {
					t.Error(err)
				}
			}
		})
		p.presses(t, pay.No, "close", "flash.payment_credited").sign(t, models.SignAgree)
		if !paid.Load() {
			t.Error("the trade was never told to close")
		}
		p.cashIs(t, 300*yuan)
		p.acted(t, models.ActClose,
			fmt.Sprintf("support@shop.test payment:%d pending pending waiting", pay.ID),
			fmt.Sprintf("support@shop.test payment:%d pending paid settled", pay.ID))
	})
}

// A crash at the end of the transaction takes all of it: the credit, the answer
// and the act. The next click finds everything as it was.
func TestARepairThatFailsLeavesNothing(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		s := p.campaigns(t, p.account, 500*yuan)
		p.credit(t, p.account, 200*yuan)
		p.Charge(t, "click", s[0], 200*yuan) // so that money brings tasks with it
		pay := p.seller.pending(p.account, "300")
		_, err := p.far.Pay(t.Context(), pay.No, sandbox.FaultNotifyLost)
		must(t, err)
		p.Queue.Fail = errDown
		p.staff.post(desk(pay.No)+"/repair").is(t, http.StatusInternalServerError)
		if answers, err := p.Findings(t.Context(), pay.ID, 5); err != nil || len(answers) != 0 || p.payment(t, pay.No).State != models.PaymentPending {
			t.Errorf("%d answers are kept, the payment is %s: %v", len(answers), p.payment(t, pay.No).State, err)
		}
		p.cashIs(t, 0)
		p.acted(t, models.ActRepair)
		p.Queue.Fail = nil
		p.presses(t, pay.No, "repair", "flash.payment_credited")
		p.cashIs(t, 300*yuan)
		p.acted(t, models.ActRepair, fmt.Sprintf("support@shop.test payment:%d pending paid settled", pay.ID))
	})
}

// What nobody vouches for is shown to staff where it names the payment, as what it is.
func TestForgedNotifyIsShownAsRefused(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		pay := p.seller.pending(p.account, "300")
		evil := "out_trade_no=" + pay.No + "&subject=<script>alert(1)</script>&pad=" + strings.Repeat("x", 6000) + "&end=1\xff\x00"
		p.notify(t, "alipay", evil)
		p.notify(t, "alipay", "out_trade_no=R2611240000000000000AB")
		page := p.staff.get(desk(pay.No)).is(t, http.StatusOK)
		notices := page.Find("section[aria-labelledby=notices-title] > ol > li")
		if notices.Length() != 1 {
			t.Fatalf("%d notifies are shown", notices.Length())
		}
		page.sign(t, models.SignRefused)
		page.sign(t, models.SignSilent)
		page.says(t, "section[aria-labelledby=notices-title]", word(text.Chinese, "staff_payment.verdict.refused"))
		page.says(t, "section[aria-labelledby=notices-title]", word(text.Chinese, "staff_payment.notices.claims"))
		page.says(t, "section[aria-labelledby=notices-title]", word(text.Chinese, "staff_payment.notices.cut", "Shown", 4096, "Size", len(evil)))
		if n := page.Find("script:not([src])").Length(); n != 0 || len(page.body) > 100_000 {
			t.Errorf("%d scripts of the notify's, the page has %d bytes", n, len(page.body))
		}
	})
}

func TestPaymentPageByRole(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		seller, account := s.seller(t)
		pending := seller.pending(account, "300")
		s.credit(t, account, 200*yuan)
		paid := s.payments(t, account)[0]
		for role, want := range map[models.Role]struct{ repair, refund, trail int }{
			models.RoleSupport: {1, 0, 0}, models.RoleFinance: {0, 1, 1}, models.RoleAdmin: {1, 1, 1},
		} {
			b, _ := s.member(t, role, string(role)+"@shop.test")
			open, done := b.get(desk(pending.No)).is(t, http.StatusOK), b.get(desk(paid.No)).is(t, http.StatusOK)
			for selector, n := range map[string]int{
				"form[action='" + desk(pending.No) + "/ask']": want.repair, "form[action='" + desk(pending.No) + "/repair']": want.repair,
				"form[action='" + desk(pending.No) + "/close']": want.repair, "a[href='" + desk(pending.No) + "/refund']": 0,
				"section[aria-labelledby=trail-title]": want.trail, "a[href='/admin/accounts/" + fmt.Sprint(account) + "']": 1,
			} {
				if got := open.Find(selector).Length(); got != n {
					t.Errorf("%s: %d of %s, want %d", role, got, selector, n)
				}
			}
			if got := done.Find("a[href='" + desk(paid.No) + "/refund']").Length(); got != want.refund {
				t.Errorf("%s: %d links to a refund, want %d", role, got, want.refund)
			}
			if got := done.Find("form[action$='/repair'], form[action$='/close']").Length(); got != 0 {
				t.Errorf("%s: a paid payment can be repaired or closed", role)
			}
		}
	})
}

func TestStaffPaymentsList(t *testing.T) {
	eachPhone(t, func(t *testing.T, p *phone) {
		for i := range models.PageSize {
			p.credit(t, p.account, models.Fen(200+i)*yuan)
			p.Clock.Add(time.Minute)
		}
		p.staff.signInTo("/admin", p.staff.email) // the session was idle for too long
		pending := p.seller.pending(p.account, "999")
		all := p.staff.get("/admin/payments").is(t, http.StatusOK)
		if n := all.Find("tbody tr").Length(); n != models.PageSize {
			t.Errorf("%d rows on the first page", n)
		}
		older, _ := all.Find("a[rel=next]").Attr("href")
		if n := p.staff.get(older).is(t, http.StatusOK).Find("tbody tr").Length(); n != 1 {
			t.Errorf("%d rows on the second page", n)
		}
		for query, want := range map[string]int{
			"?state=pending": 1, "?state=expired": 0, "?method=wechat": 0, "?method=alipay&state=paid": models.PageSize, "?state=nonsense": models.PageSize,
			"?from=2026-11-25": 0, "?to=2026-11-23": 0, "?from=2026-11-24&to=2026-11-24&state=pending": 1, "?late=1": 0, "?stuck=1": 0,
		} {
			if n := p.staff.get("/admin/payments"+query).is(t, http.StatusOK).Find("tbody tr").Length(); n != want {
				t.Errorf("%s gives %d rows, want %d", query, n, want)
			}
		}
		p.Clock.Set(pending.ExpiresAt.Add(time.Second))
		p.staff.signInTo("/admin", p.staff.email)
		p.finds(t, "?stuck=1", pending.No)
		for _, lang := range text.Languages {
			p.staff.lang = lang
			refused := p.staff.get("/admin/payments?from=2026-11-31&to=yesterday").is(t, http.StatusUnprocessableEntity)
			refused.says(t, "#from-error", word(lang, "error.day.malformed"))
			refused.says(t, "#to-error", word(lang, "error.day.malformed"))
			if refused.value("#to") != "yesterday" {
				t.Errorf("what was typed is gone: %q", refused.value("#to"))
			}
			p.staff.get("/admin/suspense").is(t, http.StatusOK).says(t, "#main", word(lang, "suspense.empty.title"))
		}
		p.staff.get("/admin/payments/R261124AAAAAAAAAAAAAA").is(t, http.StatusNotFound)
		p.staff.get("/admin/payments/x'--%00").is(t, http.StatusNotFound)
	})
}
