package api

import (
	"fmt"
	"path"
	"strings"

	"go.yaml.in/yaml/v3"

	"ztc-portal/views"
)

// contract is openapi.yaml as far as the page for people shows it.
type contract struct {
	Info struct {
		worded  `yaml:",inline"`
		Title   string `yaml:"title"`
		ZhTitle string `yaml:"x-zh-title"`
		Version string `yaml:"version"`
	} `yaml:"info"`
	Tags []struct {
		worded  `yaml:",inline"`
		Name    string `yaml:"name"`
		Title   string `yaml:"x-title"`
		ZhTitle string `yaml:"x-zh-title"`
	} `yaml:"tags"`
	Paths      pairs[pairs[operation]] `yaml:"paths"`
	Webhooks   pairs[pairs[operation]] `yaml:"webhooks"`
	Components struct {
		Keys       map[string]keyScheme `yaml:"securitySchemes"`
		Parameters map[string]parameter `yaml:"parameters"`
		Responses  pairs[response]      `yaml:"responses"`
		Schemas    map[string]schema    `yaml:"schemas"`
	} `yaml:"components"`
}

// worded is what carries words, each with its Chinese twin.
type worded struct {
	Summary       string `yaml:"summary"`
	ZhSummary     string `yaml:"x-zh-summary"`
	Description   string `yaml:"description"`
	ZhDescription string `yaml:"x-zh-description"`
}

func (w worded) name() views.Words { return views.Words{English: w.Summary, Chinese: w.ZhSummary} }
func (w worded) text() views.Words {
	return views.Words{English: w.Description, Chinese: w.ZhDescription}
}

type keyScheme struct {
	worded   `yaml:",inline"`
	Scopes   pairs[string]     `yaml:"x-scopes"`
	ZhScopes map[string]string `yaml:"x-zh-scopes"`
}

type operation struct {
	worded     `yaml:",inline"`
	ID         string                `yaml:"operationId"`
	Tags       []string              `yaml:"tags"`
	Security   []map[string][]string `yaml:"security"`
	Parameters []parameter           `yaml:"parameters"`
	Body       response              `yaml:"requestBody"`
	Responses  pairs[response]       `yaml:"responses"`
}

type parameter struct {
	worded   `yaml:",inline"`
	Ref      string    `yaml:"$ref"`
	Name     string    `yaml:"name"`
	In       string    `yaml:"in"`
	Required bool      `yaml:"required"`
	Schema   schema    `yaml:"schema"`
	Example  yaml.Node `yaml:"example"`
}

// response is an answer, or the body that is asked for: both hold content.
type response struct {
	worded  `yaml:",inline"`
	Ref     string           `yaml:"$ref"`
	Headers pairs[yaml.Node] `yaml:"headers"`
	Content pairs[media]     `yaml:"content"`
}

type media struct {
	Schema   schema         `yaml:"schema"`
	Examples pairs[example] `yaml:"examples"`
}

type example struct {
	Value yaml.Node `yaml:"value"`
}

type schema struct {
	worded     `yaml:",inline"`
	Ref        string            `yaml:"$ref"`
	Type       kinds             `yaml:"type"`
	Format     string            `yaml:"format"`
	Minimum    *int64            `yaml:"minimum"`
	Maximum    *int64            `yaml:"maximum"`
	MinLength  int64             `yaml:"minLength"`
	MaxLength  int64             `yaml:"maxLength"`
	Default    string            `yaml:"default"`
	Required   []string          `yaml:"required"`
	Properties pairs[schema]     `yaml:"properties"`
	Items      *schema           `yaml:"items"`
	Values     pairs[string]     `yaml:"x-values"`
	ZhValues   map[string]string `yaml:"x-zh-values"`
}

// pairs is a mapping in the order in which it is written.
type pairs[V any] []pair[V]

type pair[V any] struct {
	name  string
	value V
}

// UnmarshalYAML reads the mapping.
func (p *pairs[V]) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: not a mapping", node.Line)
	}
	for i := 0; i+1 < len(node.Content); i += 2 {
		one := pair[V]{name: node.Content[i].Value}
		if err := node.Content[i+1].Decode(&one.value); err != nil {
			return err
		}
		*p = append(*p, one)
	}
	return nil
}

// kinds are the types that a value may have: one, or a list of them.
type kinds []string

// UnmarshalYAML reads a type or several.
func (k *kinds) UnmarshalYAML(node *yaml.Node) error {
	if node.Kind == yaml.ScalarNode {
		*k = kinds{node.Value}
		return nil
	}
	return node.Decode((*[]string)(k))
}

func readContract(raw []byte) (contract, error) {
	var c contract
	if err := yaml.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("openapi.yaml: %w", err)
	}
	return c, nil
}

// parameter, response and schema follow a reference to where it leads; words
// that stand beside the reference hold.

func (c contract) parameter(p parameter) parameter {
	if p.Ref != "" {
		return c.Components.Parameters[path.Base(p.Ref)]
	}
	return p
}

func (c contract) response(r response) response {
	for _, one := range c.Components.Responses {
		if r.Ref != "" && one.name == path.Base(r.Ref) {
			return one.value
		}
	}
	return r
}

func (c contract) schema(s schema) schema {
	if s.Ref == "" {
		return s
	}
	found := c.Components.Schemas[path.Base(s.Ref)]
	if s.Description != "" {
		found.worded = s.worded
	}
	return found
}

// exampleOf writes an example as JSON, its members in the order of the contract.
func exampleOf(node *yaml.Node, indent string) string {
	var b strings.Builder
	deeper := indent + "  "
	list := func(open, close string, step int, item func(i int) string) string {
		b.WriteString(open)
		for i := 0; i+step <= len(node.Content); i += step {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString("\n" + deeper + item(i))
		}
		b.WriteString("\n" + indent + close)
		return b.String()
	}
	switch {
	case node.Kind == yaml.MappingNode:
		return list("{", "}", 2, func(i int) string { return quoted(node.Content[i].Value) + ": " + exampleOf(node.Content[i+1], deeper) })
	case node.Kind == yaml.SequenceNode:
		return list("[", "]", 1, func(i int) string { return exampleOf(node.Content[i], deeper) })
	case node.Tag == "!!str":
		return quoted(node.Value)
	}
	return node.Value
}

// quoted writes a JSON string; what the contract's examples hold needs no
// escape but these.
func quoted(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(s) + `"`
}
