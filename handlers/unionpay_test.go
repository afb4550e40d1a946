package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"ztc-portal/gateways/gatewaystest"
	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views/text"
)

// bankSite is a site where online banking is offered beside Alipay.
type bankSite struct {
	*site
	bank *gatewaystest.Unionpay
}

func eachBankSite(t *testing.T, test func(*testing.T, bankSite)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			t.Parallel()
			b := modelstest.Open(t, engine)
			far := gatewaystest.OpenUnionpay(t, b.Clock.Now)
			s := newSite(t, b, func(c *handlers.Config) {
				c.Rails.By[models.RailUnionpay] = far.Rail
				c.Cashiers = append(c.Cashiers, far.URL)
			})
			b.Offer(models.RailAlipay, models.RailUnionpay)
			test(t, bankSite{s, far})
		})
	}
}

// draftBank is a payment by online banking that the seller has asked for.
func (s bankSite) draftBank(t testing.TB, b *browser, account int64) models.Payment {
	t.Helper()
	b.get("/recharge").says(t, "#main", word(b.lang, "method.unionpay"))
	b.post("/recharge", "amount", "300", "method", "unionpay").is(t, http.StatusSeeOther)
	return s.payments(t, account)[0]
}

// form gives where the page's one form for others leads, and its fields.
func form(t testing.TB, page *goquery.Document, selector string) (action string, fields url.Values) {
	t.Helper()
	its := page.Find(selector)
	if its.Length() != 1 {
		t.Fatalf("%d forms are %s", its.Length(), selector)
	}
	fields = url.Values{}
	its.Find("input[type=hidden]").Each(func(_ int, input *goquery.Selection) {
		value := strings.ReplaceAll(input.AttrOr("value", ""), "\n", "\r\n") // as browsers end lines
		fields.Set(input.AttrOr("name", ""), value)
	})
	return its.AttrOr("action", ""), fields
}

func pageOf(t testing.TB, response *http.Response, err error) *goquery.Document {
	t.Helper()
	must(t, err)
	defer response.Body.Close()
	page, err := goquery.NewDocumentFromReader(response.Body)
	must(t, err)
	page.Url = response.Request.URL
	return page
}

func TestOnlineBankingIsPaid(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		p := s.draftBank(t, b, account)
		for _, lang := range text.Languages {
			b.lang = lang
			page := b.get("/payments/"+p.No+"/confirm").is(t, http.StatusOK)
			page.says(t, "select[name=bank]", word(lang, "bank.CMB"))
			page.says(t, "select[name=bank]", word(lang, "confirm.bank.any"))
			if n := page.Find("input[name=corporate]").Length(); n != 2 {
				t.Errorf("%d kinds of account", n)
			}
		}
		handover := b.post("/payments/"+p.No+"/confirm", "bank", "CMB", "corporate", "1").is(t, http.StatusOK)
		if policy := handover.Header.Get("Content-Security-Policy"); !strings.Contains(policy, strings.TrimSuffix(s.bank.URL, "/unionpay")) {
			t.Errorf("the form may not leave: %s", policy)
		}
		action, fields := form(t, handover.Document, "form[data-handover]")
		if action != s.bank.URL+"/gateway/api/frontTransReq.do" || fields.Get("issInsCode") != "CMB" || fields.Get("bizType") != "000202" ||
			fields.Get("txnAmt") != "30000" || fields.Get("orderId") != p.No || fields.Get("backUrl") != s.url+"/notify/unionpay" {
			t.Fatalf("the form is %s %v", action, fields)
		}
		cashier := pageOf(t, first(http.PostForm(action, fields)), nil)
		paid := pageOf(t, first(http.PostForm(cashier.Url.String(), url.Values{"outcome": {"pay"}, "fault": {"notify_lost"}})), nil)
		back, brought := form(t, paid, `form[action="`+s.url+`/return/unionpay"]`)
		if p := s.payment(t, p.No); p.State != models.PaymentPending {
			t.Fatalf("it is %s before anybody told us", p.State)
		}
		// The gateway's page posts it: no cookie of ours, no token.
		stranger := s.browser(t)
		stranger.do(http.MethodPost, strings.TrimPrefix(back, s.url), brought.Encode(), header("Origin", "https://gateway.95516.com")).leads(t, "/payments/"+p.No)
		page := b.get("/payments/"+p.No).is(t, http.StatusOK)
		page.says(t, "#payment", word(b.lang, "state.payment.paid"))
		if cash := s.cash(t, account); cash != 300*yuan {
			t.Errorf("cash is %s", cash.Wire())
		}
		s.Sound(t)
	})
}

