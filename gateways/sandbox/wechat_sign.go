package sandbox

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

const (
	apiKeyFile   = "apiv3_key.txt"
	wechatScheme = "WECHATPAY2-SHA256-RSA2048"
	wechatSkew   = 5 * time.Minute // a message older or newer than that is refused
)

// openAPIKey reads the key that what notifies hold is sealed with, making it
// when it is missing.
func openAPIKey(dir string) ([]byte, error) {
	path := filepath.Join(dir, apiKeyFile)
	key, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		random := make([]byte, 16)
		rand.Read(random) // never fails: it ends the process instead
		key = []byte(hex.EncodeToString(random))
		err = os.WriteFile(path, key, 0o600)
	}
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	if len(key) != 32 {
		return nil, fmt.Errorf("sandbox: %s has %d bytes, not 32", apiKeyFile, len(key))
	}
	return key, nil
}

// seal256 is AEAD_AES_256_GCM: ciphertext with its tag behind it, base64.
func seal256(key []byte, nonce, associated string, plain []byte) (string, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", fmt.Errorf("sandbox: sealing: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return "", fmt.Errorf("sandbox: sealing: %w", err)
	}
	return base64.StdEncoding.EncodeToString(gcm.Seal(nil, []byte(nonce), plain, []byte(associated))), nil
}

// signature are the headers by which the gateway, or whose key it is, vouches
// for a message. They bear the machine's time: a message is good for minutes.
func (w *wechatWire) signature(body []byte, key *rsa.PrivateKey) (http.Header, error) {
	stamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), rand.Text()
	signed, err := sign(key, []byte(stamp+"\n"+nonce+"\n"+string(body)+"\n"))
	if err != nil {
		return nil, err
	}
	header := http.Header{}
	header.Set("Wechatpay-Timestamp", stamp)
	header.Set("Wechatpay-Nonce", nonce)
	header.Set("Wechatpay-Serial", wechatPublicKeyID)
	header.Set("Wechatpay-Signature", signed)
	header.Set("Wechatpay-Signature-Type", wechatScheme)
	header.Set("Request-Id", rand.Text())
	return header, nil
}

var authorizationPart = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// checkRequest checks who signed a call: method, address, time, nonce and body.
func (w *wechatWire) checkRequest(r *http.Request, body []byte) error {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), wechatScheme+" ")
	no := func(detail string) error { return &wechatRefusal{http.StatusUnauthorized, "SIGN_ERROR", detail} }
	if !ok {
		return no("the Authorization header is missing or of another scheme")
	}
	parts := map[string]string{}
	for _, part := range authorizationPart.FindAllStringSubmatch(given, -1) {
		parts[part[1]] = part[2]
	}
	seconds, err := strconv.ParseInt(parts["timestamp"], 10, 64)
	content := strings.Join([]string{r.Method, r.RequestURI, parts["timestamp"], parts["nonce_str"], string(body)}, "\n") + "\n"
	switch {
	case err != nil || time.Since(time.Unix(seconds, 0)).Abs() >= wechatSkew:
		return no("the timestamp is more than five minutes off")
	case parts["mchid"] != wechatMchID:
		return no("no such merchant")
	case !strings.EqualFold(parts["serial_no"], wechatSerial):
		return no("no such certificate")
	case parts["nonce_str"] == "" || !verify(w.keys.app, []byte(content), parts["signature"]):
		return no("the signature is not of " + content)
	}
	return nil
}
