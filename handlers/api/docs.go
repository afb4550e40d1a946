package api

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"

	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/text"
)

// Docs is the contract as a page for people, made once.
func Docs() (views.DocsPage, error) { return docs() }

var docs = sync.OnceValues(func() (views.DocsPage, error) {
	c, err := readContract(openapi)
	if err != nil {
		return views.DocsPage{}, err
	}
	page := views.DocsPage{
		Name: views.Words{English: c.Info.Title, Chinese: c.Info.ZhTitle}, Version: c.Info.Version, Problems: c.problems(),
	}
	lead, guide, err := sections(c.Info.text())
	if err != nil {
		return page, err
	}
	page.Lead, page.Guide = lead, guide
	page.Keys, page.Scopes = c.keys()
	for _, tag := range c.Tags {
		group := views.DocsGroup{ID: tag.Name, Title: views.Words{English: tag.Title, Chinese: tag.ZhTitle}, Text: tag.text()}
		for _, at := range c.Paths {
			for _, method := range at.value {
				if slices.Contains(method.value.Tags, tag.Name) {
					group.Operations = append(group.Operations, c.operation(method.name, at.name, method.value))
				}
			}
		}
		page.Groups = append(page.Groups, group)
	}
	for _, hook := range c.Webhooks {
		for _, method := range hook.value {
			page.Webhooks = append(page.Webhooks, c.webhook(hook.name, method.value))
		}
	}
	return page, nil
})

// sections cuts a text at its headings; what comes before the first is the lead.
func sections(words views.Words) (lead views.Words, rest []views.DocsText, err error) {
	const mark = "\n## "
	english, chinese := strings.Split(words.English, mark), strings.Split(words.Chinese, mark)
	if len(english) != len(chinese) {
		return lead, nil, fmt.Errorf("openapi.yaml: %d sections in English, %d in Chinese", len(english), len(chinese))
	}
	for i := range english[1:] {
		one, own := english[i+1], chinese[i+1]
		title, body, _ := strings.Cut(one, "\n")
		ownTitle, ownBody, _ := strings.Cut(own, "\n")
		rest = append(rest, views.DocsText{
			ID: slug(title), Title: views.Words{English: title, Chinese: ownTitle}, Text: views.Words{English: body, Chinese: ownBody},
		})
	}
	return views.Words{English: english[0], Chinese: chinese[0]}, rest, nil
}

var notInSlugs = regexp.MustCompile(`[^a-z0-9]+`)

func slug(title string) string {
	return strings.Trim(notInSlugs.ReplaceAllString(strings.ToLower(title), "-"), "-")
}

func (c contract) keys() (words views.Words, scopes []views.DocsValue) {
	scheme := c.Components.Keys["bearer"]
	return scheme.text(), valuesOf(scheme.Scopes, scheme.ZhScopes)
}

func valuesOf(english pairs[string], chinese map[string]string) (values []views.DocsValue) {
	for _, one := range english {
		values = append(values, views.DocsValue{Value: one.name, Meaning: views.Words{English: one.value, Chinese: chinese[one.name]}})
	}
	return values
}

func (c contract) operation(method, at string, o operation) views.DocsOperation {
	op := views.DocsOperation{
		ID: o.ID, Method: strings.ToUpper(method), Path: at, Name: o.name(), Text: o.text(), BodyText: o.Body.text(),
		Parameters: c.parameters(o), Request: c.curl(strings.ToUpper(method), at, o),
	}
	for _, needs := range o.Security {
		op.Scopes = append(op.Scopes, needs["bearer"]...)
	}
	for _, kind := range o.Body.Content {
		op.BodyKinds = append(op.BodyKinds, kind.name)
	}
	if len(o.Body.Content) > 0 {
		op.Body = c.fields(c.item(o.Body.Content[0].value.Schema), "", true)
	}
	for _, one := range o.Responses {
		answer := c.response(one.value)
		if one.name == "200" {
			op.AnswerText = answer.text()
			op.Answer = c.fields(c.schema(answer.Content[0].value.Schema), "", false)
			op.Answers = exampleOf(&answer.Content[0].value.Examples[0].value.Value, "")
			continue
		}
		op.Refusals = append(op.Refusals, refusalOf(one.name, answer))
	}
	return op
}

// item is what a body is a list of, or the body itself.
func (c contract) item(s schema) schema {
	if s.Items != nil {
		return c.schema(*s.Items)
	}
	return c.schema(s)
}

// everyAnswer are the headers that no answer lacks.
var everyAnswer = []string{"Date", "X-Request-Id"}

func refusalOf(status string, answer response) views.DocsRefusal {
	refusal := views.DocsRefusal{Status: status, Text: answer.text()}
	for _, one := range answer.Content[0].value.Examples {
		refusal.Codes = append(refusal.Codes, one.name)
	}
	for _, header := range answer.Headers {
		if !slices.Contains(everyAnswer, header.name) {
			refusal.Headers = append(refusal.Headers, header.name)
		}
	}
	return refusal
}

