package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

func answered(credential, name string) models.FactorInput {
	return models.FactorInput{Credential: credential, Name: name, Address: "192.0.2.1", UserAgent: "test"}
}

// giveKey adds a passkey to a session's owner.
func giveKey(t testing.TB, b *modelstest.Bench, session, name string) (*modelstest.Authenticator, models.Enrolled) {
	t.Helper()
	device := modelstest.NewAuthenticator(t)
	options, err := b.AskNewPasskey(t.Context(), session)
	must(t, err)
	done, err := b.AddPasskey(t.Context(), session, answered(device.Create(t, options), name))
	must(t, err)
	return device, done
}

func TestAPasskeySignsIn(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		newStaff(t, b, models.RoleAdmin, "a@staff.test")
		first := half(t, b, "a@staff.test")
		device, done := giveKey(t, b, first, "Laptop")
		wantStage(t, b, first, "nobody")
		wantStage(t, b, done.Session, "stage:")
		if len(done.Codes) != models.RecoveryCodes {
			t.Errorf("%d recovery codes", len(done.Codes))
		}
		secret := half(t, b, "a@staff.test")
		wantStage(t, b, secret, "stage:factor")
		options, err := b.AskPasskey(t.Context(), secret)
		must(t, err)
		signed := device.Sign(t, options)
		fresh, err := b.PassPasskey(t.Context(), secret, answered(signed, ""))
		must(t, err)
		wantStage(t, b, fresh, "stage:")
		wantStage(t, b, secret, "nobody")
		_, err = b.PassPasskey(t.Context(), secret, answered(signed, ""))
		wantCode(t, err, models.Unauthenticated)
		who, err := b.WhoIs(t.Context(), fresh)
		must(t, err)
		desk, err := b.SecurityDesk(t.Context(), who.UserID, fresh)
		must(t, err)
		if len(desk.Passkeys) != 1 || desk.Passkeys[0].Name != "Laptop" || desk.Passkeys[0].UsedAt == nil || desk.TOTPSince != nil {
			t.Errorf("%+v", desk)
		}
		_, err = b.PassFactor(t.Context(), half(t, b, "a@staff.test"), typed("123456")) // there is no app
		wantCode(t, err, models.Unauthenticated)
		// The last factor stays; with an app beside it the key may go.
		by := models.Actor{UserID: who.UserID}
		wantCode(t, b.RemovePasskey(t.Context(), by, fresh, desk.Passkeys[0].ID), models.Conflict)
		e, err := b.Enrolment(t.Context(), fresh)
		must(t, err)
		_, err = b.ConfirmTOTP(t.Context(), fresh, typed(code(t, e.Secret, b.Clock.Now())))
		must(t, err)
		other := employ(t, b, models.RoleAdmin, "o@staff.test")
		wantCode(t, b.RemovePasskey(t.Context(), models.Actor{UserID: other.id}, other.session, desk.Passkeys[0].ID), models.NotFound)
		wantCode(t, b.RemovePasskey(t.Context(), models.Actor{UserID: other.id}, fresh, desk.Passkeys[0].ID), models.Unauthenticated)
		must(t, b.RemovePasskey(t.Context(), by, fresh, desk.Passkeys[0].ID))
		_, err = b.AskPasskey(t.Context(), half(t, b, "a@staff.test"))
		wantCode(t, err, models.Conflict)
	})
}

func TestPasskeyAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c, other := employ(t, b, models.RoleAdmin, "a@staff.test"), employ(t, b, models.RoleAdmin, "o@staff.test")
		device, _ := giveKey(t, b, c.session, "Laptop")
		foreign, _ := giveKey(t, b, other.session, "Theirs")
		secret := half(t, b, c.email)
		ask := func() []byte {
			options, err := b.AskPasskey(t.Context(), secret)
			must(t, err)
			return options
		}
		old := ask()
		for what, answer := range map[string]func() string{
			"nothing":            func() string { return "" },
			"no JSON":            func() string { return "{" },
			"an older challenge": func() string { ask(); return device.Sign(t, old) },
			"another's key":      func() string { return foreign.Sign(t, ask()) },
			"an unknown key":     func() string { return modelstest.NewAuthenticator(t).Sign(t, ask()) },
			"another origin": func() string {
				device.Origin = "https://portal.test.evil.test"
				defer func() { device.Origin = modelstest.PublicURL }()
				return device.Sign(t, ask())
			},
			"a spoiled signature": func() string {
				return strings.Replace(device.Sign(t, ask()), `"signature":"ME`, `"signature":"MF`, 1)
			},
			"a copy whose counter stands still": func() string { device.Counter = 0; return device.Sign(t, ask()) },
			"an answer that comes too late": func() string {
				options := ask()
				b.Clock.Add(5*time.Minute + time.Second)
				return device.Sign(t, options)
			},
		} {
			device.Counter += 10
			_, err := b.PassPasskey(t.Context(), secret, answered(answer(), ""))
			if err == nil || models.CodeOf(err) != models.Unauthenticated {
				t.Errorf("%s: %v", what, err)
			}
		}
		device.Counter += 100
		_, err := b.PassPasskey(t.Context(), secret, answered(device.Sign(t, ask()), ""))
		must(t, err)
	})
}

func TestNewPasskeysThatAreRefused(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c, other := employ(t, b, models.RoleAdmin, "a@staff.test"), employ(t, b, models.RoleAdmin, "o@staff.test")
		device, _ := giveKey(t, b, c.session, "Laptop")
		options, err := b.AskNewPasskey(t.Context(), c.session)
		must(t, err)
		for _, name := range []string{" ", strings.Repeat("x", 51)} {
			_, err = b.AddPasskey(t.Context(), c.session, answered(device.Create(t, options), name))
			wantField(t, err, "name", "error.passkey.name")
		}
		_, err = b.AddPasskey(t.Context(), c.session, answered(device.Create(t, options), "Again"))
		wantCode(t, err, models.Conflict)
		theirs, err := b.AskNewPasskey(t.Context(), other.session)
		must(t, err)
		_, err = b.AddPasskey(t.Context(), other.session, answered(modelstest.NewAuthenticator(t).Create(t, options), "Stolen"))
		wantCode(t, err, models.Unauthenticated)
		_, err = b.AddPasskey(t.Context(), other.session, answered("{}", "Nothing"))
		wantCode(t, err, models.Unauthenticated)
		_, err = b.AddPasskey(t.Context(), other.session, answered(modelstest.NewAuthenticator(t).Create(t, theirs), "Theirs"))
		must(t, err)
		for i := range 9 {
			giveKey(t, b, c.session, fmt.Sprint("Key ", i))
		}
		_, err = b.AskNewPasskey(t.Context(), c.session)
		wantCode(t, err, models.Conflict)
	})
}

func TestSessionsAreRevoked(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c, other := employ(t, b, models.RoleAdmin, "a@staff.test"), employ(t, b, models.RoleSupport, "o@staff.test")
		second, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(c.codes[0]))
		must(t, err)
		third, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(c.codes[1]))
		must(t, err)
		pending := half(t, b, c.email)
		desk, err := b.SecurityDesk(t.Context(), c.id, second)
		must(t, err)
		if len(desk.Sessions) != 3 {
			t.Fatalf("%+v", desk.Sessions)
		}
		mine, its := models.Actor{UserID: c.id}, models.Actor{UserID: other.id}
		for _, s := range desk.Sessions {
			if s.FactorBy == models.FactorTOTP { // the first
				wantCode(t, b.RevokeSession(t.Context(), its, s.Handle), models.NotFound)
				wantStage(t, b, c.session, "stage:")
				must(t, b.RevokeSession(t.Context(), mine, s.Handle))
				wantStage(t, b, c.session, "nobody")
				wantCode(t, b.RevokeSession(t.Context(), mine, s.Handle), models.NotFound)
			}
		}
		for _, handle := range []string{"", "x", "%", "0000000000000000", "\xff\x00"} {
			wantCode(t, b.RevokeSession(t.Context(), mine, handle), models.NotFound)
		}
		must(t, b.RevokeOtherSessions(t.Context(), mine, second))
		wantStage(t, b, second, "stage:")
		wantStage(t, b, third, "nobody")
		wantStage(t, b, pending, "nobody")
		wantStage(t, b, other.session, "stage:")
	})
}

