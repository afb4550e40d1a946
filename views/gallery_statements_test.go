package views_test

import (
	"time"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/admin"
	"ztc-portal/views/components"
	"ztc-portal/views/layout"
)

// statementScreens are the pages of bank statements, and a bank transfer as its
// seller sees it.
func statementScreens() []screen {
	at := func(path string) func(*layout.Chrome) {
		return func(c *layout.Chrome) {
			atDesk(models.RoleFinance)(c)
			c.Path = path
		}
	}
	list := admin.StatementsPage{
		CSRF: token, Now: now, Account: "6222020000012345678", MaxMiB: 10, CanImport: true, Unmatched: 3, Open: 51_300_00, Pager: components.Pager{Shown: 2},
		Rows: []models.ImportRow{
			{Importer: "finance-team-member-one@office.test",
				ID: 2, FileName: "招商银行账务明细_2026年11月_下半月_完整版.xlsx", Layout: "cmb", ImportedAt: ago(time.Hour), LineCount: 120, NewCount: 17,
				DebitCount: 44, ReversalCount: 1, NewFen: 1_234_567_89, FirstOn: "2026-11-16", LastOn: "2026-11-22",
			},
			{Importer: "finance@demo.test",
				ID: 1, FileName: "template.csv", Layout: "template", ImportedAt: ago(30 * time.Hour), LineCount: 1, NewCount: 1, NewFen: 200_00, FirstOn: "2026-11-20", LastOn: "2026-11-20",
			},
		},
	}
	refused := list
	refused.Errors = models.FieldErrors{{Field: "file", Key: "error.statement.row_amount", Args: map[string]any{"Row": 17, "Value": "n/a"}}}
	none := admin.StatementsPage{Now: now}
	lines := admin.StatementLinesPage{CSRF: token, Now: now, CanPropose: true, ImportID: 2, Rows: statementLines(), Pager: components.Pager{Shown: 5}}
	empty := admin.StatementLinesPage{Now: now, State: models.LineReturned}
	mapping := admin.MappingPage{CSRF: token, Form: models.StatementMapping{Date: "日期", PayerName: "对方", Direction: "方向"}, Errors: models.FieldErrors{
		{Field: "credit", Key: "error.mapping.empty"}, {Field: "credit_word", Key: "error.mapping.empty"},
	}}
	name := admin.RegisteredPage{CSRF: token, ID: 7, Shop: shop, Name: "…", Errors: models.FieldErrors{
		{Field: "registered_name", Key: "error.registered_name", Args: map[string]any{"Max": 100}},
	}}
	clear := askPage(models.ApprovalSuspenseClear, nil)
	clear.Rail, clear.Form = models.RailBankTransfer, admin.AskForm{Payment: no, To: "7", Errors: models.FieldErrors{
		{Field: "payment", Key: "error.suspense.payment_amount", Args: map[string]any{"Ours": models.Fen(1_700_00), "Theirs": models.Fen(1_600_00)}},
		{Field: "to", Key: "error.suspense.payment_or_account"},
	}}
	waits := views.PaymentPage{
		CSRF: token, Now: now, No: no, State: models.PaymentPending, Amount: 1_700_00, Rail: models.RailBankTransfer, Shop: shop, Poll: true,
		CreatedAt: ago(9 * time.Minute), ExpiresAt: now.Add(7 * 24 * time.Hour),
		Transfer: &views.TransferFacts{
			Name: "示例网络科技（杭州）有限公司华东区数字营销分公司", Account: "62220200000123456781234567890123", Branch: "示例银行股份有限公司杭州高新技术产业开发区支行",
			Code: "102331000001", Reference: "K7QM2H9X",
		},
	}
	gone := waits
	gone.Other = views.OtherWays{No: no, Amount: 1_700_00, Gone: true, Closed: models.MethodGone(models.RailBankTransfer), Methods: someMethods()[:3]}
	over := waits
	over.State, over.Transfer, over.Poll, over.ClosedAt = models.PaymentExpired, nil, false, ago(time.Minute)
	return []screen{
		{"admin-statements", list.Title, admin.Statements(list), at("/admin/statements")},
		{"admin-statements-refused", refused.Title, admin.Statements(refused), at("/admin/statements")},
		{"admin-statements-none", none.Title, admin.Statements(none), at("/admin/statements")},
		{"admin-statement-lines", lines.Title, admin.StatementLines(lines), at("/admin/statements/lines")},
		{"admin-statement-lines-none", empty.Title, admin.StatementLines(empty), at("/admin/statements/lines")},
		{"admin-mapping", mapping.Title, admin.Mapping(mapping), at("/admin/statements/mapping")},
		{"admin-registered-name", name.Title, admin.Registered(name), at("/admin/accounts/7/registered-name")},
		{"admin-ask-suspense_clear-transfer", clear.Title, admin.Ask(clear), at("/admin/suspense/3/clear")},
		{"payment-transfer", waits.Title, views.Payment(waits), func(*layout.Chrome) {}},
		{"payment-transfer-gone", gone.Title, views.Payment(gone), func(*layout.Chrome) {}},
		{"payment-transfer-expired", over.Title, views.Payment(over), func(*layout.Chrome) {}},
	}
}

// statementLines are lines in each state, with every reason there is.
func statementLines() []models.LineView {
	line := func(id int64, state models.LineState, match models.Match) models.LineView {
		return models.LineView{
			State: state, Match: match, ID: id, TradeNo: "BT20261122-9F3A0C11223344556677", RowNo: 12, BankAt: ago(26 * time.Hour), AmountFen: 1_700_00,
			PayerName: "杭州茶叶贸易（集团）有限责任公司", PayerAccount: "571900000010801", Remark: "货款 K7QM2H9X | 网银转账", SerialNo: "C0001",
			Raw: "20261122\t093015\t\t1,700.00\t21,600.50\tK7QM2H9X\tC0001\t杭州茶叶贸易（集团）有限责任公司\t571900000010801", SuspenseID: 3,
		}
	}
	proposed, credited, returned := line(4, models.LineProposed, models.Match{}), line(5, models.LineCredited, models.Match{}), line(6, models.LineReturned, models.Match{})
	proposed.ApprovalID, proposed.PaymentNo, proposed.AccountID, proposed.ShopName = 41, no, 7, shop
	credited.PaymentNo, credited.AccountID, credited.ShopName, credited.PayerName = no, 7, shop, ""
	returned.ApprovalID = 40
	return []models.LineView{
		line(1, models.LineUnmatched, models.Match{Score: 95, Reasons: models.MatchReasons, PaymentNo: no, PayFen: 1_700_00, AccountID: 7, ShopName: shop}),
		line(2, models.LineUnmatched, models.Match{Score: 50, Reasons: []string{models.MatchCode, models.MatchOtherAmount}, AccountID: 7, ShopName: shop}),
		line(3, models.LineUnmatched, models.Match{}), proposed, credited, returned,
	}
}
