package handlers

import (
	"errors"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
	"ztc-portal/views/text"
)

func (p *portal) home(c echo.Context) error { return web.SeeOther(c, web.Home(web.Who(c))) }

func (p *portal) showLogin(c echo.Context) error {
	if who := web.Who(c); who != nil {
		return web.SeeOther(c, web.Home(who))
	}
	if web.Half(c) != nil {
		return web.SeeOther(c, web.Door(c))
	}
	page := views.LoginPage{CSRF: p.Token(c), Demo: p.Demo, DemoCode: p.Store.DemoCode()}
	return p.Render(c, http.StatusOK, page, views.Login(page))
}

func (p *portal) login(c echo.Context) error {
	in := models.SignInInput{
		Email: c.FormValue("email"), Password: c.FormValue("password"), Address: c.RealIP(), UserAgent: c.Request().UserAgent(),
	}
	secret, err := p.Store.SignIn(c.Request().Context(), in)
	if err != nil {
		return p.refuseLogin(c, in.Email, err)
	}
	if err := p.SignIn(c, secret); err != nil {
		return err
	}
	if web.Half(c) != nil {
		return web.SeeOther(c, web.Door(c))
	}
	return web.SeeOther(c, web.Home(web.Who(c)))
}

// refuseLogin draws the form again with what was wrong.
func (p *portal) refuseLogin(c echo.Context, email string, err error) error {
	page := views.LoginPage{CSRF: p.Token(c), Demo: p.Demo, DemoCode: p.Store.DemoCode(), Email: email}
	if fields, ok := web.Refused(err); ok {
		page.Errors = fields
	} else if refusal := (*models.Error)(nil); errors.As(err, &refusal) && refusal.Code != models.Internal {
		page.Errors = models.FieldErrors{refusal}
	} else {
		return err
	}
	web.SayWhen(c, web.Status(err))
	return p.Render(c, web.Status(err), page, views.Login(page))
}

func (p *portal) logout(c echo.Context) error {
	if err := p.SignOut(c); err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.signed_out"})
	return web.SeeOther(c, "/login")
}

// setPreferences keeps language or theme and leads back to the page they were
// chosen on.
func (p *portal) setPreferences(c echo.Context) error {
	if lang := c.FormValue("lang"); slices.Contains(text.Languages, lang) {
		p.SetPreference(c, "lang", lang)
		if who := web.Who(c); who != nil { // mails are to come in it, too
			if err := p.Store.SetLanguage(c.Request().Context(), who.UserID, lang); err != nil {
				return err
			}
		}
	}
	if theme := c.FormValue("theme"); slices.Contains([]string{layout.ThemeLight, layout.ThemeDark, "auto"}, theme) {
		p.SetPreference(c, "theme", theme)
	}
	return web.SeeOther(c, web.OwnPath(c.FormValue("back")))
}
