package handlers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	highbase "github.com/pb33f/libopenapi/datamodel/high/base"
	v3 "github.com/pb33f/libopenapi/datamodel/high/v3"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"go.yaml.in/yaml/v3"

	"ztc-portal/handlers"
	"ztc-portal/handlers/api"
	"ztc-portal/models"
	"ztc-portal/models/modelstest"
	"ztc-portal/views"
	"ztc-portal/views/text"
)

func TestContractIsOpenAPI(t *testing.T) {
	if valid, errs := theContract(t).whole.ValidateDocument(); !valid {
		complain(t, "the document", nil, errs)
	}
}

// node reads the document as it is written.
func contractNode(t *testing.T) *yaml.Node {
	t.Helper()
	var document yaml.Node
	must(t, yaml.Unmarshal(api.Spec(), &document))
	return document.Content[0]
}

// member finds a member of a mapping, by its path.
func member(node *yaml.Node, path ...string) *yaml.Node {
	for _, name := range path {
		found := -1
		for i := 0; i+1 < len(node.Content); i += 2 {
			if node.Content[i].Value == name {
				found = i + 1
			}
		}
		if found < 0 {
			return nil
		}
		node = node.Content[found]
	}
	return node
}

// TestContractSpeaksBothLanguages: wherever the document says something in
// English, a Chinese twin stands beside it, and nothing is left of what was.
func TestContractSpeaksBothLanguages(t *testing.T) {
	spoken := 0
	var walk func(node *yaml.Node, path string, names bool)
	walk = func(node *yaml.Node, path string, names bool) {
		for i := 0; i+1 < len(node.Content) && node.Kind == yaml.MappingNode; i += 2 {
			name, value := node.Content[i].Value, node.Content[i+1]
			at := path + "/" + name
			if !names && slices.Contains([]string{"summary", "description", "x-title", "x-values", "x-scopes"}, name) {
				spoken++
				twinsAgree(t, at, value, member(node, "x-zh-"+strings.TrimPrefix(name, "x-")))
			}
			if strings.HasPrefix(name, "x-zh-") && member(node, strings.TrimPrefix(name, "x-zh-")) == nil && member(node, "x-"+strings.TrimPrefix(name, "x-zh-")) == nil {
				t.Errorf("%s is the twin of nothing", at)
			}
			if name != "value" && name != "example" && !strings.HasPrefix(name, "x-") {
				walk(value, at, name == "properties" || name == "responses" || name == "schemas" || name == "headers")
			}
		}
		for i, one := range node.Content {
			if node.Kind == yaml.SequenceNode {
				walk(one, path+"/"+strconv.Itoa(i), false)
			}
		}
	}
	walk(contractNode(t), "", false)
	if spoken < 100 {
		t.Errorf("only %d texts were found", spoken)
	}
}

// code is what a text quotes; the twin quotes the same.
var code = regexp.MustCompile("`[^`\n]+`")

func twinsAgree(t *testing.T, at string, english, chinese *yaml.Node) {
	t.Helper()
	if chinese == nil {
		t.Errorf("%s has no Chinese twin", at)
		return
	}
	if english.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(english.Content); i += 2 {
			twinsAgree(t, at+"/"+english.Content[i].Value, english.Content[i+1], member(chinese, english.Content[i].Value))
		}
		return
	}
	if !regexp.MustCompile(`\p{Han}`).MatchString(chinese.Value) || regexp.MustCompile(`\p{Han}`).MatchString(english.Value) {
		t.Errorf("%s: the twins speak %.40q and %.40q", at, english.Value, chinese.Value)
	}
	quotes := func(words string) []string {
		found := code.FindAllString(words, -1)
		slices.Sort(found)
		return slices.Compact(found)
	}
	if a, b := quotes(english.Value), quotes(chinese.Value); !slices.Equal(a, b) {
		t.Errorf("%s: the English quotes %v, the Chinese %v", at, a, b)
	}
}

