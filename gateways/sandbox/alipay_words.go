package sandbox

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// beijing is the only time zone of the protocol.
var beijing = time.FixedZone("CST", 8*60*60)

// wireTime is how the protocol writes an instant, in Beijing time.
const wireTime = time.DateTime

func wireStamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(beijing).Format(wireTime)
}

// refusal is the gateway's "no", in the protocol's words.
type refusal struct {
	code   string // 40001 missing, 40002 invalid, 40004 business, 20000 unavailable
	sub    string // such as ACQ.TRADE_NOT_EXIST
	detail string // appended to the text of sub
}

func (r *refusal) Error() string { return fmt.Sprintf("%s %s %s", r.code, r.sub, r.detail) }

func missing(name string) *refusal { return &refusal{"40001", "isv.missing-" + name, ""} }
func invalid(name, detail string) *refusal {
	return &refusal{"40002", "isv.invalid-" + name, detail}
}
func business(sub string) *refusal { return &refusal{"40004", sub, ""} }
func badParameter(detail string) *refusal {
	return &refusal{"40004", "ACQ.INVALID_PARAMETER", detail}
}

//go:embed templates/wire.json
var wireJSON []byte

// wireText says each code and sub-code in the gateway's language.
var wireText = func() map[string]string {
	var texts map[string]string
	if err := json.Unmarshal(wireJSON, &texts); err != nil {
		panic("sandbox: wire.json: " + err.Error())
	}
	return texts
}()

// subMsg is the text beside the refusal's sub-code.
func (r *refusal) subMsg() string {
	if r.detail == "" {
		return wireText[r.sub]
	}
	return wireText[r.sub] + ": " + r.detail
}

func (r *refusal) object() object {
	return object{
		{"code", r.code}, {"msg", wireText[r.code]},
		{"sub_code", r.sub}, {"sub_msg", r.subMsg()},
	}
}

// object is a JSON object whose fields keep their order; values are strings,
// objects or lists of objects. Fields with an empty string are left out.
type object []field

type field struct {
	name  string
	value any
}

func success(fields ...field) object {
	return append(object{{"code", "10000"}, {"msg", "Success"}}, fields...)
}

// encode writes o as the gateway does: compact, UTF-8 as it is, slashes escaped.
func (o object) encode() []byte {
	var b bytes.Buffer
	o.write(&b)
	return b.Bytes()
}

func (o object) write(b *bytes.Buffer) {
	b.WriteByte('{')
	first := true
	for _, f := range o {
		if f.value == "" {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		writeString(b, f.name)
		b.WriteByte(':')
		switch v := f.value.(type) {
		case string:
			writeString(b, v)
		case object:
			v.write(b)
		case []object:
			writeList(b, v)
		default:
			panic(fmt.Sprintf("sandbox: field %s is a %T", f.name, v))
		}
	}
	b.WriteByte('}')
}

func writeList(b *bytes.Buffer, list []object) {
	b.WriteByte('[')
	for i, o := range list {
		if i > 0 {
			b.WriteByte(',')
		}
		o.write(b)
	}
	b.WriteByte(']')
}

func writeString(b *bytes.Buffer, s string) {
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s); err != nil {
		panic("sandbox: a string that JSON can't hold: " + err.Error())
	}
	b.WriteString(strings.ReplaceAll(strings.TrimSuffix(quoted.String(), "\n"), "/", `\/`))
}
