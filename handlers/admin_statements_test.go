package handlers_test

import (
	"bytes"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"ztc-portal/gateways/bank"
	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

const ourAccount = "6222020000012345678"

// eachTill is eachSite with bank transfer on offer.
func eachTill(t *testing.T, test func(*testing.T, *site)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.Open(t, engine)
			s := newSite(t, b, func(*handlers.Config) {})
			rail, err := bank.New(bank.Config{Name: "示例网络科技有限公司", Account: ourAccount, Branch: "示例银行杭州分行", Code: "102331000001"})
			must(t, err)
			s.rails.By[models.RailBankTransfer] = rail
			b.Offer(models.RailAlipay, models.RailBankTransfer)
			test(t, s)
		})
	}
}

// upload sends a file with the form's token.
func (b *browser) upload(path, name string, content []byte) answer {
	b.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	must(b.t, form.WriteField("csrf", b.token))
	part, err := form.CreateFormFile("file", name)
	must(b.t, err)
	_, err = part.Write(content)
	must(b.t, err)
	must(b.t, form.Close())
	return b.do(http.MethodPost, path, body.String(), header("Content-Type", form.FormDataContentType()))
}

const importPath = "/admin/statements/import"

// line is a line of our template.
func line(serial, amount, payer, remark string) string {
	return fmt.Sprintf("2026-11-24,09:30:15,%s,%s,571900000010801,%s,%s,,%s\n", amount, payer, remark, serial, ourAccount)
}

func templated(lines ...string) []byte { return append(bank.Template(), strings.Join(lines, "")...) }

// From the seller's choice to the credit: the page says where to pay, the
// statement says that it came, two of staff say whose it is.
func TestBankTransferFromWishToCredit(t *testing.T) {
	eachTill(t, func(t *testing.T, s *site) {
		seller, account := s.seller(t)
		seller.get("/recharge").is(t, http.StatusOK).says(t, "main", word(seller.lang, "method.bank_transfer"))
		confirm := seller.post("/recharge", "amount", "1600.50", "method", "bank_transfer").is(t, http.StatusSeeOther).Header.Get("Location")
		offered := seller.get(confirm).is(t, http.StatusOK)
		for _, words := range []string{
			"示例网络科技有限公司", ourAccount, word(seller.lang, "confirm.lead.transfer"), word(seller.lang, "confirm.submit.transfer", "Amount", models.Fen(1600_50)),
			word(seller.lang, "confirm.hint.transfer", "TTL", s.Rules().TTL(models.RailBankTransfer)),
		} {
			offered.says(t, "#confirm", words)
		}
		path := strings.TrimSuffix(confirm, "/confirm")
		seller.post(confirm).leads(t, path)
		page := seller.get(path).is(t, http.StatusOK)
		p := s.payments(t, account)[0]
		code := *p.ReferenceCode
		for _, words := range []string{code, ourAccount, "示例网络科技有限公司", "示例银行杭州分行", "102331000001", "1,600.50"} {
			page.says(t, "#payment", words)
		}
		if copied, _ := page.Find("[data-reference]").Parent().Next().Attr("data-copy"); copied != code {
			t.Errorf("the button copies %q, the code is %q", copied, code)
		}
		if page.Find("form[action$='/check']").Length() != 0 || page.Find("form[action$='/confirm']").Length() != 0 {
			t.Error("the page leads to a gateway, and there is none")
		}

		finance, _ := s.member(t, models.RoleFinance, "finance@office.test")
		finance.get("/admin/statements").is(t, http.StatusOK).says(t, "#file-hint", ourAccount)
		finance.upload(importPath, "november.csv", templated(line("T1", `"1,600.50"`, "杭州茶叶", "充值 "+strings.ToLower(code)), line("T2", "88", "某人", ""))).leads(t, "/admin/statements")
		finance.get("/admin/statements").is(t, http.StatusOK).says(t, "table", "november.csv")
		lines := finance.get("/admin/statements/lines?state=unmatched").is(t, http.StatusOK)
		lines.says(t, "table", p.No)
		lines.says(t, "table", word(finance.lang, "lines.nobody"))
		finance.post("/admin/statements/propose").leads(t, "/admin/statements/lines?state=proposed")
		way, _ := finance.get("/admin/statements/lines?state=proposed").is(t, http.StatusOK).Find("a[href^='/admin/approvals/']").Attr("href")
		finance.get(way).is(t, http.StatusOK).says(t, "main", word(finance.lang, "error.approval.own"))
		finance.post(way+"/approve").is(t, http.StatusForbidden)

		admin, _ := s.member(t, models.RoleAdmin, "admin@office.test")
		admin.get(way).is(t, http.StatusOK).says(t, "main", p.No)
		admin.post(way+"/approve").is(t, http.StatusSeeOther)
		if got := s.payment(t, p.No); got.State != models.PaymentPaid || s.cash(t, account) != 1600_50 {
			t.Errorf("%s with %s", got.State, s.cash(t, account).Wire())
		}
		seller.get(path).is(t, http.StatusOK).says(t, "#payment", word(seller.lang, "state.payment.paid"))
		admin.get("/admin/statements/lines?state=credited").is(t, http.StatusOK).says(t, "table", p.No)

		// The other line goes to the account, by hand.
		admin.get("/admin/statements/lines").is(t, http.StatusOK)
		open, _, err := s.StatementLines(t.Context(), models.LineFilter{State: models.LineUnmatched}, models.Keyset{})
		must(t, err)
		clear := fmt.Sprintf("/admin/suspense/%d/clear", open[0].SuspenseID)
		form := admin.get(clear+"?payment="+p.No).is(t, http.StatusOK)
		if form.value("#payment") != p.No {
			t.Errorf("the form names %q", form.value("#payment"))
		}
		admin.post(clear, "payment", p.No, "reason", "by hand, as told").is(t, http.StatusUnprocessableEntity).says(t, "#payment-error", word(admin.lang, "error.suspense.payment_amount", "Ours", models.Fen(1600_50), "Theirs", models.Fen(88_00)))
		admin.post(clear, "to", fmt.Sprint(account), "reason", "by hand, as told").is(t, http.StatusSeeOther)
		s.Sound(t)
	})
}

