package models_test

import (
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// lately is how long a second factor counts as shown lately.
const lately = 5 * time.Minute

// changes are the acts that ask for a second factor shown lately, by a session
// of c's; each reports how it went. boss looks after c.
func changes(t testing.TB, b *modelstest.Bench, c colleague, session string, key, other int64) map[string]error {
	t.Helper()
	ctx, by := t.Context(), models.Actor{UserID: c.id, Address: "192.0.2.1"}
	_, enrolment := b.Enrolment(ctx, session)
	_, confirm := b.ConfirmTOTP(ctx, session, typed("000000"))
	_, ask := b.AskNewPasskey(ctx, session)
	_, codes := b.NewRecoveryCodes(ctx, by, session)
	device := modelstest.NewAuthenticator(t)
	_, add := b.AddPasskey(ctx, session, answered(device.Create(t, []byte(`{"publicKey":{"challenge":"AAAA","rp":{"id":"portal.test"},"user":{"id":"AAAA"}}}`)), "Key"))
	return map[string]error{
		"see a new secret": enrolment, "set an app up": confirm, "ask for a passkey": ask, "add a passkey": add, "new recovery codes": codes,
		"remove a passkey": b.RemovePasskey(ctx, by, session, key), "reset another's": b.ResetFactors(ctx, by, session, other),
	}
}

// A session that was left open changes no second factor: it must be shown again,
// by each of the ways, and that lasts five minutes.
func TestFactorsChangeOnlyWhileOneWasShownLately(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c, other := employ(t, b, models.RoleAdmin, "a@staff.test"), employ(t, b, models.RoleSupport, "o@staff.test")
		device, _ := giveKey(t, b, c.session, "Laptop")
		desk, err := b.SecurityDesk(t.Context(), c.id, c.session)
		must(t, err)
		key := desk.Passkeys[0].ID
		confirmations := map[string]func() error{
			"totp":     func() error { return b.ConfirmFactor(t.Context(), c.session, typed(code(t, c.secret, b.Clock.Now()))) },
			"recovery": func() error { return b.ConfirmFactor(t.Context(), c.session, typed(c.codes[0])) },
			"passkey": func() error {
				options, err := b.AskPasskey(t.Context(), c.session)
				must(t, err)
				device.Counter++
				return b.ConfirmPasskey(t.Context(), c.session, answered(device.Sign(t, options), ""))
			},
		}
		for _, how := range []string{"totp", "recovery", "passkey"} {
			b.Clock.Add(lately + time.Microsecond)
			for what, err := range changes(t, b, c, c.session, key, other.id) {
				if !models.AsksFactorAgain(err) || models.CodeOf(err) != models.Forbidden {
					t.Errorf("%s, %v after the second factor: %v", what, lately, err)
				}
			}
			wantStage(t, b, c.session, "stage:")
			must(t, confirmations[how]())
			b.Clock.Add(lately)
			for what, ask := range map[string]func() error{
				"see a new secret":  func() error { _, err := b.Enrolment(t.Context(), c.session); return err },
				"ask for a passkey": func() error { _, err := b.AskNewPasskey(t.Context(), c.session); return err },
			} {
				if err := ask(); err != nil {
					t.Errorf("%s, %v after %s: %v", what, lately, how, err)
				}
			}
		}
		if got, want := audits(t, b, "session.confirm"), 3; len(got) != want {
			t.Errorf("%d confirmations are on the trail, want %d: %v", len(got), want, got)
		}
		for what, err := range changes(t, b, c, c.session, key, other.id) {
			if models.AsksFactorAgain(err) {
				t.Errorf("%s, with a second factor shown lately: %v", what, err)
			}
		}
		desk, err = b.SecurityDesk(t.Context(), c.id, c.session)
		must(t, err)
		if len(desk.Passkeys) != 0 || desk.CodesLeft != models.RecoveryCodes {
			t.Errorf("nothing was changed: %+v", desk)
		}
		wantStage(t, b, other.session, "nobody")
	})
}

