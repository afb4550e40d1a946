package alipay

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

const minKeyBits = 2048 // RSA2 asks for no less

// keyPair holds both keys as the library takes them: trimmed text.
type keyPair struct{ private, public string }

// readKeys checks both keys before anything is signed with them. Alipay's
// console shows two public keys side by side, so that the app's own is often
// pasted for Alipay's: with it every answer would look forged, hence the check.
func readKeys(private, public string) (keyPair, error) {
	keys := keyPair{strings.TrimSpace(private), strings.TrimSpace(public)}
	ours, ourErr := parsePrivate(keys.private)
	theirs, theirErr := parsePublic(keys.public)
	if err := errors.Join(ourErr, theirErr); err != nil {
		return keyPair{}, err
	}
	if ours.PublicKey.Equal(theirs) {
		return keyPair{}, errors.New("public key: this is the app's own; Alipay's is wanted")
	}
	return keys, nil
}

func parsePrivate(text string) (*rsa.PrivateKey, error) {
	der, err := derOf(text)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	key, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		parsed, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			return nil, errors.New("private key: neither PKCS#1 nor PKCS#8")
		}
		var isRSA bool
		if key, isRSA = parsed.(*rsa.PrivateKey); !isRSA {
			return nil, errors.New("private key: not RSA")
		}
	}
	if key.N.BitLen() < minKeyBits {
		return nil, fmt.Errorf("private key: %d bits, want at least %d", key.N.BitLen(), minKeyBits)
	}
	return key, nil
}

func parsePublic(text string) (*rsa.PublicKey, error) {
	der, err := derOf(text)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		return nil, errors.New("public key: not in PKIX form")
	}
	key, isRSA := parsed.(*rsa.PublicKey)
	if !isRSA {
		return nil, errors.New("public key: not RSA")
	}
	if key.N.BitLen() < minKeyBits {
		return nil, fmt.Errorf("public key: %d bits, want at least %d", key.N.BitLen(), minKeyBits)
	}
	return key, nil
}

// derOf reads PEM, or the bare base64 that Alipay's key tool writes.
func derOf(text string) ([]byte, error) {
	if text == "" {
		return nil, errors.New("missing")
	}
	if strings.HasPrefix(text, "-") {
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			return nil, errors.New("not readable as PEM")
		}
		return block.Bytes, nil
	}
	der, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, errors.New("neither PEM nor base64")
	}
	return der, nil
}

var (
	fieldName = regexp.MustCompile(`^[A-Za-z0-9_.]+$`)
	// gluedField: what is signed is "a=1&b=2", so the value "1&b=2" of a alone
	// has the same signature. No genuine message needs such a value, since our
	// subjects hold neither & nor =.
	gluedField = regexp.MustCompile(`&[A-Za-z0-9_.]+=`)
)

// oneReading makes sure that the fields can be read in one way only: no name
// twice, no odd name, no field hidden in another one's value. It gives the
// first value of each name.
func oneReading(values url.Values) (map[string]string, error) {
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
