package models

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// passkey is a key that a device of the user's holds; here stands its public
// half, in the library's own record.
type passkey struct {
	ID           int64 `gorm:"primaryKey"`
	UserID       int64
	CredentialID string
	Name         string
	Record       string
	CreatedAt    time.Time
	UsedAt       *time.Time
}

const (
	challengeFor   = 5 * time.Minute // how long a passkey may take to answer
	maxPasskeys    = 10              // of one user
	maxPasskeyName = 50              // characters
)

// passParty is the portal as passkeys know it.
type passParty struct{ *webauthn.WebAuthn }

// newPassParty is nil for an address that no passkey can be bound to, such as
// an IP address.
func newPassParty(address string) *passParty {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || protocol.ValidateRPID(u.Hostname()) != nil {
		return nil
	}
	party, err := webauthn.New(&webauthn.Config{
		RPID: u.Hostname(), RPDisplayName: totpIssuer, RPOrigins: []string{u.Scheme + "://" + u.Host},
		AttestationPreference:  protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{UserVerification: protocol.VerificationPreferred},
	})
	if err != nil {
		return nil
	}
	return &passParty{party}
}

// passUser is a user as the library wants to see one.
type passUser struct {
	handle []byte // tells a device nothing of who it is
	email  string
	keys   []webauthn.Credential
}

func (u passUser) WebAuthnID() []byte                         { return u.handle }
func (u passUser) WebAuthnName() string                       { return u.email }
func (u passUser) WebAuthnDisplayName() string                { return u.email }
func (u passUser) WebAuthnCredentials() []webauthn.Credential { return u.keys }

// passUser reads the user's passkeys.
func (t *tx) passUser(user User) (passUser, error) {
	digest, err := t.vault.digest(subject("passkey", user.ID))
	if err != nil {
		return passUser{}, err
	}
	handle, err := hex.DecodeString(digest)
	if err != nil {
		return passUser{}, err
	}
	its := passUser{handle: handle, email: user.Email}
	var rows []passkey
	if err := t.Order("id").Find(&rows, "user_id = ?", user.ID).Error; err != nil {
		return its, err
	}
	for _, row := range rows {
		var key webauthn.Credential
		if err := json.Unmarshal([]byte(row.Record), &key); err != nil {
			return its, err
		}
		its.keys = append(its.keys, key)
	}
	return its, nil
}

var (
	errPasskeyRefused = &Error{Code: Unauthenticated, Key: "error.passkey.refused"}
	errNoPasskeys     = &Error{Code: Conflict, Key: "error.passkey.none"}
)

// keepChallenge keeps what a passkey is to sign, with the session.
func (t *tx) keepChallenge(row session, asked *webauthn.SessionData) error {
	kept, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	return changed(t.Model(&session{}).Where("id_hash = ? AND revoked_at IS NULL", row.IDHash).
		Updates(map[string]any{"challenge": string(kept), "challenge_at": t.wall}))
}

// asked takes what the session's passkey was asked to sign, which is then gone.
func (t *tx) asked(row session) (webauthn.SessionData, error) {
	var asked webauthn.SessionData
	if row.Challenge == "" || row.ChallengeAt == nil || t.wall.Sub(*row.ChallengeAt) > challengeFor {
		return asked, errPasskeyRefused
	}
	if err := json.Unmarshal([]byte(row.Challenge), &asked); err != nil {
		return asked, err
	}
	return asked, changed(t.Model(&session{}).Where("id_hash = ? AND challenge = ?", row.IDHash, row.Challenge).Update("challenge", ""))
}

// AskPasskey gives what the browser hands to a passkey to sign in with, or to
// confirm who it is, as JSON. Conflict when the user has none; Unauthenticated.
func (s *Store) AskPasskey(ctx context.Context, secret string) (options []byte, err error) {
	if s.party == nil {
		return nil, errNoPasskeys
	}
	err = s.inTx(ctx, func(t *tx) error {
		row, user, err := t.ownSession(secret)
		if err != nil {
			return err
		}
		its, err := t.passUser(user)
		if err != nil {
			return err
		}
		if len(its.keys) == 0 {
			return errNoPasskeys
		}
		assertion, asked, err := s.party.BeginLogin(its)
		if err != nil {
			return err
		}
		if options, err = json.Marshal(assertion); err != nil {
			return err
		}
		return t.keepChallenge(row, asked)
	})
	return options, err
}

// PassPasskey takes a passkey's answer after the password, and gives the secret
// of a fresh session that is signed in. Unauthenticated for an answer that is
// not to what was asked, or not by a key of the user's.
func (s *Store) PassPasskey(ctx context.Context, secret string, in FactorInput) (fresh string, err error) {
	if err := s.takePasskey(ctx, secret, in, (*tx).halfOpen, completing(&fresh)); err != nil {
		return "", err
	}
	return fresh, nil
}

