package handlers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pb33f/libopenapi-validator/config"
	faults "github.com/pb33f/libopenapi-validator/errors"
	"github.com/pb33f/libopenapi-validator/schema_validation"
	"github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"

	"ztc-portal/handlers/api"
	"ztc-portal/models"
)

// contract is openapi.yaml behind a validator of OpenAPI 3.1. Formats are
// checked, and what an answer holds must be in the document.
type contract struct {
	mu       sync.Mutex
	document *v3.Document
	whole    validator.Validator
	schemas  schema_validation.SchemaValidator
}

var openContract = sync.OnceValues(func() (*contract, error) {
	document, err := libopenapi.NewDocument(api.Spec())
	if err != nil {
		return nil, err
	}
	model, err := document.BuildV3Model()
	if err != nil {
		return nil, err
	}
	options := []config.Option{config.WithFormatAssertions(), config.WithStrictMode(), config.WithStrictIgnoredHeadersExtra(ofEveryPage...)}
	whole, errs := validator.NewValidator(document, options...)
	if len(errs) > 0 {
		return nil, fmt.Errorf("%v", errs)
	}
	return &contract{document: &model.Model, whole: whole, schemas: schema_validation.NewSchemaValidator(options...)}, nil
})

// ofEveryPage are headers that the portal sets on whatever it answers.
var ofEveryPage = []string{
	"Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Permissions-Policy", "Cache-Control",
}

func theContract(t testing.TB) *contract {
	t.Helper()
	c, err := openContract()
	must(t, err)
	return c
}

// methodOf gives the one method that the document has for a path, "" for none.
func (c *contract) methodOf(path string) string {
	item, ok := c.document.Paths.PathItems.Get(path)
	switch {
	case !ok:
		return ""
	case item.Post != nil:
		return http.MethodPost
	}
	return http.MethodGet
}

// holds wants an answer to be as the document says. One to another method is
// held against the operation that the path has, one of no path of the document
// against what is said of unknown addresses.
func (c *contract) holds(t testing.TB, request *http.Request, response *http.Response, body []byte) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	method := c.methodOf(request.URL.Path)
	if method == "" && response.StatusCode == http.StatusNotFound {
		c.fits(t, c.document.Components.Responses.GetOrZero("NotFound").Content.GetOrZero(response.Header.Get("Content-Type")).Schema, body)
		return
	}
	if method == "" {
		method = request.Method
	}
	asked, err := http.NewRequest(method, request.URL.String(), nil)
	must(t, err)
	said := &http.Response{StatusCode: response.StatusCode, Header: response.Header, Body: io.NopCloser(bytes.NewReader(body))}
	_, errs := c.whole.ValidateHttpResponse(asked, said)
	complain(t, fmt.Sprintf("%s %s answers %s", request.Method, request.URL.Path, response.Status), body, errs)
}

// allows wants a request of which everything was taken to be as the document
// says that one may be.
func (c *contract) allows(t testing.TB, request *http.Request, body string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	again := request.Clone(t.Context())
	again.Body = io.NopCloser(strings.NewReader(body))
	_, errs := c.whole.ValidateHttpRequestSync(again)
	complain(t, request.Method+" "+request.URL.Path+" is taken", []byte(body), errs)
}

// fits wants JSON to fit a schema of the document.
func (c *contract) fits(t testing.TB, schema *base.SchemaProxy, body []byte) {
	t.Helper()
	_, errs := c.schemas.ValidateSchemaBytesWithVersion(schema.Schema(), body, 3.1)
	complain(t, "the schema "+schema.GetReference(), body, errs)
}

func complain(t testing.TB, what string, body []byte, errs []*faults.ValidationError) {
	t.Helper()
	for _, one := range errs {
		t.Errorf("%s, against openapi.yaml: %s\n%.600s", what, one.Error(), body)
	}
}

// engine is an ad engine at the API. Every answer it gets is held against the
// contract, and kept in met as METHOD path status.
type engine struct {
	t    testing.TB
	site *site
	key  string
	mu   sync.Mutex
	met  map[string]bool
}

// engine makes one with a key of these scopes; none are all.
func (s *site) engine(t testing.TB, scopes ...models.Scope) *engine {
	t.Helper()
	key, err := s.CreateAPIKey(t.Context(), "engine", scopes)
	must(t, err)
	return &engine{t: t, site: s, key: key, met: map[string]bool{}}
}

