package admin

import (
	"io"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"ztc-portal/gateways"
	"ztc-portal/gateways/bank"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// UploadPath is the one address that takes a file.
const UploadPath = "/admin/statements/import"

// mountStatements adds the pages of bank statements.
func (a *admin) mountStatements(g *echo.Group) {
	g.GET("/statements", a.listStatements, web.Needs(models.PermRead))
	g.POST("/statements/import", a.importStatement, web.Needs(models.PermStatement))
	g.GET("/statements/template.csv", a.statementTemplate, web.Needs(models.PermStatement))
	g.GET("/statements/mapping", a.showMapping, web.Needs(models.PermStatement))
	g.POST("/statements/mapping", a.setMapping, web.Needs(models.PermStatement))
	g.GET("/statements/lines", a.listLines, web.Needs(models.PermRead))
	g.POST("/statements/propose", a.proposeCertain, web.Needs(models.PermStatement))
	g.POST("/statements/lines/:id/propose", a.proposeLine, web.Needs(models.PermStatement))
	g.GET("/accounts/:id/registered-name", a.showRegistered, web.Needs(models.PermStatement))
	g.POST("/accounts/:id/registered-name", a.setRegistered, web.Needs(models.PermStatement))
}

// ourAccount is the account that statements are of, "" where bank transfer is
// not set up.
func (a *admin) ourAccount() string {
	if rail, ok := a.rails.By[models.RailBankTransfer].(gateways.Remittee); ok {
		return rail.BankAccount().Number
	}
	return ""
}

func (a *admin) listStatements(c echo.Context) error {
	return a.drawStatements(c, http.StatusOK, nil)
}

func (a *admin) drawStatements(c echo.Context, status int, refused models.FieldErrors) error {
	desk, err := a.Store.StatementDesk(c.Request().Context(), web.Keyset(c))
	if err != nil {
		return err
	}
	page := views.StatementsPage{
		CSRF: a.Token(c), Now: a.Store.Now(), Account: a.ourAccount(), MaxMiB: bank.MaxFile >> 20, CanImport: web.Who(c).Role.May(models.PermStatement),
		Unmatched: int(desk.Unmatched), Open: desk.OpenFen, Rows: desk.Imports, Errors: refused, Pager: web.Pager(c, desk.Page, len(desk.Imports)),
	}
	return a.Render(c, status, page, views.Statements(page))
}

// importStatement reads the file that was sent and imports it, whole or not at all.
func (a *admin) importStatement(c echo.Context) error {
	made, err := a.importFile(c)
	if fields, refused := web.Refused(err); refused {
		return a.drawStatements(c, http.StatusUnprocessableEntity, fields)
	}
	if err != nil {
		return err
	}
	key := "flash.statement_imported"
	if made.ReversalCount > 0 {
		key = "flash.statement_reversals"
	}
	a.Flash(c, layout.Flash{Key: key, Args: map[string]any{"New": int(made.NewCount), "Known": int(made.LineCount - made.NewCount), "Reversals": int(made.ReversalCount)}})
	return web.SeeOther(c, "/admin/statements")
}

func (a *admin) importFile(c echo.Context) (models.StatementImport, error) {
	account := a.ourAccount()
	if account == "" {
		return models.StatementImport{}, &models.Error{Code: models.Conflict, Key: "error.gateway.off", Args: map[string]any{"Method": models.RailBankTransfer}}
	}
	file, header, err := c.Request().FormFile("file")
	if err != nil {
		return models.StatementImport{}, models.FieldErrors{{Code: models.Invalid, Field: "file", Key: "error.statement.empty", Err: err}}
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, bank.MaxFile+1))
	if err != nil {
		return models.StatementImport{}, err
	}
	ctx := c.Request().Context()
	mapping, err := a.Store.StatementMapping(ctx)
	if err != nil {
		return models.StatementImport{}, err
	}
	statement, err := bank.ReadStatement(content, bank.Options{OurAccount: account, Mapping: mapping, Now: a.Store.Now()})
	if err != nil {
		return models.StatementImport{}, err
	}
	return a.Store.ImportStatement(ctx, web.Actor(c), models.StatementInput{FileName: header.Filename, OurAccount: account, Statement: statement})
}

