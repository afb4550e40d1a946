package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/labstack/echo/v4"
)

// readItems reads a body that is a JSON array, or one JSON value a line
// (NDJSON), gzip or plain, of at most most items. A value that is JSON but not
// of the item's form is a zero item, which the rules refuse as malformed. The whole body is read and understood before
// anything is done with it.
func readItems[Item any](c echo.Context, most int) (items []Item, err error) {
	body, err := readBody(c)
	if err != nil {
		return nil, err
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(body))
	array := dec.PeekKind() == '['
	if array {
		if _, err := dec.ReadToken(); err != nil {
			return nil, badJSON(body, err)
		}
	}
	for !array || dec.PeekKind() != ']' {
		value, err := dec.ReadValue()
		if !array && errors.Is(err, io.EOF) {
			return items, nil
		}
		if err != nil {
			return nil, badJSON(body, err)
		}
		if len(items) == most {
			return nil, &problem{status: http.StatusRequestEntityTooLarge, code: "too_many_items", args: map[string]any{"Max": most}}
		}
		var item Item
		if value.Kind() != '{' || json.Unmarshal(value, &item) != nil {
			item = unreadable[Item](value)
		}
		items = append(items, item)
	}
	if _, err := dec.ReadToken(); err != nil { // the closing bracket
		return nil, badJSON(body, err)
	}
	end := dec.InputOffset()
	if rest := bytes.TrimLeft(body[end:], " \t\r\n"); len(rest) > 0 {
		return nil, badPlace(body, len(body)-len(rest))
	}
	return items, nil
}

// named is an item that keeps its name also when the rest of it can't be read.
type named[Item any] interface{ onlyNamed(name string) Item }

// unreadable is a zero item; one that has a name keeps what name can be read.
func unreadable[Item any](value jsontext.Value) (zero Item) {
	item, ok := any(zero).(named[Item])
	var given struct {
		ID jsontext.Value `json:"charge_id"`
	}
	if !ok || value.Kind() != '{' || json.Unmarshal(value, &given) != nil || given.ID.Kind() != '"' {
		return zero
	}
	var name string
	if json.Unmarshal(given.ID, &name) != nil {
		return zero
	}
	return item.onlyNamed(name)
}

// badJSON says where the body stops being JSON.
func badJSON(body []byte, err error) error {
	offset := len(body)
	if syntax := (*jsontext.SyntacticError)(nil); errors.As(err, &syntax) {
		offset = int(syntax.ByteOffset)
	}
	return badPlace(body, offset)
}

func badPlace(body []byte, offset int) error {
	before := body[:min(offset, len(body))]
	return &problem{status: http.StatusBadRequest, code: "bad_json", place: &place{
		Offset: int64(len(before)), Line: bytes.Count(before, []byte{'\n'}) + 1, Column: len(before) - bytes.LastIndexByte(before, '\n'),
	}}
}

// readBody reads at most maxBody bytes, packed or not.
func readBody(c echo.Context) ([]byte, error) {
	kind, _, err := mime.ParseMediaType(c.Request().Header.Get("Content-Type"))
	switch {
	case err != nil && c.Request().Header.Get("Content-Type") != "",
		kind != "" && kind != "application/json" && kind != "application/x-ndjson" && kind != "application/ndjson" && kind != "application/jsonl":
		return nil, &problem{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, err
	}
	if err != nil { // it did not come whole, or not in time
		return nil, &problem{status: http.StatusBadRequest, code: "body_cut_off"}
	}
	switch strings.ToLower(c.Request().Header.Get("Content-Encoding")) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		return unpack(body)
	}
	return nil, &problem{status: http.StatusUnsupportedMediaType, code: "unsupported_media_type"}
}

// unpack gives what is in a gzip, up to maxBody.
func unpack(packed []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, &problem{status: http.StatusBadRequest, code: "bad_encoding"}
	}
	body, err := io.ReadAll(io.LimitReader(reader, maxBody+1))
	switch {
	case err != nil:
		return nil, &problem{status: http.StatusBadRequest, code: "bad_encoding"}
	case len(body) > maxBody:
		return nil, &http.MaxBytesError{Limit: maxBody}
	}
	return body, nil
}