func (c contract) webhook(name string, o operation) views.DocsOperation {
	content := o.Body.Content[0].value
	op := views.DocsOperation{
		ID: slug(name), Method: http.MethodPost, Path: name, Name: o.name(), Text: o.text(), BodyText: o.Body.text(),
		Parameters: c.parameters(o), Body: c.fields(c.schema(content.Schema), "", false),
	}
	lines := []string{"POST / HTTP/1.1", "Content-Type: " + o.Body.Content[0].name}
	for _, header := range o.Parameters {
		lines = append(lines, header.Name+": "+header.Example.Value)
	}
	op.Request = strings.Join(append(lines, "", exampleOf(&content.Examples[0].value.Value, "")), "\n")
	return op
}

// placesOf say where a parameter stands.
var placesOf = map[string]text.Line{"query": {Key: "docs.in.query"}, "header": {Key: "docs.in.header"}}

func (c contract) parameters(o operation) (fields []views.DocsField) {
	for _, p := range o.Parameters {
		p = c.parameter(p)
		field := c.field(p.Name, c.schema(p.Schema), p.Required, true)
		field.Meaning, field.Place = p.text(), placesOf[p.In]
		fields = append(fields, field)
	}
	return fields
}

// fields lists the members of an object, and of the objects in it by their
// paths: campaigns[].share_percent.
func (c contract) fields(s schema, prefix string, sent bool) (fields []views.DocsField) {
	for _, member := range s.Properties {
		one := c.schema(member.value)
		fields = append(fields, c.field(prefix+member.name, one, slices.Contains(s.Required, member.name), sent))
		if one.Items != nil {
			fields = append(fields, c.fields(c.schema(*one.Items), prefix+member.name+"[].", sent)...)
		}
		fields = append(fields, c.fields(schema{Properties: one.Properties, Required: one.Required}, prefix+member.name+".", sent)...)
	}
	return fields
}

// field is one member or parameter; what is sent has limits, what is answered
// only its meaning.
func (c contract) field(name string, s schema, required, sent bool) views.DocsField {
	kind := strings.Join(s.Type, " | ")
	if s.Format == "date-time" {
		kind = s.Format
	}
	field := views.DocsField{Name: name, Type: kind, Meaning: s.text(), Values: valuesOf(s.Values, s.ZhValues)}
	switch {
	case !required:
		field.Need = text.Line{Key: "docs.optional"}
	case sent:
		field.Need = text.Line{Key: "docs.required"}
	}
	if sent {
		field.Limits = limitsOf(s)
	}
	return field
}

func limitsOf(s schema) (limits []text.Line) {
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		limits = append(limits, text.Line{Key: "docs.limit.between", Args: map[string]any{"Min": *s.Minimum, "Max": *s.Maximum}})
	case s.Minimum != nil:
		limits = append(limits, text.Line{Key: "docs.limit.least", Args: map[string]any{"Min": *s.Minimum}})
	}
	if s.MaxLength > 0 {
		limits = append(limits, text.Line{Key: "docs.limit.characters", Args: map[string]any{"Min": s.MinLength, "Max": s.MaxLength}})
	}
	if s.Default != "" {
		limits = append(limits, text.Line{Key: "docs.limit.default", Args: map[string]any{"Value": s.Default}})
	}
	return limits
}

// curl writes an operation's example as a command.
func (c contract) curl(method, at string, o operation) string {
	var query []string
	for _, p := range o.Parameters {
		if p.In == "query" {
			query = append(query, p.Name+"="+p.Example.Value)
		}
	}
	if len(query) > 0 {
		at += "?" + strings.Join(query, "&")
	}
	lines := []string{`curl "$PORTAL` + at + `"`, `  -H "Authorization: Bearer $KEY"`}
	if method == http.MethodPost && len(o.Body.Content) > 0 {
		body := o.Body.Content[0]
		lines = append(lines, `  -H "Content-Type: `+body.name+`"`, "  --data-binary '"+exampleOf(&body.value.Examples[0].value.Value, "")+"'")
	}
	return strings.Join(lines, " \\\n")
}

// problems lists every code in the order of Codes; the statuses are those of
// the contract's examples.
func (c contract) problems() (problems []views.DocsProblem) {
	statuses := map[string]string{}
	for _, answer := range c.Components.Responses {
		for _, one := range answer.value.Content[0].value.Examples {
			for i, member := range one.value.Value.Content {
				if member.Value == "status" {
					statuses[one.name] = one.value.Value.Content[i+1].Value
				}
			}
		}
	}
	codes := c.Components.Schemas["ProblemCode"]
	acts := valuesOf(codes.Values, codes.ZhValues)
	for _, code := range Codes {
		problem := views.DocsProblem{Code: code, Status: statuses[code], Args: sampleArgs(code)}
		if i := slices.IndexFunc(acts, func(v views.DocsValue) bool { return v.Value == code }); i >= 0 {
			problem.Act = acts[i].Meaning
		}
		problems = append(problems, problem)
	}
	return problems
}

// sampleArgs fill the placeholders of a problem's sentence where it is shown as
// an example.
func sampleArgs(code string) map[string]any {
	args := map[string]any{"Name": "wait", "Scope": string(models.ScopeCharges), "Line": 3, "Column": 17, "Max": maxBody >> 20}
	if code == "too_many_items" {
		args["Max"] = models.MaxChargeBatch
	}
	return args
}
