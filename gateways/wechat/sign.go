package wechat

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/wechatpay-apiv3/wechatpay-go/core/auth"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
)

const (
	minKeyBits  = 2048
	apiKeyBytes = 32
	maxKeys     = 2 // that WeChat Pay may sign with at one time
)

var publicKeyID = regexp.MustCompile(`^PUB_KEY_ID_[0-9A-Za-z]{1,64}$`)

// platformKeys are the keys that WeChat Pay signs with, by their ids: two of
// them are valid at once while it changes its key.
type platformKeys struct {
	first string // the id that we ask answers to be signed by
	byID  map[string]*verifiers.SHA256WithRSAPubkeyVerifier
	keys  []*rsa.PublicKey
}

var _ auth.Verifier = platformKeys{}

func readPlatformKeys(given []PublicKey) (platformKeys, error) {
	if len(given) == 0 || len(given) > maxKeys {
		return platformKeys{}, fmt.Errorf("public keys: %d given, want one, or two while WeChat Pay changes its key", len(given))
	}
	all := platformKeys{first: given[0].ID, byID: map[string]*verifiers.SHA256WithRSAPubkeyVerifier{}}
	for _, one := range given {
		key, err := parsePublic(one.PEM)
		switch {
		case !publicKeyID.MatchString(one.ID):
			return platformKeys{}, errors.New("public key: its id must begin with PUB_KEY_ID_")
		case all.byID[one.ID] != nil:
			return platformKeys{}, fmt.Errorf("public key: %s is given twice", one.ID)
		case err != nil:
			return platformKeys{}, err
		}
		all.byID[one.ID] = verifiers.NewSHA256WithRSAPubkeyVerifier(one.ID, *key)
		all.keys = append(all.keys, key)
	}
	return all, nil
}

// without refuses the merchant's own key among them: with it every answer would
// look forged.
func (p platformKeys) without(own *rsa.PrivateKey) error {
	for _, key := range p.keys {
		if own != nil && own.PublicKey.Equal(key) {
			return errors.New("public key: this is the merchant's own; WeChat Pay's is wanted")
		}
	}
	return nil
}

// Verify says by which key a message was signed: the one that it names.
func (p platformKeys) Verify(ctx context.Context, serial, message, signature string) error {
	key, known := p.byID[serial]
	if !known {
		return errors.New("signed by an unknown key")
	}
	return key.Verify(ctx, serial, message, signature)
}

// GetSerial is sent with each request: the key that the answer is to be signed by.
func (p platformKeys) GetSerial(context.Context) (string, error) { return p.first, nil }

func parsePrivate(text string) (*rsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("private key: not readable as PEM")
	}
	key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
	if err != nil {
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
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
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("public key: not readable as PEM")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, errors.New("public key: not in PKIX form (a certificate is something else)")
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

func checkAPIKey(key string) error {
	if len(key) != apiKeyBytes {
		return fmt.Errorf("APIv3 key: %d bytes, want %d", len(key), apiKeyBytes)
	}
	return nil
}

// signatureHeaders are what a signature stands on beside the body.
var signatureHeaders = []string{"Wechatpay-Serial", "Wechatpay-Signature", "Wechatpay-Timestamp", "Wechatpay-Nonce"}

var (
	signedNumber = regexp.MustCompile(`^[0-9]{1,12}$`)
	signedNonce  = regexp.MustCompile(`^[\x21-\x7e]{1,128}$`)
)

// oneReading makes sure that what is signed, timestamp\nnonce\nbody\n, can be
// cut in one way only and that no header is given twice.
func oneReading(header http.Header) error {
	for _, name := range signatureHeaders {
		if len(header[name]) != 1 {
			return fmt.Errorf("%d times %s", len(header[name]), name)
		}
	}
	if len(header["Wechatpay-Signature-Type"]) > 1 {
		return errors.New("more than one kind of signature")
	}
	switch {
	case !signedNumber.MatchString(header.Get("Wechatpay-Timestamp")):
		return errors.New("timestamp is no number")
	case !signedNonce.MatchString(header.Get("Wechatpay-Nonce")):
		return errors.New("nonce is not one word")
	case strings.HasPrefix(header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/"):
		return errors.New("a probe whether signatures are looked at")
	}
	return nil
}