func TestAConfirmationThatIsRefusedConfirmsNothing(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c, other := employ(t, b, models.RoleAdmin, "a@staff.test"), employ(t, b, models.RoleAdmin, "o@staff.test")
		device, _ := giveKey(t, b, c.session, "Laptop")
		theirs, _ := giveKey(t, b, other.session, "Theirs")
		b.Clock.Add(lately + time.Second)
		ask := func() []byte {
			options, err := b.AskPasskey(t.Context(), c.session)
			must(t, err)
			return options
		}
		wantField(t, b.ConfirmFactor(t.Context(), c.session, typed(" ")), "code", "error.factor.empty")
		old := ask()
		signed := device.Sign(t, ask())
		for what, err := range map[string]error{
			"a wrong code":        b.ConfirmFactor(t.Context(), c.session, typed("000000")),
			"another's code":      b.ConfirmFactor(t.Context(), c.session, typed(other.codes[0])),
			"another's key":       b.ConfirmPasskey(t.Context(), c.session, answered(theirs.Sign(t, ask()), "")),
			"an older challenge":  b.ConfirmPasskey(t.Context(), c.session, answered(device.Sign(t, old), "")),
			"no answer":           b.ConfirmPasskey(t.Context(), c.session, answered("", "")),
			"another's session":   b.ConfirmPasskey(t.Context(), other.session, answered(signed, "")),
			"a half-open session": b.ConfirmFactor(t.Context(), half(t, b, c.email), typed(code(t, c.secret, b.Clock.Now()))),
			"no session":          b.ConfirmFactor(t.Context(), "nothing", typed(code(t, c.secret, b.Clock.Now()))),
			"a half-open passkey's": func() error {
				waiting := half(t, b, c.email)
				options, err := b.AskPasskey(t.Context(), waiting)
				must(t, err)
				device.Counter++
				return b.ConfirmPasskey(t.Context(), waiting, answered(device.Sign(t, options), ""))
			}(),
		} {
			if err == nil || models.CodeOf(err) != models.Unauthenticated {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err := b.Enrolment(t.Context(), c.session)
		if !models.AsksFactorAgain(err) {
			t.Errorf("after refusals only: %v", err)
		}
		// What is right for a session that is signed in signs nobody in.
		_, err = b.PassFactor(t.Context(), c.session, typed(code(t, c.secret, b.Clock.Now())))
		wantCode(t, err, models.Unauthenticated)
		must(t, b.ConfirmFactor(t.Context(), c.session, typed(code(t, c.secret, b.Clock.Now()))))
		if _, err := b.Enrolment(t.Context(), c.session); err != nil {
			t.Error(err)
		}
	})
}

// One code confirms once, though it is sent by two sessions of its owner's, and
// by the sign-in too, at the same time.
func TestACodeConfirmsOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		second, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(c.codes[0]))
		must(t, err)
		for what, once := range map[string]func() string{
			"totp":     func() string { return code(t, c.secret, b.Clock.Now()) },
			"recovery": func() string { return c.codes[3] },
		} {
			b.Clock.Add(lately + time.Second)
			digits, waiting := once(), half(t, b, c.email)
			tries := make(chan func() error, 5)
			for range 2 {
				tries <- func() error { return b.ConfirmFactor(t.Context(), c.session, typed(digits)) }
				tries <- func() error { return b.ConfirmFactor(t.Context(), second, typed(digits)) }
			}
			tries <- func() error { _, err := b.PassFactor(t.Context(), waiting, typed(digits)); return err }
			got := atOnce(cap(tries), func() models.Outcome {
				if err := (<-tries)(); err != nil {
					return models.Outcome(models.CodeOf(err))
				}
				return "taken"
			})
			if got["taken"] != 1 || got[models.Outcome(models.Unauthenticated)] != 4 {
				t.Errorf("%s: %v", what, got)
			}
			b.Clock.Add(models.ThrottleWindow)
		}
	})
}

// Wrong codes count together, whether they sign in or confirm.
func TestConfirmationsAreThrottledWithTheSignIn(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		for range 3 {
			wantCode(t, b.ConfirmFactor(t.Context(), c.session, typed("000000")), models.Unauthenticated)
		}
		for range 2 {
			_, err := b.PassFactor(t.Context(), half(t, b, c.email), typed("000000"))
			wantCode(t, err, models.Unauthenticated)
		}
		right := code(t, c.secret, b.Clock.Now())
		wantCode(t, b.ConfirmFactor(t.Context(), c.session, typed(right)), models.TooMany)
		_, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(right))
		wantCode(t, err, models.TooMany)
		if refused := audits(t, b, "session.refuse"); len(refused) != 7 {
			t.Errorf("%d refusals are on the trail", len(refused))
		}
		b.Clock.Add(models.ThrottleWindow)
		must(t, b.ConfirmFactor(t.Context(), c.session, typed(code(t, c.secret, b.Clock.Now()))))
		if acts := audits(t, b, "session.confirm"); len(acts) != 1 {
			t.Errorf("confirmations on the trail: %v", acts)
		}
	})
}
