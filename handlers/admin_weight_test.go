package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"ztc-portal/gateways"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/handlers"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/static"
	"ztc-portal/views/admin"
)

// full is how many rows every list has at least: more than a page shows.
const full = models.PageSize + 6

// maxFirstLoad is what a page may weigh with all that it loads, compressed.
const maxFirstLoad = 100_000

// notPages are GET routes that answer with something else than a page of ours:
// a file, a picture, the job queue's own page.
var notPages = []string{"/admin/audit.csv", "/admin/statements/template.csv", "/admin/security/enrol/qr.png", "/admin/jobs/queue", "/admin/jobs/queue/*"}

// No page of the staff's is heavier than 100 KB with all it loads, compressed,
// its lists full. Every GET route of the table is asked for.
func TestNoStaffPageIsHeavy(t *testing.T) {
	t.Parallel()
	s := newSite(t, modelstest.Open(t, models.SQLite), func(*handlers.Config) {})
	places := s.fill(t)
	b, _ := s.member(t, models.RoleAdmin, "weighs@office.test")
	s.fillSignIns(t, "weighs@office.test")
	assets := 0
	for _, name := range []string{"app.css", "app.js", "desk.js", "passkey.js", "htmx.js", "icons.svg", "favicon.svg"} {
		n := squeezed(t, b.get(static.URL(name)).is(t, http.StatusOK).body)
		t.Logf("%6d bytes %s", n, name)
		assets += n
	}
	t.Logf("%6d bytes of assets, loaded once", assets)
	asked, heaviest, which := 0, 0, ""
	for name := range staffRoutes {
		method, path, _ := strings.Cut(name, " ")
		if method != http.MethodGet || slices.Contains(notPages, path) {
			continue
		}
		for _, place := range s.weighed(path, places) {
			asked++
			n := squeezed(t, b.get(place).is(t, http.StatusOK).body)
			if n > heaviest {
				heaviest, which = n, place
			}
			if assets+n > maxFirstLoad {
				t.Errorf("%s weighs %d bytes, with its assets %d", place, n, assets+n)
			}
		}
	}
	t.Logf("%d pages; the heaviest is %s with %d bytes of its own, %d with its assets", asked, which, heaviest, assets+heaviest)
	if asked < 30 {
		t.Errorf("only %d pages were weighed", asked)
	}
}

// weighed are the addresses of a route, its sub-pages among them.
func (s *site) weighed(path string, places map[string]string) []string {
	for part, filled := range places {
		path = strings.Replace(path, part, filled, 1)
	}
	switch {
	case path == "/admin/accounts/"+places["accounts/:id"][len("accounts/"):]:
		var tabs []string
		for _, tab := range admin.AccountTabs {
			tabs = append(tabs, path+"?tab="+tab)
		}
		return tabs
	case path == "/admin/search":
		return []string{path, path + "?q=shop", path + "?q=600"}
	}
	return []string{path}
}