func TestContractKnowsEveryCode(t *testing.T) {
	schemas := member(contractNode(t), "components", "schemas")
	for schema, want := range map[string][]string{
		"ProblemCode": api.Codes, "ChargeRejectCode": texts(models.RejectCodes), "ResultRejectCode": texts(models.ResultCodes),
		"DeliveryState": texts(views.DeliveryStates),
	} {
		var enum []string
		must(t, member(schemas, schema, "enum").Decode(&enum))
		if !slices.Equal(slices.Sorted(slices.Values(enum)), slices.Sorted(slices.Values(want))) {
			t.Errorf("%s has %v, the code %v", schema, enum, want)
		}
		for _, value := range enum {
			if member(schemas, schema, "x-values", value) == nil {
				t.Errorf("%s: %s is not explained", schema, value)
			}
		}
		if n := len(member(schemas, schema, "x-values").Content) / 2; n != len(enum) {
			t.Errorf("%s explains %d values of %d", schema, n, len(enum))
		}
	}
	for limit, want := range map[string][]string{
		strconv.Itoa(models.MaxChargeBatch):     {"paths", "/api/v1/charges", "post", "requestBody", "content", "application/json", "schema", "maxItems"},
		strconv.Itoa(models.MaxResultBatch):     {"paths", "/api/v1/results", "post", "requestBody", "content", "application/json", "schema", "maxItems"},
		fmt.Sprint(int64(models.MaxChargeFen)):  {"components", "schemas", "Charge", "properties", "amount_fen", "maximum"},
		strconv.Itoa(models.EngineKeywordsPage): {"components", "schemas", "Keywords", "properties", "keywords", "maxItems"},
	} {
		if got := member(contractNode(t), want...); got == nil || got.Value != limit {
			t.Errorf("%s is not %s", strings.Join(want, "/"), limit)
		}
	}
}

func texts[S ~string](values []S) (plain []string) {
	for _, v := range values {
		plain = append(plain, string(v))
	}
	return plain
}

func TestContractHasEveryRoute(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		documented := map[string]bool{}
		for path, item := range theContract(t).document.Paths.PathItems.FromOldest() {
			for method := range item.GetOperations().FromOldest() {
				documented[strings.ToUpper(method)+" "+path] = false
			}
		}
		for _, route := range s.routes {
			if !ofAPI(route) || route.Method == echo.RouteNotFound {
				continue
			}
			if _, known := documented[route.Method+" "+route.Path]; !known {
				t.Errorf("%s %s is not in the document", route.Method, route.Path)
			}
			documented[route.Method+" "+route.Path] = true
		}
		for what, routed := range documented {
			if !routed {
				t.Errorf("%s has no route", what)
			}
		}
		answer := s.browser(t).get("/api/openapi.yaml").is(t, http.StatusOK)
		if answer.body != string(api.Spec()) || answer.Header.Get("Content-Type") != "application/yaml; charset=utf-8" {
			t.Errorf("/api/openapi.yaml gives %s of %d bytes", answer.Header.Get("Content-Type"), len(answer.body))
		}
	})
}

// TestContractsExamplesAreTrue: each example fits its schema, and the words of
// problems and rejections are those that the API says.
func TestContractsExamplesAreTrue(t *testing.T) {
	c, seen := theContract(t), 0
	hold := func(where string, content *v3.MediaType) {
		for name, example := range content.Examples.FromOldest() {
			seen++
			var value any
			must(t, example.Value.Decode(&value))
			body, err := json.Marshal(value)
			must(t, err)
			c.fits(t, content.Schema, body)
			sayTheSame(t, where+" "+name, value)
		}
	}
	document := c.document
	for path, item := range document.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status, response := range operation.Responses.Codes.FromOldest() {
				for _, content := range response.Content.FromOldest() {
					hold(method+" "+path+" "+status, content)
				}
			}
			if operation.RequestBody != nil {
				for _, content := range operation.RequestBody.Content.FromOldest() {
					hold(method+" "+path, content)
				}
			}
			for _, parameter := range operation.Parameters {
				seen++
				example, err := json.Marshal(decoded(t, parameter.Example))
				must(t, err)
				c.fits(t, parameter.Schema, example)
			}
		}
	}
	hold("NotFound", document.Components.Responses.GetOrZero("NotFound").Content.GetOrZero("application/problem+json"))
	hook := document.Webhooks.GetOrZero("serving.changed").Post
	hold("webhook", hook.RequestBody.Content.GetOrZero("application/json"))
	for name, header := range document.Components.Headers.FromOldest() {
		seen++
		example, err := json.Marshal(decoded(t, header.Example))
		must(t, err)
		if header.Schema == nil {
			t.Errorf("the header %s has no schema", name)
			continue
		}
		c.fits(t, header.Schema, example)
	}
	if seen < 60 {
		t.Errorf("only %d examples were found", seen)
	}
}