// first takes the response of a call, or nothing.
func first(response *http.Response, err error) *http.Response {
	if err != nil {
		panic(err)
	}
	return response
}

func TestBackNotifyIsBookedOnceTheGatewayAgrees(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		p := s.draftBank(t, b, account)
		handover := b.post("/payments/"+p.No+"/confirm").is(t, http.StatusOK)
		action, fields := form(t, handover.Document, "form[data-handover]")
		if fields.Get("issInsCode") != "" || fields.Get("bizType") != "000201" {
			t.Errorf("nobody chose, but the form is %v", fields)
		}
		banks := pageOf(t, first(http.PostForm(action, fields)), nil)
		if !strings.Contains(banks.Url.Path, "/banks/") || banks.Find(".banks a").Length() < 10 {
			t.Fatalf("no bank is asked for at %s", banks.Url)
		}
		asked := len(s.bank.Calls())
		if _, err := s.bank.Pay(t.Context(), p.No, "notify_first"); err != nil {
			t.Fatal(err)
		}
		if p := s.payment(t, p.No); p.State != models.PaymentPaid {
			t.Fatalf("the notify was answered, and it is %s", p.State)
		}
		if calls := s.bank.Calls()[asked:]; len(calls) != 1 || calls[0] != "queryTrans.do" {
			t.Errorf("before it was booked the gateway was asked %v", calls)
		}
		if again, err := s.bank.ResendNotify(t.Context(), p.No); err != nil || again.Status != http.StatusOK || again.Body != "ok" {
			t.Errorf("the repeat is answered %+v, %v", again, err)
		}
		if calls := s.bank.Calls()[asked:]; len(calls) != 1 {
			t.Errorf("the repeat cost a question: %v", calls)
		}
		if cash := s.cash(t, account); cash != 300*yuan {
			t.Errorf("cash is %s", cash.Wire())
		}
	})
}

func TestBackNotifyWaitsWhileTheGatewayIsSilent(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		p := s.draftBank(t, b, account)
		action, fields := form(t, b.post("/payments/"+p.No+"/confirm").Document, "form[data-handover]")
		pageOf(t, first(http.PostForm(action, fields)), nil)
		if _, err := s.bank.Pay(t.Context(), p.No, "notify_lost"); err != nil {
			t.Fatal(err)
		}
		s.bank.CutOff(true)
		if told, err := s.bank.ResendNotify(t.Context(), p.No); err != nil || told.Status == http.StatusOK {
			t.Errorf("nothing could be asked, and the notify is answered %+v, %v", told, err)
		}
		if p := s.payment(t, p.No); p.State != models.PaymentPending || s.cash(t, account) != 0 {
			t.Errorf("it became %s on the notify alone", p.State)
		}
		s.bank.CutOff(false)
		if told, err := s.bank.ResendNotify(t.Context(), p.No); err != nil || told.Status != http.StatusOK {
			t.Errorf("then it is answered %+v, %v", told, err)
		}
		s.becomes(t, p.No, models.PaymentPaid)
	})
}