// fill fills every list, and gives what stands for the ids in the routes.
func (s *site) fill(t testing.TB) map[string]string {
	t.Helper()
	_, account := s.seller(t)
	s.credit(t, account, 500*yuan)
	s.campaigns(t, account, slices.Repeat([]models.Fen{100 * yuan}, full)...)
	office := map[models.Role]models.Actor{}
	db, err := s.Handle()
	must(t, err)
	for i := range full {
		role := []models.Role{models.RoleFinance, models.RoleAdmin, models.RoleSupport}[i%3]
		s.named(t, fmt.Sprintf("%s %d", strings.Repeat("Shop of everything ", 5), i), fmt.Sprintf("shop%d@shop.test", i))
		_, err := db.ExecContext(t.Context(), "INSERT INTO users (email, password_hash, role, created_at) VALUES ($1, '', $2, $3)",
			fmt.Sprintf("%s%d@office.test", role, i), role, s.Clock.Now()) // a password takes long to hash
		must(t, err)
	}
	members, _, err := s.StaffDesk(t.Context())
	must(t, err)
	for _, m := range members {
		office[m.Role] = models.Actor{UserID: m.ID, Address: "192.0.2.9"}
	}
	var last models.Payment
	for i := range full {
		last = s.lostPayment(t, account, fmt.Sprint(600+i))
		must(t, s.AddNote(t.Context(), office[models.RoleSupport], account, strings.Repeat(fmt.Sprint("备注", i), 300)))
		_, err := s.AskApproval(t.Context(), office[models.RoleFinance], models.ApprovalInput{
			Kind: models.ApprovalBonusGrant, AccountID: account, Amount: "100", Reason: strings.Repeat("because ", 20) + fmt.Sprint(i),
		})
		must(t, err)
		id, err := s.ReceiveNotify(t.Context(), models.RailAlipay, "192.0.2.66", "{}", []byte(fmt.Sprint(strings.Repeat("total_amount=402.00&sign=", 40), i)))
		must(t, err)
		must(t, s.JudgeNotify(t.Context(), id, models.OutcomeRefused, last.No, "the signature does not verify"))
		outcome, err := s.SettlePayment(t.Context(), models.Receipt{
			Rail: models.RailAlipay, OutTradeNo: fmt.Sprintf("R261124000000000000%02d", i), GatewayTradeNo: fmt.Sprint("T", i), State: models.TradePaid,
			AmountFen: 77 * yuan, Currency: "CNY", Payee: "2088", PaidAt: s.Clock.Now(), Confirmed: true,
		}, 0)
		if err != nil || outcome != models.OutcomeSuspense {
			t.Fatal(outcome, err)
		}
	}
	paid := s.Pending(t, account, "900")
	_, err = s.SettlePayment(t.Context(), s.Receipt(paid), 0)
	must(t, err)
	s.Clock.Set(models.BillDue(billDay))
	run, err := s.rails.Reconcile(t.Context(), models.RailAlipay, billDay)
	must(t, err)
	desk, err := s.ReconciliationDesk(t.Context(), run.ID, models.DifferenceFilter{}, models.Keyset{})
	must(t, err)
	if len(desk.Differences) < models.PageSize {
		t.Fatalf("the day differs in %d", len(desk.Differences))
	}
	s.fillDays(t)
	return map[string]string{
		"refunds/:no":  "refunds/" + s.toPayOut(t, account, office[models.RoleFinance], office[models.RoleAdmin]),
		"accounts/:id": fmt.Sprint("accounts/", account), "payments/:no": "payments/" + paid.No, "methods/:rail": "methods/alipay", "approvals/:id": "approvals/1",
		"suspense/:id": "suspense/1", "reconciliation/:id": "reconciliation/" + dayPath[len("/admin/reconciliation/"):],
	}
}

// toPayOut is a refund of a bank transfer that people are to pay out.
func (s *site) toPayOut(t testing.TB, account int64, asks, decides models.Actor) (requestNo string) {
	t.Helper()
	approved := func(in models.ApprovalInput) {
		t.Helper()
		in.AccountID, in.Reason = account, "as the bank says"
		asked, err := s.AskApproval(t.Context(), asks, in)
		must(t, err)
		_, err = s.Approve(t.Context(), decides, asked.ID, "")
		must(t, err)
	}
	approved(models.ApprovalInput{Kind: models.ApprovalBankTransfer, Amount: "300", Reference: "BANK0001", PaidOn: models.DayOn(s.Now())})
	var paid models.Payment
	for _, p := range s.payments(t, account) {
		if p.Rail == models.RailBankTransfer {
			paid = p
		}
	}
	approved(models.ApprovalInput{Kind: models.ApprovalRefund, PaymentNo: paid.No, Amount: "100"})
	return s.refundsOf(t, paid)[0].RequestNo
}

// lostPayment is one that was paid at the gateway and of which nobody told us.
func (s *site) lostPayment(t testing.TB, account int64, amount string) models.Payment {
	t.Helper()
	draft, err := s.DraftRecharge(t.Context(), account, models.RechargeInput{Amount: amount, Method: "alipay"})
	must(t, err)
	p, _, err := s.rails.Confirm(t.Context(), account, draft.No, "test", gateways.Payer{})
	must(t, err)
	_, err = s.far.PayByScan(t.Context(), p.QRContent, sandbox.FaultNotifyLost)
	must(t, err)
	return p
}

// fillDays runs days before the bill's, one after another.
func (s *site) fillDays(t testing.TB) {
	t.Helper()
	day := s.Clock.Now()
	for range full {
		day = day.AddDate(0, 0, -1)
		if _, err := s.rails.Reconcile(t.Context(), models.RailAlipay, day.AddDate(0, 0, -2).Format("2006-01-02")); err != nil {
			t.Fatal(err)
		}
	}
}

// fillSignIns makes it look as if somebody had signed in from many places: each
// row is a copy of their own.
func (s *site) fillSignIns(t testing.TB, email string) {
	t.Helper()
	db, err := s.Handle()
	must(t, err)
	for i := range full {
		_, err := db.ExecContext(t.Context(), `INSERT INTO sessions (id_hash, user_id, address, user_agent, created_at, seen_at, expires_at, factor_at, factor_by)
			SELECT $1, user_id, $2, $3, s.created_at, seen_at, expires_at, factor_at, factor_by FROM sessions s JOIN users u ON u.id = user_id
			WHERE u.email = $4 AND factor_at IS NOT NULL LIMIT 1`, fmt.Sprintf("%064x", i), fmt.Sprint("192.0.2.", i), strings.Repeat("Mozilla ", 30), email)
		must(t, err)
	}
}
