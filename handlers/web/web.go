// Package web holds what every handler needs: who asks, the session cookie and
// its form token, drawing a page or a part of it, and turning errors into answers.
package web

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"github.com/gorilla/sessions"
	"github.com/labstack/echo/v4"

	"ztc-portal/models"
	"ztc-portal/views/layout"
)

// Web is what handlers share. It is made once, with the routes, and never changes
// after.
type Web struct {
	Store   *models.Store
	Log     *slog.Logger
	Demo    bool
	sim     layout.Simulation
	cookies *sessions.CookieStore
	name    string                           // of the session cookie
	shop    map[string]models.ShopPermission // what each of the sellers' routes asks for, by "METHOD /path"
}

// Options are what Web is made of.
type Options struct {
	Store  *models.Store
	Log    *slog.Logger
	Secret []byte // signs the session cookie; 32 bytes or more
	Secure bool   // cookies travel over https only
	Demo   bool

	Simulated bool // the clicks are made by a simulated ad engine
	Speed     int  // how many times faster than real time the clock runs
}

// New makes what handlers share.
func New(o Options) *Web {
	w := &Web{Store: o.Store, Log: o.Log, Demo: o.Demo, sim: layout.Simulation{Runs: o.Simulated, Speed: o.Speed}, name: "ztc", shop: map[string]models.ShopPermission{}}
	if o.Secure {
		w.name = "__Host-ztc" // no other host can set it, no path narrows it
	}
	w.cookies = sessions.NewCookieStore(o.Secret)
	w.cookies.Options = &sessions.Options{
		Path: "/", HttpOnly: true, Secure: o.Secure, SameSite: http.SameSiteLaxMode,
		MaxAge: int(o.Store.Rules().SessionTTL.Seconds()),
	}
	w.cookies.MaxAge(w.cookies.Options.MaxAge)
	return w
}

// Keys of the session cookie's values. The cookie is signed; it holds the id of
// the session in the database, the form token and a sentence for the next page.
const (
	valueSecret = "sid"
	valueToken  = "csrf"
)

// Flash leaves a sentence for the next page; its key is one of layout.Flashes.
func (w *Web) Flash(c echo.Context, flash layout.Flash) {
	left, err := json.Marshal(flash)
	if err != nil {
		return
	}
	session := w.session(c)
	session.AddFlash(string(left))
	w.save(c, session)
}

// takeFlash takes the sentence that the last act left, if it did.
func (w *Web) takeFlash(c echo.Context) *layout.Flash {
	session := w.session(c)
	left := session.Flashes()
	if len(left) == 0 {
		return nil
	}
	w.save(c, session)
	var flash layout.Flash
	words, _ := left[0].(string)
	if err := json.Unmarshal([]byte(words), &flash); err != nil {
		return nil
	}
	return &flash
}

// session is the request's cookie; one that is forged or stale counts as none.
func (w *Web) session(c echo.Context) *sessions.Session {
	session, _ := w.cookies.Get(c.Request(), w.name)
	return session
}

// save sends the cookie along with the answer. Without it the page still
// stands, so a failure is only logged; signing in and out check their own.
func (w *Web) save(c echo.Context, session *sessions.Session) {
	if err := session.Save(c.Request(), c.Response()); err != nil {
		w.Log.ErrorContext(c.Request().Context(), "session cookie not set", "error", err)
	}
}
