package main

import (
	"context"
	"errors"
	"strings"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// inWords says an error on the command line: what was refused by the rules is
// put into its sentence, each on a line of its own; the rest stays as it is.
func inWords(err error) string {
	said := err.Error()
	var refusals models.FieldErrors
	if one := (*models.Error)(nil); !errors.As(err, &refusals) && errors.As(err, &one) {
		return strings.ReplaceAll(said, one.Error(), sentence(one))
	}
	if len(refusals) == 0 {
		return said
	}
	sentences := make([]string, len(refusals))
	for i, refusal := range refusals {
		sentences[i] = refusal.Field + ": " + sentence(refusal)
	}
	return strings.ReplaceAll(said, refusals.Error(), strings.Join(sentences, "\n"))
}

// sentence is what a refusal says in English, as all of the command line is.
func sentence(refusal *models.Error) string {
	if !text.Has(refusal.Key) {
		return refusal.Error()
	}
	return text.TMap(text.With(context.Background(), text.English), refusal.Key, refusal.Args)
}
