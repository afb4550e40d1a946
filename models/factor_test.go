package models_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

const step = 30 * time.Second

// colleague is a member of staff with an authenticator app.
type colleague struct {
	email, secret string
	id            int64
	session       string   // the one that came with setting the app up
	codes         []string // recovery codes
}

func code(t testing.TB, secret string, at time.Time) string {
	t.Helper()
	c, err := totp.GenerateCode(secret, at)
	must(t, err)
	return c
}

func typed(code string) models.FactorInput {
	return models.FactorInput{Code: code, Address: "192.0.2.1", UserAgent: "test"}
}

// half signs somebody in by the password alone.
func half(t testing.TB, b *modelstest.Bench, email string) string {
	t.Helper()
	secret, err := signIn(t, b, email, rightPassword, "192.0.2.1")
	must(t, err)
	return secret
}

func stage(t testing.TB, b *modelstest.Bench, secret string) string {
	t.Helper()
	who, err := b.WhoIs(t.Context(), secret)
	must(t, err)
	if who == nil {
		return "nobody"
	}
	return "stage:" + string(who.Stage)
}

func wantStage(t testing.TB, b *modelstest.Bench, secret, want string) {
	t.Helper()
	if got := stage(t, b, secret); got != want {
		t.Errorf("the session's owner is at %q, want %q", got, want)
	}
}

func newStaff(t testing.TB, b *modelstest.Bench, role models.Role, email string) {
	t.Helper()
	_, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: rightPassword, Role: role})
	must(t, err)
}

// employ makes a member of staff who has set an app up; the code of this step
// is not used yet.
func employ(t testing.TB, b *modelstest.Bench, role models.Role, email string) colleague {
	t.Helper()
	newStaff(t, b, role, email)
	first := half(t, b, email)
	e, err := b.Enrolment(t.Context(), first)
	must(t, err)
	done, err := b.ConfirmTOTP(t.Context(), first, typed(code(t, e.Secret, b.Clock.Now().Add(-step))))
	must(t, err)
	who, err := b.WhoIs(t.Context(), done.Session)
	must(t, err)
	return colleague{email, e.Secret, who.UserID, done.Session, done.Codes}
}

func TestTheFirstSecondFactorOpensTheSession(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		newStaff(t, b, models.RoleSupport, "s@staff.test")
		first := half(t, b, "s@staff.test")
		wantStage(t, b, first, "stage:enrol")
		e, err := b.Enrolment(t.Context(), first)
		must(t, err)
		again, err := b.Enrolment(t.Context(), first)
		must(t, err)
		if again.Secret != e.Secret || len(e.Secret) != 32 || !strings.Contains(e.URL, "secret="+e.Secret) || !e.First {
			t.Errorf("first %+v, then %+v", e, again)
		}
		now := b.Clock.Now()
		for _, wrong := range []string{"000000", "abc", code(t, e.Secret, now.Add(-2*step)), code(t, e.Secret, now.Add(2*step))} {
			_, err = b.ConfirmTOTP(t.Context(), first, typed(wrong))
			wantField(t, err, "code", "error.factor.unconfirmed")
		}
		_, err = b.ConfirmTOTP(t.Context(), first, typed(" "))
		wantField(t, err, "code", "error.factor.empty")
		wantStage(t, b, first, "stage:enrol")
		done, err := b.ConfirmTOTP(t.Context(), first, typed(code(t, e.Secret, now)))
		must(t, err)
		wantStage(t, b, first, "nobody")
		wantStage(t, b, done.Session, "stage:")
		if len(done.Codes) != models.RecoveryCodes {
			t.Errorf("%d recovery codes", len(done.Codes))
		}
		// The code that confirmed is used up: it signs nobody in.
		second := half(t, b, "s@staff.test")
		wantStage(t, b, second, "stage:factor")
		_, err = b.PassFactor(t.Context(), second, typed(code(t, e.Secret, now)))
		wantCode(t, err, models.Unauthenticated)
		// Who has a factor can't set up another before it was shown.
		_, err = b.Enrolment(t.Context(), second)
		wantCode(t, err, models.Forbidden)
		_, err = b.ConfirmTOTP(t.Context(), second, typed(code(t, e.Secret, now)))
		wantCode(t, err, models.Forbidden)
		_, err = b.AskNewPasskey(t.Context(), second)
		wantCode(t, err, models.Forbidden)
	})
}

