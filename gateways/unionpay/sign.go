package unionpay

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const maxFields = 200

// signedText is what is signed of a message: all fields but the signature and
// the empty ones, sorted by name, name=value joined by &, as they are.
func signedText(fields map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if name != "signature" && fields[name] != "" {
			pairs = append(pairs, name+"="+fields[name])
		}
	}
	return strings.Join(pairs, "&")
}

// digest is signed in its place: RSA-SHA256 over the hex text of its SHA-256.
func digest(text string) []byte {
	inner := sha256.Sum256([]byte(text))
	outer := sha256.Sum256([]byte(hex.EncodeToString(inner[:])))
	return outer[:]
}

// sign adds who we are and our signature to a request.
func (r *Rail) sign(fields map[string]string) error {
	fields["version"], fields["encoding"], fields["signMethod"] = "5.1.0", "UTF-8", "01"
	fields["accessType"], fields["merId"], fields["certId"] = "0", r.merID, r.certID
	signature, err := rsa.SignPKCS1v15(nil, r.key, crypto.SHA256, digest(signedText(fields)))
	if err != nil {
		return fmt.Errorf("unionpay: sign: %w", err)
	}
	fields["signature"] = base64.StdEncoding.EncodeToString(signature)
	return nil
}

// verify makes sure that UnionPay signed a message, all of its fields, with a
// certificate that is valid now.
func (t trust) verify(fields map[string]string, now time.Time) error {
	if fields["version"] != "5.1.0" || fields["signMethod"] != "01" {
		return errors.New("not signed by the rule of 5.1.0 with RSA")
	}
	key, err := t.signerKey(fields["signPubKeyCert"], now)
	if err != nil {
		return err
	}
	signature, err := base64.StdEncoding.DecodeString(fields["signature"])
	if err != nil || len(signature) == 0 {
		return errors.New("no signature")
	}
	if rsa.VerifyPKCS1v15(key, crypto.SHA256, digest(signedText(fields)), signature) != nil {
		return errors.New("signature is not UnionPay's")
	}
	return nil
}

var (
	fieldName = regexp.MustCompile(`^[A-Za-z0-9_.]{1,64}$`)
	// gluedField: what is signed is "a=1&b=2", so the value "1&b=2" of a alone
	// has the same signature. We send no field whose value comes back and holds
	// an &, so that no genuine message needs one.
	gluedField = regexp.MustCompile(`&[A-Za-z0-9_.]+=`)
)

// oneReading makes sure that the fields of a form can be read in one way only:
// no name twice, no odd name, no field hidden in another one's value.
func oneReading(values url.Values) (map[string]string, error) {
	if len(values) > maxFields {
		return nil, errors.New("too many fields")
	}
	fields := make(map[string]string, len(values))
	for name, all := range values {
		switch {
		case len(all) != 1:
			return nil, fmt.Errorf("field %.40q is repeated", name)
		case !fieldName.MatchString(name):
			return nil, fmt.Errorf("field name %.40q", name)
		case gluedField.MatchString(all[0]):
			return nil, fmt.Errorf("field %.40q holds another field", name)
		}
		fields[name] = all[0]
	}
	return fields, nil
}

// readAnswer takes an answer apart: name=value joined by &, nothing escaped, so
// that a + is a +. No value of an answer to us holds an &.
func readAnswer(body string) (map[string]string, error) {
	fields := map[string]string{}
	for pair := range strings.SplitSeq(body, "&") {
		name, value, ok := strings.Cut(pair, "=")
		_, again := fields[name]
		switch {
		case !ok || !fieldName.MatchString(name):
			return nil, errors.New("no name=value pairs")
		case again:
			return nil, fmt.Errorf("field %.40q is repeated", name)
		case len(fields) == maxFields:
			return nil, errors.New("too many fields")
		}
		fields[name] = value
	}
	return fields, nil
}
