package handlers

import (
	"time"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/views"
	"ztc-portal/views/layout"
)

// freshFor is how long the offer to put an edit back stays in sight.
const freshFor = time.Minute

// undoBar offers to put back the reader's last edit; back is the page to come
// back to.
func (p *portal) undoBar(c echo.Context, back string) (views.UndoBar, error) {
	last, err := p.Store.LastChange(c.Request().Context(), web.Seller(c).AccountID, web.Actor(c).UserID)
	if err != nil || last.ID == 0 {
		return views.UndoBar{}, err
	}
	return views.UndoBar{
		CSRF: p.Token(c), ID: last.ID, Kind: last.Kind, Rows: last.Rows, First: last.First, Items: editLines(last.Items, nil),
		Until: last.UndoUntil, Fresh: p.Store.Now().Sub(last.At) < freshFor, Back: back,
	}, nil
}

// undoEdit puts an edit back, and says what was left because it is another by now.
func (p *portal) undoEdit(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	undone, left, err := p.Store.UndoEdit(c.Request().Context(), web.Actor(c), web.Seller(c).AccountID, id)
	if err != nil {
		return err
	}
	flash := layout.Flash{Key: "flash.edit_undone", Args: map[string]any{"Count": undone}}
	if left > 0 {
		flash = layout.Flash{Key: "flash.edit_undone_left", Args: map[string]any{"Undone": undone, "Left": left}}
	}
	p.Flash(c, flash)
	return web.SeeOther(c, web.OwnPath(c.FormValue("back")))
}