// decoded reads an example; the validator's library has nodes of its own.
func decoded(t *testing.T, node interface{ Decode(any) error }) (value any) {
	t.Helper()
	must(t, node.Decode(&value))
	return value
}

// sayTheSame looks for sentences in an example and wants them as the API says
// them in English.
func sayTheSame(t *testing.T, where string, value any) {
	t.Helper()
	fields, ok := value.(map[string]any)
	if !ok {
		return
	}
	if rejected, ok := fields["rejected"].([]any); ok {
		for _, one := range rejected {
			its := one.(map[string]any)
			if want := word(text.English, "api.reject."+its["code"].(string)); its["detail"] != want {
				t.Errorf("%s says %q, the API %q", where, its["detail"], want)
			}
		}
	}
	code, ok := fields["code"].(string)
	if !ok {
		return
	}
	most := 4
	if code == "too_many_items" {
		most = models.MaxChargeBatch
	}
	want := word(text.English, "api.problem."+code+".detail", "Name", "wait", "Scope", "charges", "Line", 3, "Column", 17, "Max", most)
	if fields["detail"] != want || fields["title"] != word(text.English, "api.problem."+code+".title") {
		t.Errorf("%s says %q, the API %q", where, fields["detail"], want)
	}
}

// TestEveryAnswerOfTheContractIsMet provokes each status of each operation; the
// engine holds what it gets against the document.
func TestEveryAnswerOfTheContractIsMet(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		account, campaigns := s.Seller(t, 100*yuan)
		s.credit(t, account, 300*yuan)
		all := s.engine(t)
		provokeRefusals(t, s, all)
		packed := header("Content-Encoding", "br")
		for _, path := range []string{"/charges", "/results"} {
			all.post(path, "[{]").refused(t, 400, "bad_json")
			all.post(path, "[]", header("Content-Encoding", "gzip")).refused(t, 400, "bad_encoding")
			all.post(path, "["+strings.Repeat("{},", models.MaxChargeBatch)+"{}]").refused(t, 413, "too_many_items")
			all.post(path, strings.Repeat(" ", 4<<20+1)).refused(t, 413, "body_too_large")
			all.post(path, "[]", packed).refused(t, 415, "unsupported_media_type")
		}
		all.get("/serving?wait=x").refused(t, 400, "bad_parameter")
		all.get("/keywords?after=x").refused(t, 400, "bad_parameter")
		all.get("/serving?after=x").refused(t, 410, "cursor_unknown")
		click := s.click("c1", campaigns[0], 100)
		all.send("/charges", click, click, click.with("charge_id", "c2").with("campaign_id", 999)).is(t, 200)
		all.send("/results", item{"campaign_id": campaigns[0], "hour": s.Clock.Now()}, item{}).is(t, 200)
		all.get("/serving").is(t, 200)
		all.get("/serving?after=0").is(t, 200)
		all.get("/keywords").is(t, 200)
		must(t, s.Close())
		for path, method := range operations {
			all.do(method, path, "").refused(t, 500, "internal")
		}
		compareMet(t, all.met)
	})
}

// operations are the paths of the API, each with its one method.
var operations = map[string]string{"/charges": "POST", "/results": "POST", "/serving": "GET", "/keywords": "GET"}

