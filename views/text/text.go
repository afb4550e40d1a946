// Package text puts keys into words: one catalogue a language, chosen by the
// context, and the forms of money, numbers and times.
package text

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// The languages that there are. Chinese is the one spoken when nothing is asked.
const (
	Chinese = "zh-CN"
	English = "en"
)

// Languages lists them in the order of the switch in the page.
var Languages = []string{Chinese, English}

//go:embed zh-CN.json en.json
var catalogues embed.FS

var (
	bundle     = mustLoad()
	localizers = map[string]*i18n.Localizer{
		Chinese: i18n.NewLocalizer(bundle, Chinese),
		English: i18n.NewLocalizer(bundle, English),
	}
	matcher = language.NewMatcher([]language.Tag{language.SimplifiedChinese, language.English})
)

// Line is a sentence that has not been put into words yet: a key and its
// placeholders. Handlers and models make lines, components say them.
type Line struct {
	Key  string
	Args map[string]any
}

// IsZero tells whether there is nothing to say.
func (l Line) IsZero() bool { return l.Key == "" }

type contextKey struct{}

// With says which language the page speaks; anything but one of Languages is
// taken as Chinese.
func With(ctx context.Context, lang string) context.Context {
	if _, known := localizers[lang]; !known {
		lang = Chinese
	}
	return context.WithValue(ctx, contextKey{}, lang)
}

// Lang is the language of the context, Chinese if none was set.
func Lang(ctx context.Context) string {
	if lang, ok := ctx.Value(contextKey{}).(string); ok {
		return lang
	}
	return Chinese
}

// Match picks one of Languages for an Accept-Language header: Chinese where the
// reader asks for neither.
func Match(acceptLanguage string) string {
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return Chinese
	}
	_, i, confidence := matcher.Match(wanted...)
	if confidence == language.No || confidence == language.Low {
		return Chinese
	}
	return Languages[i]
}

// T says a key; args are pairs of a placeholder's name and its value. Money,
// times and numbers are written as text writes them; "Count" picks the plural.
func T(ctx context.Context, key string, args ...any) string {
	named := make(map[string]any, len(args)/2)
	for i := 0; i+1 < len(args); i += 2 {
		named[fmt.Sprint(args[i])] = args[i+1]
	}
	return TMap(ctx, key, named)
}

// Say puts a line into words.
func Say(ctx context.Context, line Line) string { return TMap(ctx, line.Key, line.Args) }

// TMap is T with the placeholders in a map. A key that is not in the catalogue
// comes back between marks and is logged: the page still stands. A count for a
// text that has no plural forms is only a placeholder, and no fault.
func TMap(ctx context.Context, key string, args map[string]any) string {
	config := &i18n.LocalizeConfig{MessageID: key, TemplateData: formatted(ctx, args)}
	if count, ok := args["Count"]; ok {
		config.PluralCount = count
	}
	words, err := localizers[Lang(ctx)].Localize(config)
	if words == "" {
		slog.WarnContext(ctx, "text missing", "key", key, "error", err)
		return "⟦" + key + "⟧"
	}
	return words
}

// Has tells whether the catalogue knows the key.
func Has(key string) bool {
	_, err := localizers[Chinese].Localize(&i18n.LocalizeConfig{MessageID: key, PluralCount: 2})
	return err == nil
}

// mustLoad reads the catalogues; they are in the binary, so that a fault in them
// is found by any test.
func mustLoad() *i18n.Bundle {
	b := i18n.NewBundle(language.SimplifiedChinese)
	b.RegisterUnmarshalFunc("json", json.Unmarshal)
	for _, lang := range Languages {
		if _, err := b.LoadMessageFileFS(catalogues, lang+".json"); err != nil {
			panic(err)
		}
	}
	return b
}