func TestFactorsAreReset(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		boss, c := employ(t, b, models.RoleAdmin, "boss@staff.test"), employ(t, b, models.RoleSupport, "c@staff.test")
		user(t, b, "seller@shop.test")
		giveKey(t, b, c.session, "Laptop")
		waiting := half(t, b, c.email)
		by := models.Actor{UserID: boss.id, Address: "192.0.2.7"}
		wantCode(t, b.ResetFactors(t.Context(), by, boss.session, boss.id), models.Conflict)
		members, _, err := b.StaffDesk(t.Context())
		must(t, err)
		if len(members) != 2 || !members[1].TOTP || members[1].Passkeys != 1 || members[1].Sessions != 1 || members[1].SeenAt == nil || members[1].CodesLeft != 10 {
			t.Errorf("%+v", members)
		}
		for _, nobody := range []int64{c.id + 1, 4711, 0, -1} {
			wantCode(t, b.ResetFactors(t.Context(), by, boss.session, nobody), models.NotFound)
			wantCode(t, b.RevokeStaffSessions(t.Context(), by, nobody), models.NotFound)
		}
		must(t, b.ResetFactors(t.Context(), by, boss.session, c.id))
		for _, gone := range []string{c.session, waiting} {
			wantStage(t, b, gone, "nobody")
		}
		wantStage(t, b, half(t, b, c.email), "stage:enrol")
		members, _, err = b.StaffDesk(t.Context())
		must(t, err)
		if m := members[1]; m.TOTP || m.Passkeys != 0 || m.CodesLeft != 0 || m.Sessions != 0 {
			t.Errorf("%+v", m)
		}
		must(t, b.RevokeStaffSessions(t.Context(), by, boss.id))
		wantStage(t, b, boss.session, "nobody")
		must(t, b.ResetFactorsOf(t.Context(), " Boss@staff.test"))
		wantStage(t, b, half(t, b, boss.email), "stage:enrol")
		trail, err := b.AuditTrail(t.Context(), models.AuditFilter{Action: "factor.reset"}, models.Keyset{})
		must(t, err)
		if trail.Rows[0].Address != models.CommandLine.Address || trail.Rows[1].Address == models.CommandLine.Address {
			t.Errorf("resets stand on the audit trail from %q and %q", trail.Rows[0].Address, trail.Rows[1].Address)
		}
		wantCode(t, b.ResetFactorsOf(t.Context(), "nobody@shop.test"), models.NotFound)
	})
}

// Without the portal's secret or an address that fits there are no factors to
// be had; nothing is kept in the open instead.
func TestNoSecretNoFactors(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			clock := modelstest.NewClock()
			store, err := models.Open(modelstest.URL(t, engine), models.Options{Now: clock.Now, PublicURL: "http://127.0.0.1:8080"})
			must(t, err)
			t.Cleanup(func() { store.Close() })
			must(t, store.Migrate(t.Context()))
			b := &modelstest.Bench{Store: store, Clock: clock}
			newStaff(t, b, models.RoleSupport, "s@staff.test")
			first := half(t, b, "s@staff.test")
			_, err = b.Enrolment(t.Context(), first)
			wantCode(t, err, models.Internal)
			_, err = b.AskNewPasskey(t.Context(), first)
			wantCode(t, err, models.Conflict)
			wantStage(t, b, first, "stage:enrol")
		})
	}
}
