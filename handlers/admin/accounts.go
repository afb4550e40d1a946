package admin

import (
	"net/http"
	"slices"
	"strconv"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *admin) listAccounts(c echo.Context) error {
	page := views.AccountsPage{Now: a.Store.Now(), Order: views.AccountOrders[0]}
	if state := models.AccountState(c.QueryParam("state")); slices.Contains(views.AccountStates, state) {
		page.State = string(state)
	}
	if order := c.QueryParam("order"); slices.Contains(views.AccountOrders, order) {
		page.Order = order
	}
	asked := web.Keyset(c)
	rows, at, err := a.Store.AccountList(c.Request().Context(), models.AccountFilter{
		State: models.AccountState(page.State), ByArrears: page.Order == "arrears",
	}, asked)
	if err != nil {
		return err
	}
	if len(rows) == 0 && asked != (models.Keyset{}) { // the account that was seen last has no arrears any more
		return web.SeeOther(c, "/admin/accounts?order="+page.Order+"&state="+page.State)
	}
	page.Rows, page.Pager = rows, web.Pager(c, at, len(rows))
	return a.Render(c, http.StatusOK, page, views.Accounts(page))
}

func (a *admin) showAccount(c echo.Context) error {
	tab := c.QueryParam("tab")
	if !slices.Contains(views.AccountTabs, tab) {
		tab = views.AccountTabs[0]
	}
	return a.drawAccount(c, http.StatusOK, tab, "", nil)
}

// drawAccount draws an account and one of its sub-pages, the latter alone where
// a part is asked for; note and refusals are those of the form of notes.
func (a *admin) drawAccount(c echo.Context, status int, tab, note string, refusals models.FieldErrors) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	account, err := a.Store.StaffAccount(c.Request().Context(), id)
	if err != nil {
		return err
	}
	page := accountPage(account)
	role := web.Who(c).Role
	page.CSRF, page.Tab, page.CanNote = a.Token(c), tab, role.May(models.PermRepair)
	page.Asks, page.CanName = accountAsks(account.Account, role), role.May(models.PermStatement)
	page.Sub.Note, page.Sub.Errors = note, refusals
	if fill, ok := accountTabs[tab]; ok {
		if err := fill(a, c, id, &page.Sub); err != nil {
			return err
		}
	}
	if web.Part(c) {
		return a.Render(c, status, page, views.AccountTab(page))
	}
	return a.Render(c, status, page, views.Account(page))
}

// accountAsks are what the role may ask for about an account as it stands.
func accountAsks(a models.Account, role models.Role) (kinds []models.ApprovalKind) {
	freeze := models.ApprovalFreeze
	if a.FrozenAt != nil {
		freeze = models.ApprovalUnfreeze
	}
	for _, kind := range []models.ApprovalKind{models.ApprovalAdjustment, models.ApprovalBonusGrant, models.ApprovalBankTransfer, freeze} {
		if role.May(kind.AskPermission()) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// accountPage is what every sub-page shows, and what comes with it anyway.
func accountPage(s models.StaffAccount) views.AccountPage {
	page := views.AccountPage{
		Now: s.Now, ID: s.Account.ID, Shop: s.ShopName, Emails: s.Emails, State: s.Account.State(), CreatedAt: s.Account.CreatedAt,
		ArrearsSince: web.Instant(s.Account.ArrearsSince), StopsAt: web.Instant(s.Account.GraceEndsAt),
		SuspendedAt: web.Instant(s.Account.SuspendedAt), FrozenAt: web.Instant(s.Account.FrozenAt), FrozenReason: s.FrozenReason,
		Cash: s.Funds.Cash, Bonus: s.Funds.Bonus, Arrears: s.Funds.Arrears(), Spendable: s.Funds.Spendable(),
		SpentToday: s.SpentToday, DailyCost: s.DailyCost.Fen, Notes: s.Notes,
		Waiting: s.Waiting, MoreWaiting: s.MoreWaiting,
	}
	page.Sub.Timeline = s.Timeline
	page.Sub.Stops = web.StopsByCause(s.Campaigns, s.Funds.Spendable())
	for i := range page.Sub.Stops {
		page.Sub.Stops[i].ReadOnly = true
	}
	for _, v := range s.Campaigns {
		if v.Delivery != models.DeliveryEnded {
			page.Campaigns++
		}
		if v.Delivery == models.DeliveryServing || v.Delivery == models.DeliveryRecovering {
			page.Serving++
		}
		line := views.CampaignLine{
			ID: v.ID, Name: v.Name, State: v.Delivery, SharePercent: v.SharePercent, SpentToday: v.SpentTodayFen, Budget: v.DailyBudgetFen,
		}
		if len(v.Causes) > 0 {
			line.StoppedAt = web.Instant(v.Causes[0].Since)
		}
		page.Sub.Campaigns = append(page.Sub.Campaigns, line)
	}
	return page
}

// accountTabs read what a sub-page shows beyond that.
var accountTabs = map[string]func(*admin, echo.Context, int64, *views.AccountSub) error{
	"payments": (*admin).fillPayments, "ledger": (*admin).fillLedger, "alerts": (*admin).fillAlerts,
	"signins": (*admin).fillSignIns, "notes": (*admin).fillNotes,
}

func (a *admin) fillPayments(c echo.Context, id int64, sub *views.AccountSub) error {
	rows, at, err := a.Store.Payments(c.Request().Context(), id, models.PaymentFilter{}, web.Keyset(c))
	for _, p := range rows {
		sub.Payments = append(sub.Payments, views.PaymentLine{
			No: p.No, State: p.State, Rail: p.Rail, Amount: p.AmountFen, GatewayTradeNo: web.Instant(p.GatewayTradeNo),
			CreatedAt: p.CreatedAt, PaidLate: p.PaidLate,
		})
	}
	sub.Pager = web.Pager(c, at, len(rows))
	return err
}

func (a *admin) fillLedger(c echo.Context, id int64, sub *views.AccountSub) error {
	rows, at, err := a.Store.Statement(c.Request().Context(), id, models.StatementFilter{}, web.Keyset(c))
	sub.Entries, sub.Pager = rows, web.Pager(c, at, len(rows))
	return err
}

func (a *admin) fillAlerts(c echo.Context, id int64, sub *views.AccountSub) (err error) {
	if sub.Told, err = a.Store.ToldOf(c.Request().Context(), id); err != nil {
		return err
	}
	sub.Alerts, err = a.Store.AlertsSent(c.Request().Context(), id)
	return err
}

func (a *admin) fillSignIns(c echo.Context, id int64, sub *views.AccountSub) (err error) {
	sub.Sessions, sub.Attempts, err = a.Store.SignIns(c.Request().Context(), id)
	return err
}

func (a *admin) fillNotes(c echo.Context, id int64, sub *views.AccountSub) error {
	rows, at, err := a.Store.Notes(c.Request().Context(), id, web.Keyset(c))
	sub.Notes, sub.Pager = rows, web.Pager(c, at, len(rows))
	if c.Request().Method != http.MethodGet { // the form's address is no page
		sub.Pager.OlderHref = ""
	}
	return err
}

// addNote writes a note on an account.
func (a *admin) addNote(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	typed := c.FormValue("body")
	err = a.Store.AddNote(c.Request().Context(), web.Actor(c), id, typed)
	if fields, refused := web.Refused(err); refused {
		return a.drawAccount(c, http.StatusUnprocessableEntity, "notes", typed, fields)
	}
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.note_added"})
	return web.SeeOther(c, "/admin/accounts/"+strconv.FormatInt(id, 10)+"?tab=notes")
}
