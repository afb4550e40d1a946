package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

// showJoin is where an invitation's link leads.
func (p *portal) showJoin(c echo.Context) error {
	return p.drawJoin(c, http.StatusOK, c.QueryParam("token"), nil)
}

// drawJoin asks for a password, or says why the link is of no use.
func (p *portal) drawJoin(c echo.Context, status int, token string, refusals models.FieldErrors) error {
	to, err := p.Store.InvitedTo(c.Request().Context(), token)
	if models.CodeOf(err) == models.NotFound {
		return p.voidLink(c, "/login", "link.void.invitation")
	}
	if err != nil {
		return err
	}
	page := views.JoinPage{CSRF: p.Token(c), Token: token, Email: to.Email, Shop: to.Shop, Role: to.Role, By: to.ByEmail, Taken: to.Taken, Errors: refusals}
	return p.Render(c, status, page, views.Join(page))
}

// voidLink is the page of a link that is worth nothing any more.
func (p *portal) voidLink(c echo.Context, next, hint string) error {
	page := views.VoidPage{Next: next, Hint: hint}
	return p.Render(c, http.StatusNotFound, page, views.Void(page))
}

// join accepts the invitation and signs in.
func (p *portal) join(c echo.Context) error {
	token := c.FormValue("token")
	secret, err := p.Store.Join(c.Request().Context(), models.JoinInput{
		Token: token, Password: c.FormValue("password"), Lang: text.Lang(c.Request().Context()), Address: c.RealIP(), UserAgent: c.Request().UserAgent(),
	})
	if fields, ok := web.Refused(err); ok {
		return p.drawJoin(c, http.StatusUnprocessableEntity, token, fields)
	}
	switch models.CodeOf(err) {
	case models.NotFound:
		return p.voidLink(c, "/login", "link.void.invitation")
	case models.Conflict: // the address signs in meanwhile: the page says so by itself
		return p.drawJoin(c, web.Status(err), token, nil)
	}
	if err != nil {
		return err
	}
	if err := p.SignIn(c, secret); err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.joined"})
	return web.SeeOther(c, web.Home(web.Who(c)))
}

func (p *portal) showForgot(c echo.Context) error {
	return p.drawForgot(c, http.StatusOK, views.ForgotPage{})
}

func (p *portal) drawForgot(c echo.Context, status int, page views.ForgotPage) error {
	page.CSRF, page.SendsMail, page.Mailbox = p.Token(c), p.Store.SendsMail(), p.mailbox
	return p.Render(c, status, page, views.Forgot(page))
}

// forgot has a link sent. What it answers is the same for every address.
func (p *portal) forgot(c echo.Context) error {
	page := views.ForgotPage{Email: c.FormValue("email")}
	err := p.Store.AskReset(c.Request().Context(), models.StartReset{Email: page.Email, Lang: text.Lang(c.Request().Context()), Address: c.RealIP()})
	if err == nil {
		page.Sent = true
		return p.drawForgot(c, http.StatusOK, page)
	}
	if fields, ok := web.Refused(err); ok {
		page.Errors = fields
		return p.drawForgot(c, http.StatusUnprocessableEntity, page)
	}
	refusal := (*models.Error)(nil)
	if !errors.As(err, &refusal) || refusal.Code == models.Internal {
		return err
	}
	page.Errors = models.FieldErrors{refusal}
	web.SayWhen(c, web.Status(err))
	return p.drawForgot(c, web.Status(err), page)
}

// showReset is where the link to a new password leads.
func (p *portal) showReset(c echo.Context) error {
	return p.drawReset(c, http.StatusOK, c.QueryParam("token"), nil)
}

func (p *portal) drawReset(c echo.Context, status int, token string, refusals models.FieldErrors) error {
	err := p.Store.ResetLives(c.Request().Context(), token)
	if models.CodeOf(err) == models.NotFound {
		return p.voidLink(c, "/forgot", "link.void.reset")
	}
	if err != nil {
		return err
	}
	page := views.ResetPage{CSRF: p.Token(c), Token: token, Errors: refusals}
	return p.Render(c, status, page, views.Reset(page))
}

func (p *portal) reset(c echo.Context) error {
	in := models.ResetInput{Token: c.FormValue("token"), Password: c.FormValue("password"), Lang: text.Lang(c.Request().Context()), Address: c.RealIP()}
	err := p.Store.ResetPassword(c.Request().Context(), in)
	if fields, ok := web.Refused(err); ok {
		return p.drawReset(c, http.StatusUnprocessableEntity, in.Token, fields)
	}
	if models.CodeOf(err) == models.NotFound {
		return p.voidLink(c, "/forgot", "link.void.reset")
	}
	if err != nil {
		return err
	}
	if err := p.SignOut(c); err != nil { // the cookie's session is over in any case, if it was theirs
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.password_reset"})
	return web.SeeOther(c, "/login")
}
