package models_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// namedShop makes a seller of this name with an account.
func namedShop(t testing.TB, b *modelstest.Bench, name, email string) int64 {
	t.Helper()
	id, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: "long enough", Role: models.RoleSeller, ShopName: name})
	must(t, err)
	return id
}

func campaign(t testing.TB, b *modelstest.Bench, account int64, name string) int64 {
	t.Helper()
	id, err := b.CreateCampaign(t.Context(), models.Actor{}, account, models.NewCampaign{Name: name, Budget: 100 * yuan, SwitchedOn: true})
	must(t, err)
	return id
}

func search(t testing.TB, b *modelstest.Bench, typed string) models.Found {
	t.Helper()
	found, err := b.Search(t.Context(), typed)
	must(t, err)
	return found
}

func accountsOf(f models.Found) (ids []int64) {
	for _, a := range f.Accounts {
		ids = append(ids, a.AccountID)
	}
	return ids
}

func campaignsOf(f models.Found) (ids []int64) {
	for _, c := range f.Campaigns {
		ids = append(ids, c.ID)
	}
	return ids
}

func paymentsOf(f models.Found) (nos []string) {
	for _, p := range f.Payments {
		nos = append(nos, p.No)
	}
	return nos
}

func TestSearchFindsNamesInPart(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		tea := namedShop(t, b, "老王茶叶旗舰店", "laowang@tea.test")
		odd := namedShop(t, b, `100%_"纯棉'*店 (A\B)`, "cotton@shop.test")
		other := namedShop(t, b, "Überall Tee & Кофе ร้านชา 🍵茶", "kofe@far.example")
		_, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "tea.support@office.test", Password: "long enough", Role: models.RoleSupport})
		must(t, err)
		for typed, want := range map[string][]int64{
			"茶叶": {tea}, "老王": {tea}, "王茶": {tea}, "舰店": {tea}, "老": {tea}, "茶": {other, tea}, "店": {odd, tea},
			"茶叶旗舰店": {tea}, "老王茶叶旗舰店": {tea}, "旗舰": {tea}, "王老": nil, "老茶": nil, "茶 老王": {tea}, "  旗舰店　老王 ": {tea}, "老王 纯棉": nil,
			"laowang": {tea}, "LAOWANG@TEA": {tea}, "owang": {tea}, "tea.test": {tea}, "@far.ex": {other}, "office.test": nil, "tea.support@office.test": nil,
			`%`: {odd}, `_`: {odd}, `"`: {odd}, `'`: {odd}, `*`: {odd}, `%_`: {odd}, `_"`: {odd}, `'*`: {odd}, `%_"`: {odd}, `A\B`: {odd}, `(A\B)`: {odd},
			`\`: {odd}, `纯棉'*店`: {odd}, `%%`: nil, `___`: nil, `"" OR ""`: nil, `name : 茶叶`: nil, `茶*`: nil, `NOT 茶`: nil, `茶叶 OR 纯棉`: nil, `NEAR(茶 叶)`: nil, `-- ; DROP TABLE sellers`: nil, `^老`: nil, `{pairs} : "x"`: nil,
			"Кофе": {other}, "кофе": {other}, "ко": {other}, "ร้านชา": {other}, "Tee": {other}, "überall": {other}, "🍵": {other}, "🍵茶": {other},
			"\x01": nil, "茶\x01叶": {tea}, "茶\x01王": {tea}, "": nil, " \t\n": nil, "\xff\xfe": nil, "\u0000茶叶": {tea},
		} {
			if diff := cmp.Diff(want, accountsOf(search(t, b, typed))); diff != "" {
				t.Errorf("%q finds %s", typed, diff)
			}
		}
		if found := search(t, b, "老王"); found.Accounts[0].ShopName != "老王茶叶旗舰店" || found.Accounts[0].Email != "laowang@tea.test" || found.Accounts[0].State != models.AccountActive || found.AccountID != 0 {
			t.Errorf("found is %+v", found)
		}
	})
}