func TestBankThatIsNoneIsRefused(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		p := s.draftBank(t, b, account)
		for _, bank := range []string{"XYZ", "icbc", "ICBC&merId=1", strings.Repeat("A", 500)} {
			page := b.post("/payments/"+p.No+"/confirm", "bank", bank, "corporate", "1").is(t, http.StatusUnprocessableEntity)
			page.says(t, "#bank-error", word(b.lang, "error.bank.unknown"))
			if page.Find("select[name=bank][aria-invalid=true]").Length() != 1 || page.Find("input[name=corporate][value='1'][checked]").Length() != 1 {
				t.Error("the form does not keep what was chosen, or the field is not marked")
			}
		}
		if p := s.payment(t, p.No); p.State != models.PaymentDraft {
			t.Errorf("it became %s", p.State)
		}
		alipay := b.draft(account, "400")
		if n := b.get("/payments/" + alipay.No + "/confirm").Find("[name=bank], [name=corporate]").Length(); n != 0 {
			t.Error("Alipay's page asks for a bank")
		}
	})
}

func TestForgedWayBackLeadsNowhere(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		p := s.draftBank(t, b, account)
		action, fields := form(t, b.post("/payments/"+p.No+"/confirm", "bank", "ICBC").Document, "form[data-handover]")
		cashier := pageOf(t, first(http.PostForm(action, fields)), nil)
		refused := pageOf(t, first(http.PostForm(cashier.Url.String(), url.Values{"outcome": {"refuse"}})), nil)
		_, brought := form(t, refused, `form[action="`+s.url+`/return/unionpay"]`)
		b.do(http.MethodPost, "/return/unionpay", brought.Encode()).leads(t, "/payments/"+p.No)
		if p := s.payment(t, p.No); p.State != models.PaymentPending {
			t.Errorf("refused at the cashier it became %s", p.State)
		}
		asked := len(s.bank.Calls())
		brought.Set("respCode", "00")
		b.do(http.MethodPost, "/return/unionpay", brought.Encode()).is(t, http.StatusNotFound)
		b.do(http.MethodPost, "/return/unionpay", "orderId="+p.No).is(t, http.StatusNotFound)
		b.do(http.MethodPost, "/return/unionpay?orderId="+p.No, "").is(t, http.StatusNotFound)
		b.do(http.MethodPost, "/return/unionpay", "a=%zz").is(t, http.StatusUnprocessableEntity)
		b.do(http.MethodPost, "/return/unionpay", "a="+strings.Repeat("9", 64<<10)).is(t, http.StatusRequestEntityTooLarge)
		b.do(http.MethodPost, "/return/alipay", brought.Encode()).is(t, http.StatusForbidden) // no such way: the pages' own guard
		if calls := s.bank.Calls()[asked:]; len(calls) != 0 {
			t.Errorf("forgeries make us ask: %v", calls)
		}
	})
}

// A cancelled payment that is paid before its deadline all the same, and whose
// notify never comes, is found by the question after the deadline (the jobs' test
// asks by itself; here the same question is asked by hand).
func TestCancelledAndPaidBeforeTheDeadlineIsCredited(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		p := s.draftBank(t, b, account)
		action, fields := form(t, b.post("/payments/"+p.No+"/confirm", "bank", "ICBC").Document, "form[data-handover]")
		pageOf(t, first(http.PostForm(action, fields)), nil)
		b.post("/payments/"+p.No+"/cancel").leads(t, "/payments/"+p.No)
		p = s.payment(t, p.No)
		if p.State != models.PaymentCancelled {
			t.Fatalf("it became %s", p.State)
		}
		later := 0
		for _, task := range s.Queue.Tasks() {
			if task.Args == models.TaskArgs(models.QueryPayment{PaymentNo: p.No}) && task.RunAt.After(*p.ExpiresAt) {
				later++
			}
		}
		if later != 1 {
			t.Errorf("%d questions are to be asked after the deadline", later)
		}
		if _, err := s.bank.Pay(t.Context(), p.No, "notify_lost"); err != nil {
			t.Fatalf("UnionPay has no way to close it, but: %v", err)
		}
		s.Clock.Set(p.ExpiresAt.Add(time.Minute))
		if _, err := s.rails.Ask(t.Context(), p.No, "poll"); err != nil {
			t.Fatal(err)
		}
		if p := s.payment(t, p.No); p.State != models.PaymentPaid || !p.PaidLate || s.cash(t, account) != 300*yuan {
			t.Errorf("it is %s, late %v, cash %s", p.State, p.PaidLate, s.cash(t, account).Wire())
		}
	})
}