// takePasskey judges a passkey's answer that came with a session; a right one
// is spent in the transaction of what it does.
func (s *Store) takePasskey(ctx context.Context, secret string, in FactorInput, find sought, pass passed) error {
	if s.party == nil {
		return errNoPasskeys
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(in.Credential))
	if err != nil {
		return errPasskeyRefused
	}
	var userID int64
	err = s.inTx(ctx, func(t *tx) error {
		row, user, err := find(t, secret)
		if err != nil {
			return err
		}
		userID = user.ID
		asked, err := t.asked(row)
		if err != nil {
			return err
		}
		its, err := t.passUser(user)
		if err != nil {
			return err
		}
		key, err := s.party.ValidateLogin(its, asked, answer)
		if err != nil || key.Authenticator.CloneWarning { // its counter went back: there are two of it
			return errPasskeyRefused
		}
		if err := t.usePasskey(user.ID, key); err != nil {
			return err
		}
		return pass(t, row, user, in, FactorPasskey)
	})
	if err != nil {
		return s.refusedFactor(ctx, userID, in, err)
	}
	return nil
}

// usePasskey keeps what the key's use has changed in it.
func (t *tx) usePasskey(userID int64, key *webauthn.Credential) error {
	record, err := json.Marshal(key)
	if err != nil {
		return err
	}
	return changed(t.Model(&passkey{}).Where("user_id = ? AND credential_id = ?", userID, credentialID(key)).
		Updates(map[string]any{"record": string(record), "used_at": t.wall}))
}

func credentialID(key *webauthn.Credential) string {
	return base64.RawURLEncoding.EncodeToString(key.ID)
}

// AskNewPasskey gives what the browser hands to a device to make a passkey, as
// JSON. Conflict when the user has enough of them; Unauthenticated, Forbidden as
// for Enrolment.
func (s *Store) AskNewPasskey(ctx context.Context, secret string) (options []byte, err error) {
	if s.party == nil {
		return nil, errNoPasskeys
	}
	err = s.inTx(ctx, func(t *tx) error {
		row, user, err := t.enrolling(secret)
		if err != nil {
			return err
		}
		its, err := t.passUser(user)
		if err != nil {
			return err
		}
		if len(its.keys) >= maxPasskeys {
			return conflict("error.passkey.enough", map[string]any{"Count": maxPasskeys})
		}
		known := make([]protocol.CredentialDescriptor, len(its.keys))
		for i, key := range its.keys {
			known[i] = key.Descriptor()
		}
		creation, asked, err := s.party.BeginRegistration(its, webauthn.WithExclusions(known))
		if err != nil {
			return err
		}
		if options, err = json.Marshal(creation); err != nil {
			return err
		}
		return t.keepChallenge(row, asked)
	})
	return options, err
}

// AddPasskey keeps a passkey that a device of the user's has made; see Enrolled
// for what it gives. FieldErrors on name; Unauthenticated for an answer that is
// not to what was asked; Conflict for a key that somebody has.
func (s *Store) AddPasskey(ctx context.Context, secret string, in FactorInput) (done Enrolled, err error) {
	if s.party == nil {
		return done, errNoPasskeys
	}
	in.Name = strings.TrimSpace(toValid(in.Name))
	if in.Name == "" || utf8.RuneCountInString(in.Name) > maxPasskeyName {
		return done, FieldErrors{fieldError("name", "error.passkey.name", map[string]any{"Max": maxPasskeyName})}
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(in.Credential))
	if err != nil {
		return done, errPasskeyRefused
	}
	err = s.inTx(ctx, func(t *tx) error {
		row, user, err := t.enrolling(secret)
		if err != nil {
			return err
		}
		asked, err := t.asked(row)
		if err != nil {
			return err
		}
		its, err := t.passUser(user)
		if err != nil {
			return err
		}
		if !bytes.Equal(asked.UserID, its.handle) {
			return errPasskeyRefused
		}
		key, err := s.party.CreateCredential(its, asked, answer)
		if err != nil {
			return errPasskeyRefused
		}
		record, err := json.Marshal(key)
		if err != nil {
			return err
		}
		kept := passkey{UserID: user.ID, CredentialID: credentialID(key), Name: in.Name, Record: string(record), CreatedAt: t.wall}
		if err := t.Create(&kept).Error; err != nil {
			if uniqueTaken(err) {
				return conflict("error.passkey.known", nil)
			}
			return err
		}
		if err := t.audit(in.by(user.ID), "passkey.add", subject("user", user.ID), "", subject("passkey", kept.ID)+" "+in.Name); err != nil {
			return err
		}
		done, err = t.enrolled(row, user, in, FactorPasskey)
		return err
	})
	return done, err
}

// RemovePasskey takes a passkey of one's own away; secret is that of the
// session that asks. NotFound; Conflict for the last second factor of staff;
// Forbidden where AsksFactorAgain; Unauthenticated.
func (s *Store) RemovePasskey(ctx context.Context, by Actor, secret string, id int64) error {
	return s.inTx(ctx, func(t *tx) error {
		var user User
		if err := t.locked().Take(&user, by.UserID).Error; err != nil {
			return found(err, "user")
		}
		if err := t.shownLately(by, secret); err != nil {
			return err
		}
		var key passkey
		if err := t.Take(&key, "id = ? AND user_id = ?", id, by.UserID).Error; err != nil {
			return found(err, "passkey")
		}
		if err := t.Delete(&key).Error; err != nil {
			return err
		}
		if err := t.factorGone(user); err != nil {
			return err
		}
		return t.audit(by, "passkey.remove", subject("user", by.UserID), subject("passkey", id)+" "+key.Name, "")
	})
}