func TestSearchFindsCampaignsWithTheirState(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		rich, poor := namedShop(t, b, "Rich", "rich@shop.test"), namedShop(t, b, "Poor", "poor@shop.test")
		recharge(t, b, rich, 500*yuan)
		spring, winter := campaign(t, b, rich, "春茶新品推广"), campaign(t, b, poor, "冬茶清仓")
		found := search(t, b, "茶")
		if diff := cmp.Diff([]int64{winter, spring}, campaignsOf(found)); diff != "" {
			t.Fatal(diff)
		}
		want := []models.FoundCampaign{
			{ID: winter, AccountID: poor, ShopName: "Poor", Name: "冬茶清仓", Delivery: models.DeliveryOutOfFunds},
			{ID: spring, AccountID: rich, ShopName: "Rich", Name: "春茶新品推广", Delivery: models.DeliveryServing, SharePercent: 100},
		}
		if diff := cmp.Diff(want, found.Campaigns); diff != "" {
			t.Error(diff)
		}
		for typed, want := range map[string][]int64{"新品": {spring}, "品推广": {spring}, "清": {winter}, "春茶 推广": {spring}, "茶新": {spring}, "新茶": nil} {
			if diff := cmp.Diff(want, campaignsOf(search(t, b, typed))); diff != "" {
				t.Errorf("%q finds %s", typed, diff)
			}
		}
		b.Charge(t, "all", spring, 100*yuan) // the budget
		if got := search(t, b, "春茶").Campaigns[0].Delivery; got != models.DeliveryBudgetReached {
			t.Errorf("the campaign that has spent its budget is %s", got)
		}
	})
}

func TestSearchFollowsWhatANameBecomes(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account := namedShop(t, b, "旧名小店", "old@shop.test")
		id := campaign(t, b, account, "旧计划")
		db, err := b.Handle()
		must(t, err)
		for _, statement := range []string{
			"UPDATE sellers SET shop_name = '新名大店'", "UPDATE users SET email = 'fresh@shop.test'", "UPDATE campaigns SET name = '新计划'",
		} {
			_, err := db.ExecContext(t.Context(), statement)
			must(t, err)
		}
		for _, gone := range []string{"旧名", "旧名小店", "小", "old@shop", "旧计划", "旧计"} {
			if f := search(t, b, gone); len(f.Accounts)+len(f.Campaigns) != 0 {
				t.Errorf("%q still finds %+v", gone, f)
			}
		}
		for _, there := range []string{"新名", "新名大店", "大", "fresh@shop"} {
			if diff := cmp.Diff([]int64{account}, accountsOf(search(t, b, there))); diff != "" {
				t.Errorf("%q finds %s", there, diff)
			}
		}
		if diff := cmp.Diff([]int64{id}, campaignsOf(search(t, b, "新计"))); diff != "" {
			t.Error(diff)
		}
		_, err = db.ExecContext(t.Context(), "INSERT INTO sellers (shop_name, created_at) SELECT '撤回的店', created_at FROM sellers WHERE 1 = 0")
		must(t, err)
		lost, err := db.BeginTx(t.Context(), nil)
		must(t, err)
		_, err = lost.ExecContext(t.Context(), "UPDATE sellers SET shop_name = '撤回的店'")
		must(t, err)
		must(t, lost.Rollback())
		if len(search(t, b, "撤回").Accounts) != 0 || len(search(t, b, "新名").Accounts) != 1 {
			t.Error("a change that was rolled back is found")
		}
	})
}

