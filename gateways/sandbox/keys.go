package sandbox

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// The key files in the data directory. The merchant's private key is written
// for the portal's use only; the gateway itself never reads it.
const (
	appPrivateFile      = "app_private_key.pem"
	appPublicFile       = "app_public_key.pem"
	platformPrivateFile = "platform_private_key.pem"
	platformPublicFile  = "platform_public_key.pem"
)

// keys are what the gateway holds: its own private key and the merchant's public one.
type keys struct {
	platform *rsa.PrivateKey
	app      *rsa.PublicKey
}

func newKey() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) }

// openKeys reads the keys in dir, making each pair that is missing.
func openKeys(dir string) (keys, error) {
	if err := ensurePair(dir, appPrivateFile, appPublicFile); err != nil {
		return keys{}, err
	}
	if err := ensurePair(dir, platformPrivateFile, platformPublicFile); err != nil {
		return keys{}, err
	}
	private, err := readPEM(dir, platformPrivateFile, x509.ParsePKCS8PrivateKey)
	if err != nil {
		return keys{}, err
	}
	public, err := readPEM(dir, appPublicFile, x509.ParsePKIXPublicKey)
	if err != nil {
		return keys{}, err
	}
	platform, isPrivate := private.(*rsa.PrivateKey)
	app, isPublic := public.(*rsa.PublicKey)
	if !isPrivate || !isPublic {
		return keys{}, fmt.Errorf("sandbox: the keys in %s are not RSA keys", dir)
	}
	return keys{platform: platform, app: app}, nil
}

// ensurePair makes a key pair unless its public half, written last, is there.
func ensurePair(dir, privateFile, publicFile string) error {
	_, err := os.Stat(filepath.Join(dir, publicFile))
	if err == nil {
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("sandbox: %w", err)
	}
	key, err := newKey()
	if err != nil {
		return fmt.Errorf("sandbox: making a key: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return fmt.Errorf("sandbox: making a key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return fmt.Errorf("sandbox: making a key: %w", err)
	}
	if err := writePEM(dir, privateFile, "PRIVATE KEY", private); err != nil {
		return err
	}
	return writePEM(dir, publicFile, "PUBLIC KEY", public)
}

func writePEM(dir, name, kind string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	return nil
}

func readPEM(dir, name string, parse func([]byte) (any, error)) (any, error) {
	text, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("sandbox: %s is not a PEM file", name)
	}
	key, err := parse(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %s: %w", name, err)
	}
	return key, nil
}