func TestACodeIsTakenInItsStepAndTheNeighbours(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		b.Clock.Add(10 * step)
		now := b.Clock.Now()
		for _, far := range []time.Duration{-2 * step, 2 * step} {
			_, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(code(t, c.secret, now.Add(far))))
			wantCode(t, err, models.Unauthenticated)
		}
		for _, near := range []time.Duration{-step, 0, step} {
			digits := code(t, c.secret, now.Add(near))
			if near == 0 { // as an input method for Chinese types them
				digits = strings.Map(func(r rune) rune { return r - '0' + '０' }, digits[:3]) + " " + digits[3:]
			}
			fresh, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(digits))
			must(t, err)
			wantStage(t, b, fresh, "stage:")
			_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(digits))
			wantCode(t, err, models.Unauthenticated)
			if err == nil || !strings.Contains(err.Error(), "error.factor.used") {
				t.Errorf("a code used twice: %v", err)
			}
		}
		_, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(code(t, c.secret, now.Add(-step))))
		wantCode(t, err, models.Unauthenticated) // an older step than the last one used
	})
}

func TestACodeSignsInOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		for _, what := range []string{"totp", "recovery"} {
			once := c.codes[3]
			if what == "totp" {
				once = code(t, c.secret, b.Clock.Now())
			}
			halves := make(chan string, 5)
			for range cap(halves) {
				halves <- half(t, b, c.email)
			}
			got := atOnce(cap(halves), func() models.Outcome {
				_, err := b.PassFactor(t.Context(), <-halves, typed(once))
				if err == nil {
					return "in"
				}
				return models.Outcome(models.CodeOf(err))
			})
			if got["in"] != 1 || got[models.Outcome(models.Unauthenticated)] != cap(halves)-1 {
				t.Errorf("%s: %v", what, got)
			}
			b.Clock.Add(models.ThrottleWindow)
		}
	})
}

// One half-open session gives one whole one, however many codes are right.
func TestAHalfOpenSessionIsSpentOnceUnderRace(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		secret, codes := half(t, b, c.email), make(chan string, 4)
		for _, one := range c.codes[:4] {
			codes <- one
		}
		got := atOnce(4, func() models.Outcome {
			_, err := b.PassFactor(t.Context(), secret, typed(<-codes))
			if err == nil {
				return "in"
			}
			return models.Outcome(models.CodeOf(err))
		})
		desk, err := b.SecurityDesk(t.Context(), c.id, c.session)
		must(t, err)
		if got["in"] != 1 || got[models.Outcome(models.Unauthenticated)] != 3 || desk.CodesLeft != 9 || len(desk.Sessions) != 2 {
			t.Errorf("%v, codes left %d, sessions %d", got, desk.CodesLeft, len(desk.Sessions))
		}
	})
}

func TestRecoveryCodesWorkOnceAndAreReplaced(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleFinance, "f@staff.test")
		other := employ(t, b, models.RoleFinance, "g@staff.test")
		_, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(other.codes[0]))
		wantCode(t, err, models.Unauthenticated)
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(" "+strings.ToUpper(c.codes[0])))
		must(t, err)
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(c.codes[0]))
		wantCode(t, err, models.Unauthenticated)
		fresh, err := b.NewRecoveryCodes(t.Context(), models.Actor{UserID: c.id}, c.session)
		must(t, err)
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(c.codes[1]))
		wantCode(t, err, models.Unauthenticated)
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(fresh[1]))
		must(t, err)
	})
}

func TestWrongCodesAreThrottledFromEverywhere(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c, other := employ(t, b, models.RoleSupport, "s@staff.test"), employ(t, b, models.RoleSupport, "o@staff.test")
		for i := range 5 {
			in := typed("000000")
			in.Address = fmt.Sprint("192.0.2.", 10+i)
			_, err := b.PassFactor(t.Context(), half(t, b, c.email), in)
			wantCode(t, err, models.Unauthenticated)
		}
		secret := half(t, b, c.email)
		right := code(t, c.secret, b.Clock.Now())
		_, err := b.PassFactor(t.Context(), secret, typed(right))
		wantCode(t, err, models.TooMany)
		_, err = b.PassFactor(t.Context(), half(t, b, other.email), typed(code(t, other.secret, b.Clock.Now())))
		must(t, err)
		b.Clock.Add(models.ThrottleWindow)
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(code(t, c.secret, b.Clock.Now())))
		must(t, err)
	})
}

func TestCodesTriedAtTheSameTimeAreThrottledToo(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		secret := half(t, b, c.email)
		got := atOnce(20, func() models.Outcome {
			_, err := b.PassFactor(t.Context(), secret, typed("000000"))
			return models.Outcome(models.CodeOf(err))
		})
		if tried := got[models.Outcome(models.Unauthenticated)]; tried > 5 || tried+got[models.Outcome(models.TooMany)] != 20 {
			t.Errorf("20 codes at once: %v", got)
		}
	})
}