func TestSearchFindsPaymentsByNumberAndAmount(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account := namedShop(t, b, "Payer", "payer@shop.test")
		old, paid := b.Pending(t, account, "1286.40"), recharge(t, b, account, 500*yuan)
		newer := draft(t, b, account, "1286.41")
		trade := b.Receipt(paid).GatewayTradeNo
		for typed, want := range map[string][]string{
			paid.No: {paid.No}, strings.ToLower(paid.No): {paid.No}, " " + paid.No + " ": {paid.No}, paid.No[:12]: {paid.No}, paid.No[15:]: {paid.No}, paid.No[11:]: {paid.No},
			trade: {paid.No}, trade[:len(trade)-4]: {paid.No}, trade[len(trade)-6:]: {paid.No}, trade[len(trade)-12:]: {paid.No},
			"1286.40": {old.No}, "1286.4": {old.No}, "¥1,286.40": {old.No}, "￥１，２８６．４０": {old.No}, "1,286.41": {newer.No}, "500": {paid.No}, "¥500.00": {paid.No},
			"1286": nil, "1,28": nil, "-500": nil, "5e2": nil, "500.001": nil, "R2%": nil, "R26_124": nil, "R251124": nil, paid.No + "A": nil, "0": nil, "99999999999999999999": nil,
		} {
			if diff := cmp.Diff(want, paymentsOf(search(t, b, typed))); diff != "" {
				t.Errorf("%q finds %s", typed, diff)
			}
		}
		found := search(t, b, trade)
		p := found.Payments[0]
		if found.PaymentNo != paid.No || p.ShopName != "Payer" || p.State != models.PaymentPaid || p.AmountFen != 500*yuan || p.GatewayTradeNo != trade || p.AccountID != account {
			t.Errorf("found is %+v", found)
		}
		if all := search(t, b, "R261124"); len(all.Payments) != 3 || all.PaymentNo != "" {
			t.Errorf("a day's payments are %+v", all)
		}
		again := recharge(t, b, account, 500*yuan)
		if diff := cmp.Diff([]string{again.No, paid.No}, paymentsOf(search(t, b, "500"))); diff != "" {
			t.Errorf("of one amount the newest is not first: %s", diff)
		}
	})
}

// Money that no payment was waiting for names the payment that it was meant for.
func TestSearchFindsThePaymentOfASecondTrade(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account := namedShop(t, b, "Payer", "payer@shop.test")
		paid := recharge(t, b, account, 500*yuan)
		second := b.Receipt(paid)
		second.GatewayTradeNo, second.Confirmed = "2026112499887766554433221100", true
		if outcome, err := b.SettlePayment(t.Context(), second, 0); err != nil || outcome != models.OutcomeSuspense {
			t.Fatal(outcome, err)
		}
		if diff := cmp.Diff([]string{paid.No}, paymentsOf(search(t, b, second.GatewayTradeNo))); diff != "" {
			t.Error(diff)
		}
	})
}

func TestSearchFindsMoneyOfNoPayment(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		stranger := b.Receipt(models.Payment{No: "R261124NOBODYNOBODY00", Rail: models.RailAlipay, AmountFen: 77_70})
		stranger.GatewayTradeNo, stranger.Confirmed = "2026112422001499", true
		_, err := b.SettlePayment(t.Context(), stranger, 0)
		must(t, err)
		second := b.Receipt(b.Pending(t, account, "300")) // of a payment, which is found itself
		second.AmountFen, second.Confirmed = 299*yuan, true
		_, err = b.SettlePayment(t.Context(), second, 0)
		must(t, err)
		for typed, want := range map[string]int{
			stranger.GatewayTradeNo: 1, "２０２６１１２４ 22001499": 1, "77.7": 1, "￥77.70": 1, "77.71": 0, "202611242200149": 0, second.GatewayTradeNo: 0, "299": 0, "tea": 0,
		} {
			if held := search(t, b, typed).Held; len(held) != want || want == 1 && held[0].GatewayTradeNo != stranger.GatewayTradeNo {
				t.Errorf("%q finds %+v", typed, held)
			}
		}
	})
}

func TestSearchNamesOneThingExactly(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		var last int64
		for i := range 3 {
			last = namedShop(t, b, fmt.Sprint("Shop ", i, " 3号"), fmt.Sprintf("s%d@shop.test", i))
		}
		for typed, want := range map[string]int64{
			fmt.Sprint(last): last, fmt.Sprint("#", last): last, fmt.Sprint(" ", last, " "): last, "S2@Shop.test": last, "2@shop.test": 0, "4711": 0, "Shop 2 3号": 0, "#": 0, "-1": 0,
		} {
			found := search(t, b, typed)
			if found.AccountID != want || found.PaymentNo != "" {
				t.Errorf("%q means account %d, payment %q; want account %d", typed, found.AccountID, found.PaymentNo, want)
			}
			if want != 0 && found.Accounts[0].AccountID != want {
				t.Errorf("%q shows account %d first", typed, found.Accounts[0].AccountID)
			}
		}
	})
}