// worthChecking bounds what is held against the contract: the validator takes
// seconds for thousands of items that are all alike.
const worthChecking = 64 << 10

// reply is what the API answered.
type reply struct {
	*http.Response
	body []byte
}

func (e *engine) get(path string, options ...option) reply {
	e.t.Helper()
	return e.do(http.MethodGet, path, "", options...)
}

func (e *engine) post(path, body string, options ...option) reply {
	e.t.Helper()
	return e.do(http.MethodPost, path, body, options...)
}

// send posts a list of items as a JSON array.
func (e *engine) send(path string, items ...any) reply {
	e.t.Helper()
	body, err := json.Marshal(append([]any{}, items...))
	must(e.t, err)
	return e.post(path, string(body))
}

func (e *engine) do(method, path, body string, options ...option) reply {
	e.t.Helper()
	request, err := http.NewRequest(method, e.site.url+api.Prefix+path, strings.NewReader(body))
	must(e.t, err)
	if e.key != "" {
		request.Header.Set("Authorization", "Bearer "+e.key)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, change := range options {
		change(request)
	}
	client := http.Client{Timeout: 45 * time.Second}
	response, err := client.Do(request)
	must(e.t, err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	must(e.t, err)
	got := e.got(request, response, content)
	json := request.Header.Get("Content-Type") == "application/json" && len(body) < worthChecking
	if json && response.StatusCode == http.StatusOK && strings.HasPrefix(body, "[") && bytes.Contains(content, []byte(`"rejected":[]`)) {
		theContract(e.t).allows(e.t, request, body)
	}
	return got
}

// got holds an answer against the contract and notes that it was met.
func (e *engine) got(request *http.Request, response *http.Response, content []byte) reply {
	e.t.Helper()
	c := theContract(e.t)
	if len(content) < worthChecking {
		c.holds(e.t, request, response, content)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.met[fmt.Sprintf("%s %s %d", c.methodOf(request.URL.Path), request.URL.Path, response.StatusCode)] = true
	return reply{response, content}
}

func (r reply) is(t testing.TB, status int) reply {
	t.Helper()
	if r.Response == nil {
		t.Fatal("there was no answer")
	}
	if r.StatusCode != status {
		t.Fatalf("%s: %s, want %d: %.400s", r.Header.Get("X-Request-Id"), r.Status, status, r.body)
	}
	return r
}

// into reads the answer's JSON.
func (r reply) into(t testing.TB, value any) {
	t.Helper()
	if err := json.Unmarshal(r.body, value); err != nil {
		t.Fatalf("%v: %.400s", err, r.body)
	}
}

// problem is a problem document.
type problem struct {
	Type, Title, Detail, Code string
	Status                    int
	RequestID                 string `json:"request_id"`
	Offset                    *int
	Line, Column              int
}

// refused wants a problem of this status and code.
func (r reply) refused(t testing.TB, status int, code string) problem {
	t.Helper()
	r.is(t, status)
	var p problem
	r.into(t, &p)
	if p.Code != code || p.Status != status || p.Type != "/api/docs#problem-"+code || p.RequestID != r.Header.Get("X-Request-Id") {
		t.Fatalf("the problem is %+v, want %s", p, code)
	}
	return p
}

// counts is what became of a body of charges or results.
type counts struct {
	Accepted, Duplicate int
	Rejected            []struct {
		Index    int
		ChargeID string `json:"charge_id"`
		Code     models.RejectCode
		Detail   string
		Hour     string
	}
}

func (r reply) counts(t testing.TB) (c counts) {
	t.Helper()
	r.is(t, http.StatusOK).into(t, &c)
	return c
}

// serving is an answer about delivery.
type serving struct {
	Cursor    string
	Campaigns []models.ServingCampaign
}

func (r reply) serving(t testing.TB) (s serving) {
	t.Helper()
	r.is(t, http.StatusOK).into(t, &s)
	return s
}

// item is one charge or result as an engine writes it.
type item map[string]any

// click is a charge of a campaign, made now.
func (s *site) click(id string, campaign int64, amount models.Fen) item {
	return item{"charge_id": id, "campaign_id": campaign, "amount_fen": amount, "charged_at": s.Clock.Now()}
}

func (i item) with(name string, value any) item {
	changed := item{}
	for n, v := range i {
		changed[n] = v
	}
	changed[name] = value
	return changed
}
