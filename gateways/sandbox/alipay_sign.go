package sandbox

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// contentToSign joins params as RSA2 wants them: without the names given and
// without empty values, sorted by name, raw values, k=v joined by &.
func contentToSign(params map[string]string, without ...string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(params)) {
		if params[name] == "" || slices.Contains(without, name) {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(name + "=" + params[name])
	}
	return b.String()
}

// sign gives the RSA2 signature of content: SHA-256 with RSA PKCS #1 v1.5, base64.
func sign(key *rsa.PrivateKey, content []byte) (string, error) {
	sum := sha256.Sum256(content)
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		return "", fmt.Errorf("sandbox: signing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(raw), nil
}

// verify says whether signature is key's RSA2 signature of content.
func verify(key *rsa.PublicKey, content []byte, signature string) bool {
	raw, err := base64.StdEncoding.DecodeString(signature)
	if err != nil {
		return false
	}
	sum := sha256.Sum256(content)
	return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], raw) == nil
}

// signMessage gives fields with sign_type and sign added, as in notifies and
// returns, whose signature covers neither of the two. Empty fields are left out.
func signMessage(key *rsa.PrivateKey, fields map[string]string) (map[string]string, error) {
	message := maps.Clone(fields)
	maps.DeleteFunc(message, func(_, value string) bool { return value == "" })
	delete(message, "sign")
	message["sign_type"] = "RSA2"
	signature, err := sign(key, []byte(contentToSign(message, "sign_type")))
	if err != nil {
		return nil, err
	}
	message["sign"] = signature
	return message, nil
}
