package models

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
)

// vault keeps what must not be read off a copy of the database: it seals
// secrets and hashes short codes, with keys drawn from the portal's own secret.
type vault struct {
	aead cipher.AEAD
	mac  []byte
}

// errNoVault: the store was opened without a secret, so that nothing can be
// sealed or opened.
var errNoVault = errors.New("models: second factors need Options.Secret")

// newVault draws the keys; without a secret there is no vault.
func newVault(secret []byte) (*vault, error) {
	if len(secret) == 0 {
		return nil, nil
	}
	key, err := hkdf.Key(sha256.New, secret, nil, "ztc-portal second factors, sealing, 1", 32)
	if err != nil {
		return nil, err
	}
	mac, err := hkdf.Key(sha256.New, secret, nil, "ztc-portal second factors, hashing, 1", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &vault{aead, mac}, err
}

// seal encrypts text for one place; what is sealed for another place, such as
// another user's row, does not open there.
func (v *vault) seal(text, place string) (string, error) {
	if v == nil {
		return "", errNoVault
	}
	nonce := make([]byte, v.aead.NonceSize())
	rand.Read(nonce) // never fails
	return base64.RawStdEncoding.EncodeToString(v.aead.Seal(nonce, nonce, []byte(text), []byte(place))), nil
}

func (v *vault) open(sealed, place string) (string, error) {
	if v == nil {
		return "", errNoVault
	}
	box, err := base64.RawStdEncoding.DecodeString(sealed)
	if err != nil || len(box) < v.aead.NonceSize() {
		return "", errors.New("models: what is sealed is cut off")
	}
	text, err := v.aead.Open(nil, box[:v.aead.NonceSize()], box[v.aead.NonceSize():], []byte(place))
	return string(text), err
}

// digest is a hash that only the holder of the secret can make.
func (v *vault) digest(text string) (string, error) {
	if v == nil {
		return "", errNoVault
	}
	sum := hmac.New(sha256.New, v.mac)
	sum.Write([]byte(text))
	return hex.EncodeToString(sum.Sum(nil)), nil
}