func (a *admin) statementTemplate(c echo.Context) error {
	c.Response().Header().Set("Content-Disposition", `attachment; filename="statement-template.csv"`)
	return c.Blob(http.StatusOK, "text/csv; charset=utf-8", bank.Template())
}

func (a *admin) showMapping(c echo.Context) error {
	mapping, err := a.Store.StatementMapping(c.Request().Context())
	if err != nil {
		return err
	}
	page := views.MappingPage{CSRF: a.Token(c), Form: mapping}
	return a.Render(c, http.StatusOK, page, views.Mapping(page))
}

func (a *admin) setMapping(c echo.Context) error {
	form := models.StatementMapping{
		Date: c.FormValue("date"), Clock: c.FormValue("clock"), Credit: c.FormValue("credit"), Direction: c.FormValue("direction"),
		CreditWord: c.FormValue("credit_word"), PayerName: c.FormValue("payer_name"), PayerAccount: c.FormValue("payer_account"),
		Remark: c.FormValue("remark"), SerialNo: c.FormValue("serial_no"), Balance: c.FormValue("balance"), OurAccount: c.FormValue("our_account"),
	}
	err := a.Store.SetStatementMapping(c.Request().Context(), web.Actor(c), form)
	if fields, refused := web.Refused(err); refused {
		page := views.MappingPage{CSRF: a.Token(c), Form: form, Errors: fields}
		return a.Render(c, http.StatusUnprocessableEntity, page, views.Mapping(page))
	}
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.mapping_saved"})
	return web.SeeOther(c, "/admin/statements/mapping")
}

// listLines are lines of statements, newest first.
func (a *admin) listLines(c echo.Context) error {
	state := models.LineState(oneOf(c.QueryParam("state"), models.LineStates))
	importID, err := strconv.ParseInt(c.QueryParam("import"), 10, 64)
	if err != nil || importID < 0 {
		importID = 0
	}
	rows, at, err := a.Store.StatementLines(c.Request().Context(), models.LineFilter{State: state, ImportID: importID}, web.Keyset(c))
	if err != nil {
		return err
	}
	page := views.StatementLinesPage{
		CSRF: a.Token(c), Now: a.Store.Now(), State: state, ImportID: importID, CanPropose: web.Who(c).Role.May(models.PermStatement),
		Rows: rows, Pager: web.Pager(c, at, len(rows)),
	}
	return a.Render(c, http.StatusOK, page, views.StatementLines(page))
}

// proposeLine asks for the line's money to be credited to what fits it.
func (a *admin) proposeLine(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	approval, err := a.Store.ProposeLine(ctx, web.Actor(c), id, text.T(ctx, "lines.because.one"))
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.approval_asked"})
	return web.SeeOther(c, "/admin/approvals/"+strconv.FormatInt(approval.ID, 10))
}

// proposeCertain asks so for all lines that are certain.
func (a *admin) proposeCertain(c echo.Context) error {
	ctx := c.Request().Context()
	n, err := a.Store.ProposeCertain(ctx, web.Actor(c), text.T(ctx, "lines.because.certain"))
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.lines_proposed", Args: map[string]any{"Count": n}})
	return web.SeeOther(c, "/admin/statements/lines?state=proposed")
}

func (a *admin) showRegistered(c echo.Context) error {
	return a.drawRegistered(c, http.StatusOK, nil, nil)
}

// drawRegistered draws the form of a company's name; typed is what was refused.
func (a *admin) drawRegistered(c echo.Context, status int, typed *string, refused models.FieldErrors) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	name, err := a.Store.SellerName(c.Request().Context(), id)
	if err != nil {
		return err
	}
	page := views.RegisteredPage{CSRF: a.Token(c), ID: id, Shop: name.ShopName, Name: name.RegisteredName, Errors: refused}
	if typed != nil {
		page.Name = *typed
	}
	return a.Render(c, status, page, views.Registered(page))
}

func (a *admin) setRegistered(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	typed := c.FormValue("registered_name")
	err = a.Store.SetRegisteredName(c.Request().Context(), web.Actor(c), id, typed)
	if fields, refused := web.Refused(err); refused {
		return a.drawRegistered(c, http.StatusUnprocessableEntity, &typed, fields)
	}
	if err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.registered_saved"})
	return web.SeeOther(c, "/admin/accounts/"+strconv.FormatInt(id, 10))
}