func TestSearchSaysThatThereAreMore(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		db, err := b.Handle()
		must(t, err)
		account := namedShop(t, b, "First", "first@shop.test")
		for i := range models.SearchShown + 1 {
			campaign(t, b, account, fmt.Sprintf("夏季 %02d", i))
			_, err := db.ExecContext(t.Context(), fmt.Sprintf("INSERT INTO payments (no, account_id, rail, state, amount_fen, created_at, cancelled_at) VALUES ('R261124%014d', %d, 'alipay', 'cancelled', 700, '2026-11-24 06:00:00+00:00', '2026-11-24 06:00:00+00:00')", i, account))
			must(t, err)
		}
		f := search(t, b, "夏季")
		if len(f.Campaigns) != models.SearchShown || !f.MoreCampaigns || f.Campaigns[0].Name != "夏季 20" || f.MoreAccounts || f.MorePayments {
			t.Errorf("%d campaigns from %+v on", len(f.Campaigns), f.Campaigns[0])
		}
		if f := search(t, b, "¥7"); len(f.Payments) != models.SearchShown || !f.MorePayments || f.Payments[0].No != fmt.Sprintf("R261124%014d", models.SearchShown) {
			t.Errorf("%d payments, more: %v", len(f.Payments), f.MorePayments)
		}
		for i := range models.SearchShown + 1 {
			namedShop(t, b, "Many", fmt.Sprintf("many%d@shop.test", i))
		}
		if f := search(t, b, "Many"); len(f.Accounts) != models.SearchShown || !f.MoreAccounts {
			t.Errorf("%d accounts, more: %v", len(f.Accounts), f.MoreAccounts)
		}
	})
}

func TestSearchRefusesWhatIsTooLong(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		for _, typed := range []string{strings.Repeat("茶", 101), strings.Repeat("a ", 60), strings.Repeat("\"", 1<<20)} {
			_, err := b.Search(t.Context(), typed)
			wantField(t, err, "q", "error.search.too_long")
		}
		for _, typed := range []string{strings.Repeat("茶", 100), strings.TrimSpace(strings.Repeat("a ", 50)), strings.Repeat("\"", 100), strings.Repeat("9", 100), strings.Repeat("%", 100)} {
			if f := search(t, b, typed); len(f.Accounts)+len(f.Payments)+len(f.Campaigns) != 0 {
				t.Errorf("%q finds %+v", typed, f)
			}
		}
	})
}

// What stood before the search came is found too.
func TestSearchKnowsWhatStoodBefore(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			clock := modelstest.NewClock()
			store, err := models.Open(modelstest.EmptyURL(t, engine), models.Options{Now: clock.Now})
			must(t, err)
			t.Cleanup(func() { store.Close() })
			b := &modelstest.Bench{Store: store, Clock: clock, Queue: &modelstest.Queue{}}
			store.SetQueue(b.Queue)
			db, err := store.Handle()
			must(t, err)
			schemaOf(t, engine, db, 2)
			const at = "'2026-11-24 05:00:00+00:00'"
			for _, statement := range []string{
				"INSERT INTO sellers (id, shop_name, created_at) VALUES (1, '老茶馆', " + at + ")",
				"INSERT INTO users (id, email, password_hash, role, seller_id, created_at) VALUES (1, 'old@shop.test', '', 'seller', 1, " + at + ")",
				"INSERT INTO ledger_accounts (id, name, balance_fen, created_at) VALUES (101, 'seller:1:cash', 0, " + at + "), (102, 'seller:1:bonus', 0, " + at + ")",
				"INSERT INTO accounts (id, seller_id, cash_account_id, bonus_account_id, created_at) VALUES (1, 1, 101, 102, " + at + ")",
				"INSERT INTO campaigns (id, account_id, name, daily_budget_fen, switched_on, switched_at, created_at) VALUES (1, 1, '老计划', 10000, TRUE, " + at + ", " + at + ")",
			} {
				_, err := db.ExecContext(t.Context(), statement)
				must(t, err)
			}
			must(t, store.Migrate(t.Context()))
			for _, typed := range []string{"茶馆", "老茶馆", "old@sh"} {
				if diff := cmp.Diff([]int64{1}, accountsOf(search(t, b, typed))); diff != "" {
					t.Errorf("%q finds %s", typed, diff)
				}
			}
			if diff := cmp.Diff([]int64{1}, campaignsOf(search(t, b, "计划"))); diff != "" {
				t.Error(diff)
			}
		})
	}
}
