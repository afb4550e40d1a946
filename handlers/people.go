package handlers

import (
	"context"
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

func (p *portal) showPeople(c echo.Context) error {
	form := views.InviteForm{Email: c.QueryParam("email"), Role: c.QueryParam("role")} // as typed before who it is was confirmed
	return p.drawPeople(c, http.StatusOK, form)
}

func (p *portal) drawPeople(c echo.Context, status int, form views.InviteForm) error {
	who := web.Seller(c)
	desk, err := p.Store.PeopleDesk(c.Request().Context(), who.AccountID)
	if err != nil {
		return err
	}
	page := views.PeoplePage{CSRF: p.Token(c), Now: desk.Now, SendsMail: desk.SendsMail, Mailbox: p.mailbox, Form: form, Invitations: desk.Invitations}
	for _, one := range desk.Colleagues {
		page.Rows = append(page.Rows, views.PeopleRow{
			ID: one.ID, Email: one.Email, Role: one.Role, Factor: one.Factor, Sessions: one.Sessions, SeenAt: web.Instant(one.SeenAt), Own: one.ID == who.UserID,
		})
	}
	return p.Render(c, status, page, views.People(page))
}

// invite asks a colleague in. The mail is in the language that the page is read
// in: that is likely the colleague's.
func (p *portal) invite(c echo.Context) error {
	in := models.InviteInput{Email: c.FormValue("email"), Role: c.FormValue("role"), Lang: text.Lang(c.Request().Context())}
	err := p.Store.Invite(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, in)
	form := views.InviteForm{Email: in.Email, Role: in.Role}
	if fields, ok := web.Refused(err); ok {
		form.Errors = fields
		return p.drawPeople(c, http.StatusUnprocessableEntity, form)
	}
	if refusal := (*models.Error)(nil); errors.As(err, &refusal) && (refusal.Code == models.Conflict || refusal.Code == models.TooMany) {
		form.Errors = models.FieldErrors{refusal}
		return p.drawPeople(c, web.Status(err), form)
	}
	return p.toPeople(c, layout.Flash{Key: "flash.invited", Args: map[string]any{"Email": models.NormalEmail(in.Email)}}, err)
}

// toPeople ends an act: back to the page with what was done, or with what
// refused it.
func (p *portal) toPeople(c echo.Context, said layout.Flash, err error) error {
	if err != nil {
		return err
	}
	p.Flash(c, said)
	return web.SeeOther(c, "/people")
}

// actOnPeople does an act on what the path's id names.
func (p *portal) actOnPeople(c echo.Context, act func(ctx context.Context, by models.Actor, account, id int64) error, said string) error {
	id, err := web.ID(c, "id")
	if err == nil {
		err = act(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id)
	}
	return p.toPeople(c, layout.Flash{Key: said}, err)
}

func (p *portal) resendInvitation(c echo.Context) error {
	return p.actOnPeople(c, p.Store.ResendInvitation, "flash.invited_again")
}

func (p *portal) withdrawInvitation(c echo.Context) error {
	return p.actOnPeople(c, p.Store.WithdrawInvitation, "flash.invitation_withdrawn")
}

func (p *portal) setShopRole(c echo.Context) error {
	role := models.ShopRole(c.FormValue("role"))
	id, err := web.ID(c, "id")
	if err == nil {
		err = p.Store.SetShopRole(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id, role)
	}
	if fields, ok := web.Refused(err); ok { // no page of ours offers such a role
		return fields[0]
	}
	if err == nil && id == web.Seller(c).UserID && !role.May(models.ShopPeople) {
		p.Flash(c, layout.Flash{Key: "flash.shop_role"})
		return web.SeeOther(c, web.Home(web.Who(c)))
	}
	return p.toPeople(c, layout.Flash{Key: "flash.shop_role"}, err)
}

func (p *portal) revokeColleague(c echo.Context) error {
	return p.actOnPeople(c, p.Store.RevokeColleague, "flash.colleague_revoked")
}

func (p *portal) removeColleague(c echo.Context) error {
	return p.actOnPeople(c, p.Store.RemoveColleague, "flash.colleague_removed")
}
