package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"software.sslmate.com/src/go-pkcs12"
)

// The files in the data directory, made on the first start. The last one that is
// written says that all are there.
const (
	unionpayRootFile     = "unionpay_root.pem"
	unionpayMiddleFile   = "unionpay_middle.pem"
	unionpaySignerFile   = "unionpay_signer.pem"
	unionpaySignerKey    = "unionpay_signer_key.pem"
	unionpayPFXFile      = "unionpay_merchant.pfx"
	unionpayPasswordFile = "unionpay_merchant_password.txt"
	unionpayMerchantFile = "unionpay_merchant.pem"
)

// unionpaySigner is the name on the gateway's certificate; its third part is what
// merchants look for.
const unionpaySigner = "041@Z000@00040000:SIGN@00000001"

// unionpayKeys are what UnionPay's side holds: its signer, and the merchant's
// public key under the number that requests name it by.
type unionpayKeys struct {
	signer     *rsa.PrivateKey
	signerPEM  string
	merchant   *rsa.PublicKey
	merchantID string
}

// openUnionpayKeys reads the keys in dir, making all of them when they are missing.
func openUnionpayKeys(dir string) (unionpayKeys, error) {
	_, err := os.Stat(filepath.Join(dir, unionpayMerchantFile))
	if errors.Is(err, fs.ErrNotExist) {
		err = makeUnionpayKeys(dir)
	}
	if err != nil {
		return unionpayKeys{}, fmt.Errorf("sandbox: %w", err)
	}
	private, err := readPEM(dir, unionpaySignerKey, x509.ParsePKCS8PrivateKey)
	if err != nil {
		return unionpayKeys{}, err
	}
	signer, err := os.ReadFile(filepath.Join(dir, unionpaySignerFile))
	if err != nil {
		return unionpayKeys{}, fmt.Errorf("sandbox: %w", err)
	}
	its, err := readPEM(dir, unionpayMerchantFile, func(der []byte) (any, error) { return x509.ParseCertificate(der) })
	if err != nil {
		return unionpayKeys{}, err
	}
	certificate := its.(*x509.Certificate)
	key, isPrivate := private.(*rsa.PrivateKey)
	public, isPublic := certificate.PublicKey.(*rsa.PublicKey)
	if !isPrivate || !isPublic {
		return unionpayKeys{}, fmt.Errorf("sandbox: the keys in %s are not RSA keys", dir)
	}
	return unionpayKeys{key, wirePEM(signer), public, certificate.SerialNumber.String()}, nil
}

// makeUnionpayKeys makes a certificate authority of two levels, the gateway's
// signer, and the merchant with its .pfx.
func makeUnionpayKeys(dir string) error {
	root, err := certify("Sandbox root", nil, true)
	if err != nil {
		return err
	}
	middle, err := certify("Sandbox middle", root, true)
	if err != nil {
		return err
	}
	signer, err := certify(unionpaySigner, middle, false)
	if err != nil {
		return err
	}
	shop, err := certify("041@Z000@"+unionpayMerID+"@00000002", middle, false)
	if err != nil {
		return err
	}
	signerKey, err := x509.MarshalPKCS8PrivateKey(signer.key)
	if err != nil {
		return err
	}
	password := rand.Text()
	pfx, err := pkcs12.Modern2023.Encode(shop.key, shop.certificate, []*x509.Certificate{middle.certificate}, password)
	if err != nil {
		return err
	}
	errs := []error{
		writePEM(dir, unionpayRootFile, "CERTIFICATE", root.certificate.Raw),
		writePEM(dir, unionpayMiddleFile, "CERTIFICATE", middle.certificate.Raw),
		writePEM(dir, unionpaySignerFile, "CERTIFICATE", signer.certificate.Raw),
		writePEM(dir, unionpaySignerKey, "PRIVATE KEY", signerKey),
		os.WriteFile(filepath.Join(dir, unionpayPFXFile), pfx, 0o600),
		os.WriteFile(filepath.Join(dir, unionpayPasswordFile), []byte(password+"\n"), 0o600),
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	return writePEM(dir, unionpayMerchantFile, "CERTIFICATE", shop.certificate.Raw)
}

// holder is a certificate with its key.
type holder struct {
	certificate *x509.Certificate
	key         *rsa.PrivateKey
}

// certify makes a key and has its certificate signed, by itself if by is nil.
func certify(name string, by *holder, authority bool) (*holder, error) {
	key, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := certificateOf(name, key, by, authority)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	return &holder{certificate, key}, err
}

func certificateOf(name string, key *rsa.PrivateKey, by *holder, authority bool) ([]byte, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 60))
	if err != nil {
		return nil, err
	}
	plan := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name, Organization: []string{"Sandbox"}, Country: []string{"CN"}},
		NotBefore: time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2049, 12, 31, 0, 0, 0, 0, time.UTC),
		BasicConstraintsValid: true, IsCA: authority, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	if authority {
		plan.KeyUsage = x509.KeyUsageCertSign
	}
	if by == nil {
		by = &holder{plan, key}
	}
	return x509.CreateCertificate(rand.Reader, plan, by.certificate, &key.PublicKey, by.key)
}

// selfSigned is the PEM of a certificate that nobody else stands for.
func selfSigned(name string, key *rsa.PrivateKey) (string, error) {
	der, err := certificateOf(name, key, nil, false)
	if err != nil {
		return "", fmt.Errorf("sandbox: %w", err)
	}
	return wirePEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), nil
}

// wirePEM writes PEM as messages carry it: its lines end as browsers end the lines
// of a form's values, whatever they were, or a signature would break on the way.
func wirePEM(text []byte) string {
	return strings.ReplaceAll(strings.TrimSpace(string(text)), "\n", "\r\n")
}
