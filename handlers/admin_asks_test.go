package handlers_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/views/admin"
	"ztc-portal/views/text"
)

// held puts money into suspense that fits the payment named, or none.
func (s *site) held(t testing.TB, no, trade string) {
	t.Helper()
	outcome, err := s.SettlePayment(t.Context(), models.Receipt{
		Rail: models.RailAlipay, OutTradeNo: no, GatewayTradeNo: trade, State: models.TradePaid, AmountFen: 77 * yuan,
		Currency: "CNY", Payee: "2088", PaidAt: s.Clock.Now(), Confirmed: true,
	}, 0)
	if err != nil || outcome != models.OutcomeSuspense {
		t.Fatal(outcome, err)
	}
}

// asks are the links of a page that lead to a form of the two persons.
func (a answer) asks() (forms []string) {
	var ends []string
	for _, path := range admin.AskPaths {
		ends = append(ends, path[strings.LastIndex(path, "/"):])
	}
	for _, href := range a.links("#main a") {
		if slices.ContainsFunc(ends, func(end string) bool { return strings.HasSuffix(href, end) }) {
			forms = append(forms, href)
		}
	}
	return forms
}

// Every role finds the ways to what it may ask for, and to nothing else; each
// leads to its form.
func TestEachRoleFindsWhatItMayAskFor(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		frozen := s.named(t, "Frozen", "frozen@shop.test")
		asks, decides := s.Office(t)
		s.Frozen(t, asks, decides, frozen, "checks")
		p := s.Pending(t, account, "300")
		s.held(t, p.No, "T1")
		s.held(t, "R26112400000000000000", "T2")
		of := func(account int64, forms ...string) (paths []string) {
			for _, form := range forms {
				paths = append(paths, fmt.Sprintf("%s/%s", accountPath(account), form))
			}
			return paths
		}
		clearing := []string{"/admin/suspense/2/clear", "/admin/suspense/1/clear"}
		finance := map[string][]string{
			accountPath(account): of(account, "adjust", "grant", "bank-transfer", "freeze"), accountPath(frozen): of(frozen, "adjust", "grant", "bank-transfer", "unfreeze"),
			"/admin/suspense": clearing, "/admin/payments/" + p.No: clearing[1:],
		}
		for role, want := range map[models.Role]map[string][]string{
			models.RoleSupport: {accountPath(account): of(account, "freeze"), accountPath(frozen): of(frozen, "unfreeze"), "/admin/suspense": nil, "/admin/payments/" + p.No: nil},
			models.RoleFinance: finance, models.RoleAdmin: finance,
		} {
			b, _ := s.member(t, role, string(role)+"@office.test")
			for path, links := range want {
				page := b.get(path).is(t, http.StatusOK)
				if diff := cmp.Diff(links, page.asks()); diff != "" {
					t.Errorf("%s on %s: %s", role, path, diff)
				}
				for _, link := range page.asks() {
					if n := b.get(link).is(t, http.StatusOK).Find("form[method=post][action='" + link + "']").Length(); n != 1 {
						t.Errorf("%s: %s has %d forms", role, link, n)
					}
				}
			}
		}
	})
}

// What waits for a decision stands on the page of its account, and on the item
// that it clears, until it is decided.
func TestWhatWaitsForADecisionIsSeen(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		_, account := s.seller(t)
		other := s.named(t, "Other", "other@shop.test")
		s.held(t, "R26112400000000000000", "T1")
		asker, _ := s.member(t, models.RoleFinance, "one@office.test")
		decider, _ := s.member(t, models.RoleFinance, "two@office.test")
		if n := decider.get(accountPath(account)).Find("#main [role=status]").Length(); n != 0 {
			t.Errorf("%d notices of nothing", n)
		}
		var requests []string
		for i := range 6 {
			requests = append(requests, asker.post(accountPath(account)+"/adjust", "amount", fmt.Sprint(100+i), "direction", "add", "reason", askedWhy).request(t))
		}
		cleared := asker.post("/admin/suspense/1/clear", "to", fmt.Sprint(other), "reason", askedWhy).request(t)
		waiting := func(path string) []string {
			return decider.get(path).is(t, http.StatusOK).links("#main a[href^='/admin/approvals']")
		}
		newest := slices.Clone(requests)
		slices.Reverse(newest)
		page := decider.get(accountPath(account))
		page.says(t, "#main [role=status]", word(text.Chinese, "customer.waiting"))
		page.says(t, "#main [role=status]", "one@office.test")
		page.says(t, "#main [role=status]", "+¥105.00")
		for path, want := range map[string][]string{
			accountPath(account): append(newest[:5:5], "/admin/approvals"), accountPath(other): {cleared}, "/admin/suspense": {cleared},
		} {
			if diff := cmp.Diff(want, waiting(path)); diff != "" {
				t.Errorf("%s: %s", path, diff)
			}
		}
		if asks := asker.get("/admin/suspense").asks(); len(asks) != 0 {
			t.Errorf("it may be asked for again: %v", asks)
		}
		for i, request := range append(requests, cleared) {
			end := []string{"approve", "refuse"}[i%2]
			decider.post(request+"/"+end, "note", askedWhy).leads(t, request)
		}
		for _, path := range []string{accountPath(account), accountPath(other), "/admin/suspense?cleared=1"} {
			if links := waiting(path); len(links) != 0 {
				t.Errorf("%s: decided, and %v wait", path, links)
			}
		}
		if s.cash(t, account) != 306*yuan || s.cash(t, other) != 77*yuan { // 100 + 102 + 104
			t.Errorf("cash is %s and %s", s.cash(t, account).Wire(), s.cash(t, other).Wire())
		}
		s.Sound(t)
	})
}
