package web

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/models"
)

// tokenField is the form field that carries the token.
const tokenField = "csrf"

func newToken() string {
	var random [32]byte
	rand.Read(random[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(random[:])
}

// Token is the session's form token, made on first need and changed at sign-in.
func (w *Web) Token(c echo.Context) string {
	session := w.session(c)
	if token, ok := session.Values[valueToken].(string); ok {
		return token
	}
	token := newToken()
	session.Values[valueToken] = token
	w.save(c, session)
	return token
}

// CheckToken refuses an unsafe request whose form can't be read, or does not
// carry the session's own token. An address is no place for a token.
func (w *Web) CheckToken(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch c.Request().Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions:
			return next(c)
		}
		if err := readForm(c); err != nil {
			if tooLong := (*echo.HTTPError)(nil); errors.As(err, &tooLong) {
				return err
			}
			return &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
		}
		want, _ := w.session(c).Values[valueToken].(string)
		got := c.Request().PostForm.Get(tokenField)
		if want == "" || subtle.ConstantTimeCompare([]byte(got), []byte(want)) != 1 {
			return &models.Error{Code: models.Forbidden, Key: "error.form_token"}
		}
		return next(c)
	}
}

// maxFormMemory is how much of a form with a file is kept in memory; the rest is
// put on the disk for as long as the request takes.
const maxFormMemory = 1 << 20

// readForm reads the form of a request. One with a file is read of staff alone:
// nobody else has anything to send.
func readForm(c echo.Context) error {
	r := c.Request()
	if !strings.HasPrefix(r.Header.Get(echo.HeaderContentType), echo.MIMEMultipartForm) {
		return r.ParseForm()
	}
	if who := Who(c); who == nil || !who.Role.IsStaff() {
		return http.ErrNotMultipart
	}
	return r.ParseMultipartForm(maxFormMemory)
}

// crossOrigin is the standard library's judgement of what a browser says.
var crossOrigin = http.NewCrossOriginProtection()

// CheckOrigin is CheckToken for a page whose scripts are not ours and know of no
// token: an unsafe request passes when the browser itself says that a page of
// this very origin sent it (Sec-Fetch-Site, else Origin); any other must carry
// the token.
func (w *Web) CheckOrigin(next echo.HandlerFunc) echo.HandlerFunc {
	checked := w.CheckToken(next)
	return func(c echo.Context) error {
		r := c.Request()
		said := r.Header.Get("Sec-Fetch-Site") != "" || r.Header.Get("Origin") != ""
		if said && r.Header.Get("Sec-Fetch-Site") != "none" && crossOrigin.Check(r) == nil {
			return next(c)
		}
		return checked(c)
	}
}