func TestStaffSessionsEnd(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		idle, waiting := c.session, half(t, b, c.email)
		b.Clock.Add(14 * time.Minute)
		wantStage(t, b, waiting, "stage:factor")
		b.Clock.Add(time.Minute)
		wantStage(t, b, waiting, "nobody") // a second factor is awaited a quarter of an hour
		_, err := b.PassFactor(t.Context(), waiting, typed(c.codes[0]))
		wantCode(t, err, models.Unauthenticated)

		b.Clock.Add(15*time.Minute - time.Second)
		wantStage(t, b, idle, "stage:")
		b.Clock.Add(30 * time.Minute)
		wantStage(t, b, idle, "nobody")
		wantStage(t, b, idle, "nobody") // being asked for is no use of it

		busy, err := b.PassFactor(t.Context(), half(t, b, c.email), typed(code(t, c.secret, b.Clock.Now())))
		must(t, err)
		ends := b.Clock.Now().Add(8 * time.Hour)
		for b.Clock.Now().Add(20 * time.Minute).Before(ends) {
			b.Clock.Add(20 * time.Minute)
			wantStage(t, b, busy, "stage:")
		}
		b.Clock.Set(ends)
		wantStage(t, b, busy, "nobody")

		user(t, b, "a@shop.test") // sellers' sessions are as before
		seller, err := signIn(t, b, "a@shop.test", rightPassword, "192.0.2.1")
		must(t, err)
		b.Clock.Add(11 * time.Hour)
		wantStage(t, b, seller, "stage:")
	})
}

// A demo that hurries does not hurry its staff out, nor their codes.
func TestStaffSignInByTheMachinesClock(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			fast, wall := modelstest.NewClock(), modelstest.NewClock()
			rules := models.DefaultRules()
			store, err := models.Open(modelstest.URL(t, engine), models.Options{
				Now: fast.Now, Wall: wall.Now, Rules: rules, Secret: []byte(modelstest.Secret), PublicURL: modelstest.PublicURL,
			})
			must(t, err)
			t.Cleanup(func() { store.Close() })
			must(t, store.Migrate(t.Context()))
			b := &modelstest.Bench{Store: store, Clock: wall}
			fast.Add(100 * time.Hour)
			c := employ(t, b, models.RoleSupport, "s@staff.test")
			fast.Add(20 * time.Hour)
			wantStage(t, b, c.session, "stage:")
			wall.Add(30 * time.Minute)
			wantStage(t, b, c.session, "nobody")
		})
	}
}

func TestSecretsAreNotInTheDatabase(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		db, err := b.Handle()
		must(t, err)
		var sealed, hashes string
		must(t, db.QueryRowContext(t.Context(), "SELECT secret || pending FROM totp_factors").Scan(&sealed))
		rows, err := db.QueryContext(t.Context(), "SELECT code_hash FROM recovery_codes")
		must(t, err)
		defer rows.Close()
		for rows.Next() {
			var hash string
			must(t, rows.Scan(&hash))
			hashes += hash
		}
		must(t, rows.Err())
		if len(sealed) < 40 || strings.Contains(sealed, c.secret) {
			t.Errorf("the secret is kept as %q", sealed)
		}
		for _, one := range c.codes {
			if strings.Contains(hashes, one) || strings.Contains(hashes, strings.ReplaceAll(one, "-", "")) {
				t.Error("a recovery code is kept as it is")
			}
		}
		// Sealed for one user, it does not open for another.
		other := employ(t, b, models.RoleSupport, "o@staff.test")
		raw(t, b, fmt.Sprintf("UPDATE totp_factors SET secret = '%s' WHERE user_id = %d", sealed, other.id))
		_, err = b.PassFactor(t.Context(), half(t, b, other.email), typed(code(t, c.secret, b.Clock.Now())))
		wantCode(t, err, models.Internal)
	})
}

func TestAnAppIsChangedOnlyByItsConfirmation(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		c := employ(t, b, models.RoleSupport, "s@staff.test")
		e, err := b.Enrolment(t.Context(), c.session)
		must(t, err)
		if e.Secret == c.secret || e.First {
			t.Errorf("the new app: %+v", e)
		}
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(code(t, c.secret, b.Clock.Now())))
		must(t, err) // the old one is still good
		done, err := b.ConfirmTOTP(t.Context(), c.session, typed(code(t, e.Secret, b.Clock.Now())))
		if err != nil || done.Session != "" || done.Codes != nil {
			t.Fatalf("%+v, %v", done, err)
		}
		b.Clock.Add(step)
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(code(t, c.secret, b.Clock.Now())))
		wantCode(t, err, models.Unauthenticated)
		_, err = b.PassFactor(t.Context(), half(t, b, c.email), typed(code(t, e.Secret, b.Clock.Now())))
		must(t, err)
		_, err = b.ConfirmTOTP(t.Context(), c.session, typed("123456"))
		wantField(t, err, "code", "error.factor.stale")
	})
}
