package sandbox

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
)

// unionpayDigest is what RSA signs: the SHA-256 of the hex text of the SHA-256
// of the sorted pairs.
func unionpayDigest(fields map[string]string) []byte {
	inner := sha256.Sum256([]byte(contentToSign(fields, "signature")))
	outer := sha256.Sum256(fmt.Appendf(nil, "%x", inner))
	return outer[:]
}

// signUnionpay gives fields with the signer's certificate and the signature
// added, empty fields left out.
func (w *unionpayWire) signUnionpay(fields map[string]string, evil bool) (map[string]string, error) {
	key, certificate := w.keys.signer, w.keys.signerPEM
	if evil {
		var err error
		if key, certificate, err = w.evilCertificate(); err != nil {
			return nil, err
		}
	}
	message := maps.Clone(fields)
	maps.DeleteFunc(message, func(_, value string) bool { return value == "" })
	for name, value := range map[string]string{"version": "5.1.0", "encoding": "UTF-8", "signMethod": "01"} {
		message[name] = value
	}
	message["signPubKeyCert"] = certificate
	raw, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, unionpayDigest(message))
	if err != nil {
		return nil, fmt.Errorf("sandbox: signing: %w", err)
	}
	message["signature"] = base64.StdEncoding.EncodeToString(raw)
	return message, nil
}

// verifyUnionpay says whether key signed the fields.
func verifyUnionpay(key *rsa.PublicKey, fields map[string]string) bool {
	raw, err := base64.StdEncoding.DecodeString(fields["signature"])
	return err == nil && rsa.VerifyPKCS1v15(key, crypto.SHA256, unionpayDigest(fields), raw) == nil
}