// What UnionPay did not sign is turned away as a stranger's: no fault of ours,
// which would stand in the log as one each time.
func TestAForgedUnionpayNotifyIsNoFaultOfOurs(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		for _, body := range []string{"", "signature=AAAA&respCode=00", strings.Repeat("%", 1000)} {
			if response, answer := s.notify(t, "unionpay", body); response.StatusCode != http.StatusUnauthorized || answer != "not verified" {
				t.Errorf("%.30q is answered %d %q", body, response.StatusCode, answer)
			}
		}
	})
}

func TestUnpaidOnlineBankingExpiresAtItsDeadline(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		seen := s.draftBank(t, b, account)
		action, fields := form(t, b.post("/payments/"+seen.No+"/confirm", "bank", "ICBC").Document, "form[data-handover]")
		pageOf(t, first(http.PostForm(action, fields)), nil)
		b.post("/recharge", "amount", "400", "method", "unionpay").is(t, http.StatusSeeOther)
		unseen := s.payments(t, account)[0]
		b.post("/payments/"+unseen.No+"/confirm").is(t, http.StatusOK)
		s.Clock.Set(s.payment(t, unseen.No).ExpiresAt.Add(time.Second))
		for _, no := range []string{seen.No, unseen.No} {
			if p, err := s.rails.CloseAndExpire(t.Context(), no); err != nil || p.State != models.PaymentExpired {
				t.Errorf("it is %s, %v", p.State, err)
			}
		}
	})
}

// Whose account pays, and at which bank, is kept on the way back to the form, on
// a refusal, and on a resume.
func TestTheChoiceOfBankIsKept(t *testing.T) {
	eachBankSite(t, func(t *testing.T, s bankSite) {
		b, account := s.seller(t)
		p := s.draftBank(t, b, account)
		kept := func(page answer) {
			t.Helper()
			if page.Find("select[name=bank] option[value=CMB][selected]").Length() != 1 || page.Find("input[name=corporate][value='1'][checked]").Length() != 1 {
				t.Error("what was chosen is not kept")
			}
		}
		b.post("/payments/"+p.No+"/confirm", "bank", "CMB", "corporate", "1", "back", "1").leads(t, "/recharge?amount=300.00&method=unionpay")
		kept(b.get("/payments/" + p.No + "/confirm"))
		b.post("/recharge", "amount", "400", "method", "unionpay").is(t, http.StatusSeeOther)
		next := s.payments(t, account)[0]
		kept(b.get("/payments/" + next.No + "/confirm"))
		person := models.NewMethod(models.RailUnionpay, 200*yuan, 900*yuan)
		person.PersonalMax = 300 * yuan
		s.SetMethods(nil, person)
		refused := b.post("/payments/"+next.No+"/confirm", "bank", "CMB", "corporate", "0").is(t, http.StatusUnprocessableEntity)
		refused.says(t, "#corporate-error", word(b.lang, "error.corporate.needed", "Method", models.RailUnionpay, "Max", 300*yuan, "Most", 900*yuan))
		b.post("/payments/"+next.No+"/confirm", "bank", "CMB", "corporate", "1").is(t, http.StatusOK)
		to := b.post("/payments/"+next.No+"/resume").is(t, http.StatusSeeOther).Header.Get("Location")
		_, fields := form(t, b.post(to+"/confirm").is(t, http.StatusOK).Document, "form[data-handover]")
		if fields.Get("issInsCode") != "CMB" || fields.Get("bizType") != "000202" {
			t.Errorf("resumed as %v", fields)
		}
	})
}