// A file that can't be taken is refused beside the field, and nothing of it stays;
// the same file again books nothing.
func TestStatementIsTakenWholeAndOnce(t *testing.T) {
	eachTill(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleFinance, "finance@office.test")
		b.get("/admin/statements")
		bad := templated(line("T1", "88", "A", ""), line("T2", "88.123", "B", ""))
		answer := b.upload(importPath, "x.csv", bad).is(t, http.StatusUnprocessableEntity)
		answer.says(t, "#file-error", word(b.lang, "error.statement.row_amount", "Row", 3, "Value", "88.123"))
		if described, _ := answer.Find("#file").Attr("aria-describedby"); described != "file-error file-hint" {
			t.Errorf("the field is described by %q", described)
		}
		answer.isPage(t)
		for content, key := range map[string]string{"": "error.statement.empty", "a,b\n1,2\n": "error.statement.no_titles", strings.Repeat("a", bank.MaxFile+1): "error.statement.too_large"} {
			b.upload(importPath, "x.csv", []byte(content)).is(t, http.StatusUnprocessableEntity).says(t, "#file-error", word(b.lang, key, "Max", 10))
		}
		b.post(importPath).is(t, http.StatusUnprocessableEntity).says(t, "#file-error", word(b.lang, "error.statement.empty"))
		if d, err := s.StatementDesk(t.Context(), models.Keyset{}); err != nil || len(d.Imports) != 0 || d.Unmatched != 0 {
			t.Fatalf("%+v, %v", d, err)
		}
		for range 2 {
			b.upload(importPath, `..\x<b>.csv`, templated(line("T1", "88", "A", "<script>"))).leads(t, "/admin/statements")
		}
		if d, err := s.StatementDesk(t.Context(), models.Keyset{}); err != nil || len(d.Imports) != 2 || d.OpenFen != 88_00 {
			t.Fatalf("%+v, %v", d, err)
		}
		if page := b.get("/admin/statements/lines").is(t, http.StatusOK); strings.Contains(page.body, "<script>\n") || page.Find("td script").Length() != 0 {
			t.Error("a remark is drawn as markup")
		}
		file := b.get("/admin/statements/template.csv").is(t, http.StatusOK)
		if !strings.HasPrefix(file.body, "\uFEFF") || !strings.Contains(file.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("the template comes as %q", file.Header)
		}
		s.Sound(t)
	})
}