// provokeRefusals makes every operation refuse in the ways that all have.
func provokeRefusals(t *testing.T, s *site, all *engine) {
	t.Helper()
	hasty := newSite(t, s.Bench, func(c *handlers.Config) { c.APIRate = 1 })
	for path, method := range operations {
		stranger := &engine{t: t, site: s, met: all.met}
		stranger.do(method, path, "").refused(t, 401, "unauthorized")
		wrong := models.ScopeServing
		if method == "GET" {
			wrong = models.ScopeResults
		}
		limited := s.engine(t, wrong)
		limited.met = all.met
		limited.do(method, path, "").refused(t, 403, "scope_missing")
		all.do(http.MethodDelete, path, "").refused(t, 405, "method_not_allowed")
		quick := hasty.engine(t)
		quick.met = all.met
		for range 20 {
			if quick.do(method, path, "").StatusCode == http.StatusTooManyRequests {
				break
			}
		}
		late, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
		request := httptest.NewRequest(method, s.url+"/api/v1"+path, nil).WithContext(late)
		request.Header.Set("Authorization", "Bearer "+all.key)
		recorder := httptest.NewRecorder()
		s.handler.ServeHTTP(recorder, request)
		cancel()
		response := recorder.Result()
		body, err := io.ReadAll(response.Body)
		must(t, err)
		all.got(request, response, body).refused(t, 503, "unavailable")
	}
}

// compareMet wants exactly what the document says that there may be.
func compareMet(t *testing.T, met map[string]bool) {
	t.Helper()
	for path, item := range theContract(t).document.Paths.PathItems.FromOldest() {
		for method, operation := range item.GetOperations().FromOldest() {
			for status := range operation.Responses.Codes.FromOldest() {
				what := strings.ToUpper(method) + " " + path + " " + status
				if !met[what] {
					t.Errorf("%s is documented and was not met", what)
				}
				delete(met, what)
			}
		}
	}
	for what := range met {
		t.Errorf("%s was met and is not documented", what)
	}
}

// TestWebhooksKeepTheContract: what is stored to be sent fits the schema, the
// message's id and a signature the patterns of the headers.
func TestWebhooksKeepTheContract(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			s := modelstest.OpenWith(t, engine, func(r *models.Rules) { r.Webhooks = true })
			account, campaigns := s.Seller(t, 100*yuan)
			must(t, s.SwitchCampaign(t.Context(), models.Actor{}, account, campaigns[0], false))
			c, seen := theContract(t), 0
			hook := c.document.Webhooks.GetOrZero(models.ServingChanged).Post
			for _, task := range s.Queue.Tasks() {
				deliver, ok := task.Args.(models.DeliverWebhook)
				if !ok {
					continue
				}
				seen++
				message, err := s.Webhook(t.Context(), deliver.ID)
				must(t, err)
				c.fits(t, hook.RequestBody.Content.GetOrZero("application/json").Schema, []byte(message.Body))
				signer, err := standardwebhooks.NewWebhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
				must(t, err)
				signature, err := signer.Sign(message.MessageID, s.Clock.Now(), []byte(message.Body))
				must(t, err)
				sent := map[string]string{
					standardwebhooks.HeaderWebhookID: message.MessageID, standardwebhooks.HeaderWebhookSignature: signature + " " + signature,
					standardwebhooks.HeaderWebhookTimestamp: strconv.FormatInt(s.Clock.Now().Unix(), 10),
				}
				for _, header := range hook.Parameters {
					fitsHeader(t, c, header.Schema, sent[header.Name])
					delete(sent, header.Name)
				}
				if len(sent) > 0 {
					t.Errorf("not in the document: %v", sent)
				}
			}
			if seen == 0 {
				t.Error("there was no message")
			}
		})
	}
}

func fitsHeader(t *testing.T, c *contract, schema *highbase.SchemaProxy, value string) {
	t.Helper()
	body, err := json.Marshal(value)
	must(t, err)
	c.fits(t, schema, body)
}
