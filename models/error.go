package models

import (
	"errors"
	"fmt"
	"strings"
)

// Code says what kind of refusal an error is; handlers/web turns it into a
// status, and nobody else needs to know.
type Code string

const (
	Invalid         Code = "invalid"         // what was typed cannot be taken
	NotFound        Code = "not_found"       // no such thing, or not yours
	Conflict        Code = "conflict"        // its state does not allow this now
	Unauthenticated Code = "unauthenticated" // who are you?
	Forbidden       Code = "forbidden"       // you may not
	TooMany         Code = "too_many"        // slow down
	Unavailable     Code = "unavailable"     // somebody we depend on does not answer
	Internal        Code = "internal"        // a defect: logged, never shown
)

// Error is a refusal with a key of the text catalogue, so that the words are
// chosen where the reader's language is known.
type Error struct {
	Code  Code
	Field string         // form field the refusal stands beside, or ""
	Key   string         // text key, e.g. "error.amount.too_small"
	Args  map[string]any // placeholders of the text
	Err   error          // cause, for the log only
}

func (e *Error) Error() string {
	parts := []string{string(e.Code), e.Key}
	if e.Field != "" {
		parts = append(parts, "field "+e.Field)
	}
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

func (e *Error) Unwrap() error { return e.Err }

// FieldErrors is all that is wrong with a form, in the order of its fields.
type FieldErrors []*Error

func (f FieldErrors) Error() string {
	parts := make([]string, len(f))
	for i, e := range f {
		parts[i] = e.Error()
	}
	return strings.Join(parts, "; ")
}

// On returns the first refusal that stands beside the field, or nil.
func (f FieldErrors) On(field string) *Error {
	for _, e := range f {
		if e.Field == field {
			return e
		}
	}
	return nil
}

// OrNil returns the collected refusals as an error, nil when there are none.
func (f FieldErrors) OrNil() error {
	if len(f) == 0 {
		return nil
	}
	return f
}

// CodeOf tells the code of any error; what is not ours is Internal.
func CodeOf(err error) Code {
	if e := (*Error)(nil); errors.As(err, &e) {
		return e.Code
	}
	if f := (FieldErrors)(nil); errors.As(err, &f) {
		return Invalid
	}
	return Internal
}

func fieldError(field, key string, args map[string]any) *Error {
	return &Error{Code: Invalid, Field: field, Key: key, Args: args}
}

func notFound(what string) error {
	return &Error{Code: NotFound, Key: "error.not_found", Err: fmt.Errorf("no such %s", what)}
}

func conflict(key string, args map[string]any) error {
	return &Error{Code: Conflict, Key: key, Args: args}
}