// Files are for staff at one address: nobody else's is read, none without the
// token, and none elsewhere beyond a form's size.
func TestFilesAreTakenFromStaffAlone(t *testing.T) {
	eachTill(t, func(t *testing.T, s *site) {
		file := templated(line("T1", "88", "A", ""))
		seller, _ := s.seller(t)
		seller.get("/account")
		for name, b := range map[string]*browser{"a stranger": s.browser(t), "a seller": seller} {
			if got := b.upload(importPath, "x.csv", file); got.StatusCode < 400 || got.StatusCode >= 500 {
				t.Errorf("%s: %s", name, got.Status)
			}
		}
		seller.get("/account").is(t, http.StatusOK)
		seller.upload("/logout", "x.csv", nil).is(t, http.StatusUnprocessableEntity)
		seller.get("/account").is(t, http.StatusOK) // the form was not read, nobody was signed out
		support, _ := s.member(t, models.RoleSupport, "support@office.test")
		support.get("/admin/statements").is(t, http.StatusOK)
		support.upload(importPath, "x.csv", file).is(t, http.StatusForbidden)
		finance, _ := s.member(t, models.RoleFinance, "finance@office.test")
		finance.get("/admin/statements")
		token := finance.token
		finance.token = "forged"
		finance.upload(importPath, "x.csv", file).is(t, http.StatusForbidden)
		finance.token = token
		finance.upload("/admin/statements/mapping", "x.csv", bytes.Repeat([]byte("a"), 100_000)).is(t, http.StatusRequestEntityTooLarge)
		if d, err := s.StatementDesk(t.Context(), models.Keyset{}); err != nil || len(d.Imports) != 0 {
			t.Errorf("%+v, %v", d, err)
		}
		delete(s.rails.By, models.RailBankTransfer)
		finance.get("/admin/statements").is(t, http.StatusOK)
		finance.upload(importPath, "x.csv", file).is(t, http.StatusConflict)
	})
}

func TestMappingAndCompanyNameForms(t *testing.T) {
	eachTill(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		b, _ := s.member(t, models.RoleFinance, "finance@office.test")
		b.get("/admin/statements/mapping").is(t, http.StatusOK)
		b.post("/admin/statements/mapping", "date", "日子", "payer_name", "谁").is(t, http.StatusUnprocessableEntity).says(t, "#credit-error", word(b.lang, "error.mapping.empty"))
		b.post("/admin/statements/mapping", "date", "日子", "payer_name", "谁", "credit", "钱").leads(t, "/admin/statements/mapping")
		if got := b.get("/admin/statements/mapping").value("#credit"); got != "钱" {
			t.Errorf("the form holds %q", got)
		}
		b.get("/admin/statements")
		b.upload(importPath, "own.csv", []byte("日子,谁,钱\n2026-11-23,甲,12.30\n")).leads(t, "/admin/statements")
		path := fmt.Sprintf("/admin/accounts/%d/registered-name", account)
		page := b.get(fmt.Sprintf("/admin/accounts/%d", account)).is(t, http.StatusOK)
		if page.Find("a[href='"+path+"']").Length() != 1 {
			t.Error("no way leads from the account to its company's name")
		}
		b.get(path).is(t, http.StatusOK)
		b.post(path, "registered_name", "…").is(t, http.StatusUnprocessableEntity).says(t, "#registered_name-error", word(b.lang, "error.registered_name", "Max", 100))
		b.post(path, "registered_name", "杭州茶叶有限公司").leads(t, fmt.Sprintf("/admin/accounts/%d", account))
		if got := b.get(path).value("#registered_name"); got != "杭州茶叶有限公司" {
			t.Errorf("the form holds %q", got)
		}
		b.get(fmt.Sprintf("/admin/accounts/%d/registered-name", account+99)).is(t, http.StatusNotFound)
	})
}
