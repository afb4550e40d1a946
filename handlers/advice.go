package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
)

const advicePath = "/advice"

func (p *portal) showAdvice(c echo.Context) error {
	return p.drawAdvice(c, http.StatusOK, views.AdviceForm{})
}

func (p *portal) drawAdvice(c echo.Context, status int, typed views.AdviceForm) error {
	desk, err := p.Store.Advice(c.Request().Context(), web.Seller(c).AccountID)
	if err != nil {
		return err
	}
	page := views.AdvicePage{CSRF: p.Token(c), Now: p.Store.Now(), AdviceDesk: desk, Form: typed}
	if page.Undo, err = p.undoBar(c, advicePath); err != nil {
		return err
	}
	return p.Render(c, status, page, views.AdviceView(page))
}

// changeAdvice follows advice or dismisses it: one key that its own button sends
// (one, drop), or all that are ticked (key) by act=apply or act=dismiss. act=recall
// shows what was dismissed.
func (p *portal) changeAdvice(c echo.Context) error {
	form, err := c.FormParams()
	if err != nil {
		return &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
	}
	ctx, account, keys, act := c.Request().Context(), web.Seller(c).AccountID, form["key"], form.Get("act")
	if one := form.Get("one"); one != "" {
		keys, act = []string{one}, "apply"
	} else if drop := form.Get("drop"); drop != "" {
		keys, act = []string{drop}, "dismiss"
	}
	flash := layout.Flash{Key: "flash.advice_applied", Args: map[string]any{"Count": len(keys)}}
	switch act {
	case "apply":
		_, err = p.Store.ApplyAdvice(ctx, web.Actor(c), account, keys)
	case "dismiss":
		flash.Key = "flash.advice_dismissed"
		_, err = p.Store.DismissAdvice(ctx, web.Actor(c), account, keys)
	default:
		flash = layout.Flash{Key: "flash.advice_recalled"}
		err = p.Store.RecallAdvice(ctx, web.Actor(c), account)
	}
	if fields, refused := web.Refused(err); refused {
		return p.drawAdvice(c, http.StatusUnprocessableEntity, views.AdviceForm{Ticked: keys, Errors: fields})
	}
	if err != nil {
		return err
	}
	p.Flash(c, flash)
	return web.SeeOther(c, advicePath)
}

func (p *portal) setMargin(c echo.Context) error {
	typed := c.FormValue("margin")
	err := p.Store.SetMargin(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, typed)
	if fields, refused := web.Refused(err); refused {
		return p.drawAdvice(c, http.StatusUnprocessableEntity, views.AdviceForm{Margin: typed, Errors: fields})
	}
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.margin_saved"})
	return web.SeeOther(c, advicePath)
}

// setCeiling keeps the most that the seller ever wants to bid; empty: no own limit.
func (p *portal) setCeiling(c echo.Context) error {
	typed := c.FormValue("ceiling")
	err := p.Store.SetBidCeiling(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, typed)
	if fields, refused := web.Refused(err); refused {
		return p.drawAdvice(c, http.StatusUnprocessableEntity, views.AdviceForm{Ceiling: typed, Errors: fields})
	}
	if err != nil {
		return err
	}
	p.Flash(c, layout.Flash{Key: "flash.ceiling_saved"})
	return web.SeeOther(c, advicePath)
}
