package sandbox

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"

	"golang.org/x/text/language"
)

//go:embed static
var staticFiles embed.FS

//go:embed templates/*.html templates/words.json
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "templates/*.html"))

// words are the texts of the pages by language, then by key.
var words = func() map[string]map[string]string {
	raw, err := pageFiles.ReadFile("templates/words.json")
	if err != nil {
		panic("sandbox: " + err.Error())
	}
	var all map[string]map[string]string
	if err := json.Unmarshal(raw, &all); err != nil {
		panic("sandbox: words.json: " + err.Error())
	}
	return all
}()

// languages in the order of preference; the first is for those who ask for none.
var languages = []string{"zh-CN", "en"}

var languageMatcher = language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English})

// view is what all pages have in common.
type view struct {
	Lang     string // zh-CN or en
	Other    string // the language to switch to
	OtherURL string
	Title    string // a key
	Base     string // before each path of this gateway
	Wire     string // whose cashier this is
}

// newView speaks the language of ?lang=, or else of Accept-Language.
func (s *Sandbox) newView(r *http.Request, title string) view {
	return newView(r, title, s.opts.Path, s.opts.Path, s.wire.name())
}

// newView is the view of a page below base; cut is what of base the path of r
// lacks.
func newView(r *http.Request, title, base, cut, wire string) view {
	_, at := language.MatchStrings(languageMatcher, r.URL.Query().Get("lang"), r.Header.Get("Accept-Language"))
	other := languages[1-at]
	return view{Lang: languages[at], Other: other, Title: title, OtherURL: cut + inLanguage(r, other), Base: base, Wire: wire}
}

// inLanguage is the path of r below this gateway's own, in another language.
func inLanguage(r *http.Request, lang string) string {
	asked := r.URL.Query()
	asked.Set("lang", lang)
	return (&url.URL{Path: r.URL.Path, RawQuery: asked.Encode()}).String()
}

// T is the text for a key, with args filled in.
func (v view) T(key string, args ...any) string {
	if len(args) == 0 {
		return words[v.Lang][key]
	}
	return fmt.Sprintf(words[v.Lang][key], args...)
}

// Fault is the text for one of the faults: its "name" or its "hint".
func (v view) Fault(f Fault, part string) string { return v.T("fault." + string(f) + "." + part) }

func (s *Sandbox) render(w http.ResponseWriter, status int, name string, data any) {
	render(w, s.opts.Log, status, name, data)
}

func render(w http.ResponseWriter, log *slog.Logger, status int, name string, data any) {
	var page bytes.Buffer
	if err := pages.ExecuteTemplate(&page, name, data); err != nil {
		log.Error("sandbox: page not drawn", "page", name, "error", err)
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if _, err := page.WriteTo(w); err != nil {
		log.Info("sandbox: reader went away", "error", err)
	}
}

// problemPage says what can't be done, and why.
type problemPage struct {
	view
	Text   string // a key
	Detail string // the protocol's own words, if any
}

func (s *Sandbox) problem(w http.ResponseWriter, r *http.Request, status int, text, detail string) {
	page := problemPage{view: s.newView(r, "problem.title"), Text: text, Detail: detail}
	s.render(w, status, "message.html", page)
}

// explain answers a browser with what went wrong.
func (s *Sandbox) explain(w http.ResponseWriter, r *http.Request, err error) {
	no := s.wire.words(err)
	switch {
	case errors.Is(err, ErrNoTrade): // there is no such page, whatever the protocol calls it
		s.problem(w, r, http.StatusNotFound, "problem.not_found", "")
	case no != "":
		s.problem(w, r, http.StatusBadRequest, "problem.refused", no)
	case errors.Is(err, errExpired):
		s.problem(w, r, http.StatusGone, "problem.expired", "")
	default:
		s.broken(w, r, err)
	}
}

// broken answers for a fault of our own.
func (s *Sandbox) broken(w http.ResponseWriter, r *http.Request, err error) {
	s.opts.Log.Error("sandbox: request failed", "path", r.URL.Path, "error", err)
	s.problem(w, r, http.StatusInternalServerError, "problem.broken", "")
}

func serveStatic(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, staticFiles, "static/"+r.PathValue("file"))
}
