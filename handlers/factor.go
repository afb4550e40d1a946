package handlers

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
)

// showFactor asks for the second factor of somebody whose password was right.
func (p *portal) showFactor(c echo.Context) error {
	if left, err := p.notAtFactor(c); left {
		return err
	}
	return p.drawFactor(c, http.StatusOK, nil)
}

// notAtFactor leads away whoever is not to show a second factor now.
func (p *portal) notAtFactor(c echo.Context) (left bool, err error) {
	if who := web.Who(c); who != nil {
		return true, web.SeeOther(c, web.Home(who))
	}
	if half := web.Half(c); half == nil || half.Stage != models.StageFactor {
		return true, web.SeeOther(c, web.Door(c))
	}
	return false, nil
}

func (p *portal) factor(c echo.Context) error {
	return p.passFactor(c, func(in models.FactorInput) (string, error) {
		return p.Store.PassFactor(c.Request().Context(), p.Secret(c), in)
	})
}

func (p *portal) passkeyFactor(c echo.Context) error {
	return p.passFactor(c, func(in models.FactorInput) (string, error) {
		return p.Store.PassPasskey(c.Request().Context(), p.Secret(c), in)
	})
}

// passFactor signs in with what one of the ways took, or draws the page again
// with what was wrong.
func (p *portal) passFactor(c echo.Context, pass func(models.FactorInput) (string, error)) error {
	if left, err := p.notAtFactor(c); left {
		return err
	}
	fresh, err := pass(web.Factor(c))
	if err != nil {
		return p.refuseFactor(c, err)
	}
	if err := p.SignIn(c, fresh); err != nil {
		return err
	}
	return web.SeeOther(c, web.Home(web.Who(c)))
}

func (p *portal) refuseFactor(c echo.Context, err error) error {
	if fields, ok := web.Refused(err); ok {
		return p.drawFactor(c, http.StatusUnprocessableEntity, fields)
	}
	refusal := (*models.Error)(nil)
	if !errors.As(err, &refusal) || refusal.Code == models.Internal {
		return err
	}
	web.SayWhen(c, web.Status(err))
	return p.drawFactor(c, web.Status(err), models.FieldErrors{refusal})
}

func (p *portal) drawFactor(c echo.Context, status int, refusals models.FieldErrors) error {
	desk, err := p.Store.FactorDesk(c.Request().Context(), *web.Half(c))
	if err != nil {
		return err
	}
	page := views.FactorPage{
		CSRF: p.Token(c), Email: desk.Email, TOTP: desk.TOTP, Passkeys: desk.Passkeys > 0, DemoCode: desk.DemoCode, Errors: refusals,
	}
	return p.Render(c, status, page, views.Factor(page))
}

// askPasskey gives the page's script what a passkey is to sign.
func (p *portal) askPasskey(c echo.Context) error {
	if left, err := p.notAtFactor(c); left {
		return err
	}
	options, err := p.Store.AskPasskey(c.Request().Context(), p.Secret(c))
	if err != nil {
		return err
	}
	return c.JSONBlob(http.StatusOK, options)
}
