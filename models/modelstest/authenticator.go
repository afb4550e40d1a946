package modelstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
)

// Authenticator is a device with one passkey: it signs what a browser at Origin
// hands it.
type Authenticator struct {
	Origin  string
	Counter uint32
	id      []byte
	key     *ecdsa.PrivateKey
	handle  []byte
}

// NewAuthenticator makes a device at the portal's own address.
func NewAuthenticator(t testing.TB) *Authenticator {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	id := make([]byte, 16)
	rand.Read(id)
	return &Authenticator{Origin: PublicURL, Counter: 1, id: id, key: key}
}

// asked is what an authenticator needs of the options that the portal gives.
type asked struct {
	PublicKey struct {
		Challenge string
		RPID      string
		RP        struct{ ID string }
		User      struct{ ID string }
	}
}

func (a *Authenticator) read(t testing.TB, options []byte) asked {
	t.Helper()
	var its asked
	if err := json.Unmarshal(options, &its); err != nil || its.PublicKey.Challenge == "" {
		t.Fatalf("the options are %s: %v", options, err)
	}
	return its
}

// Create answers a request to make a passkey.
func (a *Authenticator) Create(t testing.TB, options []byte) string {
	t.Helper()
	its := a.read(t, options)
	handle, err := base64.RawURLEncoding.DecodeString(its.PublicKey.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	a.handle = handle
	public, err := a.key.PublicKey.Bytes() // 4, x, y
	if err != nil {
		t.Fatal(err)
	}
	data := a.data(its.PublicKey.RP.ID, 0x45) // present, verified, with a key
	data = append(data, make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(data, a.id...)
	data = append(data, 0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32) // a COSE key: EC2, ES256, P-256
	data = append(append(data, public[1:33]...), 0x22, 0x58, 32)
	data = append(data, public[33:]...)
	object := slices.Concat([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), []byte{byte(len(data))}, data)
	return a.answer(t, map[string]string{
		"clientDataJSON": a.client(t, "webauthn.create", its.PublicKey.Challenge), "attestationObject": encoded(object),
	})
}

// Sign answers a request to sign in.
func (a *Authenticator) Sign(t testing.TB, options []byte) string {
	t.Helper()
	its := a.read(t, options)
	a.Counter++
	data := a.data(its.PublicKey.RPID, 0x05)
	client := a.client(t, "webauthn.get", its.PublicKey.Challenge)
	clientJSON, err := base64.RawURLEncoding.DecodeString(client)
	if err != nil {
		t.Fatal(err)
	}
	hash := sha256.Sum256(clientJSON)
	signed := sha256.Sum256(append(slices.Clone(data), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, signed[:])
	if err != nil {
		t.Fatal(err)
	}
	return a.answer(t, map[string]string{
		"clientDataJSON": client, "authenticatorData": encoded(data), "signature": encoded(signature), "userHandle": encoded(a.handle),
	})
}

func (a *Authenticator) data(party string, flags byte) []byte {
	hash := sha256.Sum256([]byte(party))
	return binary.BigEndian.AppendUint32(append(hash[:], flags), a.Counter)
}

func (a *Authenticator) client(t testing.TB, kind, challenge string) string {
	t.Helper()
	words, err := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	if err != nil {
		t.Fatal(err)
	}
	return encoded(words)
}

func (a *Authenticator) answer(t testing.TB, response map[string]string) string {
	t.Helper()
	words, err := json.Marshal(map[string]any{
		"id": encoded(a.id), "rawId": encoded(a.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(words)
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
