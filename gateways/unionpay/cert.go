package unionpay

import (
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

const minKeyBits = 2048

// signer_names.txt holds the names that UnionPay's signing certificates bear:
// the first in production, the others in the test environment only.
//
//go:embed signer_names.txt
var signerNames string

// merchant is what we sign with.
type merchant struct {
	certID string // the certificate's serial number, decimal: the wire names keys so
	key    *rsa.PrivateKey
}

func readMerchant(pfx []byte, password string) (merchant, error) {
	if len(pfx) == 0 {
		return merchant{}, errors.New("merchant certificate: missing")
	}
	private, certificate, _, err := pkcs12.DecodeChain(pfx, password)
	switch {
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return merchant{}, errors.New("merchant certificate: the password does not open it")
	case err != nil:
		return merchant{}, errors.New("merchant certificate: not readable as PKCS #12 with one key")
	}
	key, isRSA := private.(*rsa.PrivateKey)
	switch {
	case !isRSA:
		return merchant{}, errors.New("merchant certificate: its key is not RSA")
	case key.N.BitLen() < minKeyBits:
		return merchant{}, fmt.Errorf("merchant certificate: %d bits, want at least %d", key.N.BitLen(), minKeyBits)
	case !key.PublicKey.Equal(certificate.PublicKey):
		return merchant{}, errors.New("merchant certificate: the key is another one's")
	}
	return merchant{certificate.SerialNumber.String(), key}, nil
}

// trust is whose signature we believe.
type trust struct {
	roots, middles *x509.CertPool
	names          []string
}

func readTrust(config Config) (trust, error) {
	root, rootErr := readCertificate("root certificate", config.RootPEM)
	middle, middleErr := readCertificate("middle certificate", config.MiddlePEM)
	if err := errors.Join(rootErr, middleErr); err != nil {
		return trust{}, err
	}
	if err := middle.CheckSignatureFrom(root); err != nil {
		return trust{}, errors.New("middle certificate: the root did not sign it")
	}
	t := trust{roots: x509.NewCertPool(), middles: x509.NewCertPool(), names: strings.Fields(signerNames)}
	t.roots.AddCert(root)
	t.middles.AddCert(middle)
	if !config.Test {
		t.names = t.names[:1]
	}
	return t, nil
}

// readCertificate reads PEM, or the DER that .cer files hold.
func readCertificate(name string, text []byte) (*x509.Certificate, error) {
	if len(text) == 0 {
		return nil, fmt.Errorf("%s: missing", name)
	}
	if block, _ := pem.Decode(text); block != nil {
		text = block.Bytes
	}
	certificate, err := x509.ParseCertificate(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: not readable as a certificate", name)
	case !certificate.IsCA:
		return nil, fmt.Errorf("%s: this one signs no others", name)
	}
	return certificate, nil
}

// signerKey gives the key of the certificate that came with a message, if it is
// UnionPay's: signed down from the configured root, valid now, and with
// UnionPay's name on it. Without the last any merchant of that authority would do.
func (t trust) signerKey(text string, now time.Time) (*rsa.PublicKey, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" || len(strings.TrimSpace(string(rest))) > 0 {
		return nil, errors.New("no certificate of a signer")
	}
	signer, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, errors.New("the signer's certificate can't be read")
	}
	_, err = signer.Verify(x509.VerifyOptions{
		Roots: t.roots, Intermediates: t.middles, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	})
	if err != nil {
		return nil, errors.New("the signer's certificate is not UnionPay's, or not valid now")
	}
	name := strings.Split(signer.Subject.CommonName, "@")
	if len(name) < 3 || !slices.Contains(t.names, name[2]) {
		return nil, errors.New("the signer is not UnionPay")
	}
	key, isRSA := signer.PublicKey.(*rsa.PublicKey)
	if !isRSA || key.N.BitLen() < minKeyBits {
		return nil, errors.New("the signer's key is weak")
	}
	return key, nil
}
