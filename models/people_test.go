package models_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
	"ztc-portal/models/modelstest"
)

// eachPeople runs a test with mail on, in a shop whose owner is signed in.
func eachPeople(t *testing.T, test func(*testing.T, *folk)) {
	t.Helper()
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b := modelstest.OpenWith(t, engine, func(r *models.Rules) { r.Mail = true })
			account, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: "owner@shop.test", Password: "long enough", Role: models.RoleSeller, ShopName: "Tea shop"})
			must(t, err)
			f := &folk{Bench: b, account: account}
			f.owner = f.actor(t, "owner@shop.test")
			test(t, f)
		})
	}
}

// folk are the people of a shop.
type folk struct {
	*modelstest.Bench
	account int64
	owner   models.Actor
}

// actor signs somebody in and gives who they are.
func (f *folk) actor(t *testing.T, email string) models.Actor {
	t.Helper()
	secret, err := f.SignIn(t.Context(), models.SignInInput{Email: email, Password: "long enough", Address: "192.0.2.1"})
	must(t, err)
	who, err := f.WhoIs(t.Context(), secret)
	must(t, err)
	return models.Actor{UserID: who.UserID, Address: "192.0.2.1"}
}

// mails are the mails of a kind that wait, opened.
func (f *folk) mails(t *testing.T, kind models.MailKind) (mails []models.Mail) {
	t.Helper()
	for _, task := range f.Queue.Tasks() {
		if args, ok := task.Args.(models.SendMail); ok && args.About == kind {
			if strings.Contains(args.Path+args.Sealed, "token=") {
				t.Errorf("the secret of %+v can be read", args)
			}
			m, err := f.OpenMail(t.Context(), args)
			must(t, err)
			mails = append(mails, m)
		}
	}
	return mails
}

// token is that of the last mail of a kind.
func (f *folk) token(t *testing.T, kind models.MailKind) string {
	t.Helper()
	mails := f.mails(t, kind)
	if len(mails) == 0 {
		t.Fatalf("no mail of kind %s", kind)
	}
	_, token, _ := strings.Cut(mails[len(mails)-1].Path, "token=")
	return token
}

func (f *folk) invite(t *testing.T, email string, role models.ShopRole) string {
	t.Helper()
	must(t, f.Invite(t.Context(), f.owner, f.account, models.InviteInput{Email: email, Role: string(role), Lang: "en"}))
	return f.token(t, models.MailInvitation)
}

// joins makes somebody a colleague and gives who they are.
func (f *folk) joins(t *testing.T, email string, role models.ShopRole) models.Actor {
	t.Helper()
	secret, err := f.Join(t.Context(), models.JoinInput{Token: f.invite(t, email, role), Password: "long enough", Lang: "en", Address: "192.0.2.1"})
	must(t, err)
	who, err := f.WhoIs(t.Context(), secret)
	must(t, err)
	if who == nil || who.AccountID != f.account || who.ShopRole != role || who.Email != email {
		t.Fatalf("%s joined as %+v", email, who)
	}
	return models.Actor{UserID: who.UserID, Address: "192.0.2.1"}
}

func (f *folk) states(t *testing.T) string {
	t.Helper()
	desk, err := f.PeopleDesk(t.Context(), f.account)
	must(t, err)
	var states []string
	for _, i := range desk.Invitations {
		states = append(states, string(i.State))
	}
	return strings.Join(states, " ")
}

func fieldKey(t *testing.T, err error) string {
	t.Helper()
	var fields models.FieldErrors
	if !errors.As(err, &fields) || len(fields) != 1 {
		t.Fatalf("got %v, want one refusal of a field", err)
	}
	return fields[0].Field + " " + fields[0].Key
}

func TestAnInvitationWorksOnceAndForTwoDays(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		token := f.invite(t, " Colleague@Shop.test ", models.ShopFinance)
		to, err := f.InvitedTo(ctx, token)
		must(t, err)
		if to.Email != "colleague@shop.test" || to.Shop != "Tea shop" || to.Role != models.ShopFinance || to.ByEmail != "owner@shop.test" || to.Taken {
			t.Errorf("the link leads to %+v", to)
		}
		for _, wrong := range []string{"", "0", token + "0", strings.ToUpper(token)} {
			_, err := f.Join(ctx, models.JoinInput{Token: wrong, Password: "long enough"})
			wantCode(t, err, models.NotFound)
		}
		_, err = f.Join(ctx, models.JoinInput{Token: token, Password: "short"})
		if key := fieldKey(t, err); key != "password error.password.length" {
			t.Error(key)
		}
		var wait sync.WaitGroup
		results := make([]error, 8)
		for i := range results {
			wait.Go(func() { _, results[i] = f.Join(ctx, models.JoinInput{Token: token, Password: "long enough"}) })
		}
		wait.Wait()
		joined := 0
		for _, err := range results {
			if err == nil {
				joined++
			} else {
				wantCode(t, err, models.NotFound)
			}
		}
		if joined != 1 || f.states(t) != "accepted" {
			t.Errorf("%d joined by one link; the invitation is %s", joined, f.states(t))
		}
		late := f.invite(t, "late@shop.test", models.ShopViewer)
		f.Clock.Add(48*time.Hour - time.Second)
		_, err = f.InvitedTo(ctx, late)
		must(t, err)
		f.Clock.Add(time.Second)
		_, err = f.Join(ctx, models.JoinInput{Token: late, Password: "long enough"})
		wantCode(t, err, models.NotFound)
		if got := f.states(t); got != "expired accepted" {
			t.Errorf("the invitations are %s", got)
		}
	})
}

func TestAnInvitationIsSentAgainAndWithdrawn(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		first := f.invite(t, "a@shop.test", models.ShopViewer)
		desk, err := f.PeopleDesk(ctx, f.account)
		must(t, err)
		id := desk.Invitations[0].ID
		wantCode(t, f.ResendInvitation(ctx, f.owner, f.account, id), models.TooMany)
		again := models.InviteInput{Email: "a@shop.test", Role: "owner"}
		if key := fieldKey(t, f.Invite(ctx, f.owner, f.account, again)); key != "email error.people.invited" {
			t.Error(key)
		}
		f.Clock.Add(time.Minute)
		must(t, f.ResendInvitation(ctx, f.owner, f.account, id))
		_, err = f.InvitedTo(ctx, first)
		wantCode(t, err, models.NotFound)
		second := f.token(t, models.MailInvitation)
		_, err = f.InvitedTo(ctx, second)
		must(t, err)
		other, _ := f.Seller(t)
		wantCode(t, f.WithdrawInvitation(ctx, f.owner, other, id), models.NotFound)
		wantCode(t, f.ResendInvitation(ctx, f.owner, other, id), models.NotFound)
		must(t, f.WithdrawInvitation(ctx, f.owner, f.account, id))
		wantCode(t, f.WithdrawInvitation(ctx, f.owner, f.account, id), models.NotFound)
		_, err = f.Join(ctx, models.JoinInput{Token: second, Password: "long enough"})
		wantCode(t, err, models.NotFound)
		wantCode(t, f.Invite(ctx, f.owner, f.account, again), models.TooMany) // withdrawing is no way to write more often
		f.Clock.Add(time.Minute)
		f.invite(t, "a@shop.test", models.ShopOperator) // a withdrawn one bars nobody
		if got := f.states(t); got != "invited withdrawn" {
			t.Errorf("the invitations are %s", got)
		}
		f.Clock.Add(49 * time.Hour)
		f.invite(t, "a@shop.test", models.ShopViewer) // nor does an expired one
		if got := f.states(t); got != "invited withdrawn" {
			t.Errorf("the invitations are %s", got)
		}
	})
}

func TestInviteNamesWhatIsWrong(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		for in, want := range map[models.InviteInput]string{
			{Email: "", Role: "viewer"}:                                   "email error.email.empty",
			{Email: "nobody", Role: "viewer"}:                             "email error.email.malformed",
			{Email: "a@b.test\r\nBcc: c@d.test", Role: "viewer"}:          "email error.email.malformed",
			{Email: "a@b.test,c@d.test", Role: "viewer"}:                  "email error.email.malformed",
			{Email: "<a@b.test>", Role: "viewer"}:                         "email error.email.malformed",
			{Email: strings.Repeat("a", 250) + "@b.test", Role: "viewer"}: "email error.email.malformed",
			{Email: "a@b.test", Role: "seller"}:                           "role error.shop_role.unknown",
			{Email: "a@b.test", Role: ""}:                                 "role error.shop_role.unknown",
			{Email: "owner@shop.test", Role: "viewer"}:                    "email error.people.colleague",
		} {
			if key := fieldKey(t, f.Invite(t.Context(), f.owner, f.account, in)); key != want {
				t.Errorf("%+v: %s, want %s", in, key, want)
			}
		}
		if n := len(f.mails(t, models.MailInvitation)); n != 0 || f.states(t) != "" {
			t.Errorf("%d mails and invitations %q", n, f.states(t))
		}
	})
}

// A shop can't have us write to the whole world.
func TestInvitationsOfADayAreBounded(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		in := func(n int) models.InviteInput {
			return models.InviteInput{Email: "a" + strconv.Itoa(n) + "@shop.test", Role: "viewer"}
		}
		for n := range 100 {
			if n == 99 { // the owner and 99 invited are enough
				if key := fieldKey(t, f.Invite(ctx, f.owner, f.account, in(n))); key != "email error.people.enough" {
					t.Error(key)
				}
				desk, err := f.PeopleDesk(ctx, f.account)
				must(t, err)
				for _, i := range desk.Invitations[:2] {
					must(t, f.WithdrawInvitation(ctx, f.owner, f.account, i.ID))
				}
			}
			must(t, f.Invite(ctx, f.owner, f.account, in(n)))
		}
		wantCode(t, f.Invite(ctx, f.owner, f.account, in(100)), models.TooMany)
		f.Clock.Add(24 * time.Hour)
		must(t, f.Invite(ctx, f.owner, f.account, in(100)))
	})
}

// Whoever invites an address of another shop learns nothing; the address itself
// is told.
func TestAnAddressOfAnotherShopCannotJoin(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		for email, role := range map[string]models.Role{"other@shop.test": models.RoleSeller, "staff@office.test": models.RoleSupport} {
			in := models.NewUser{Email: email, Password: "long enough", Role: role}
			if role == models.RoleSeller {
				in.ShopName = "Other"
			}
			_, err := f.CreateUser(t.Context(), models.Actor{}, in)
			must(t, err)
			token := f.invite(t, email, models.ShopOwner)
			to, err := f.InvitedTo(t.Context(), token)
			if must(t, err); !to.Taken {
				t.Errorf("%s is not told", email)
			}
			_, err = f.Join(t.Context(), models.JoinInput{Token: token, Password: "another one"})
			wantCode(t, err, models.Conflict)
			_, err = f.SignIn(t.Context(), models.SignInInput{Email: email, Password: "long enough"})
			must(t, err) // nothing of theirs has changed
		}
	})
}

// Of two owners who send each other away at the same time one stays.
func TestTheLastOwnerStays(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		wantCode(t, f.SetShopRole(ctx, f.owner, f.account, f.owner.UserID, models.ShopViewer), models.Conflict)
		wantCode(t, f.RemoveColleague(ctx, f.owner, f.account, f.owner.UserID), models.Conflict)
		second := f.joins(t, "second@shop.test", models.ShopOwner)
		var wait sync.WaitGroup
		var removed, demoted error
		wait.Go(func() { removed = f.RemoveColleague(ctx, f.owner, f.account, second.UserID) })
		wait.Go(func() { demoted = f.SetShopRole(ctx, second, f.account, f.owner.UserID, models.ShopFinance) })
		wait.Wait()
		if (removed == nil) == (demoted == nil) {
			t.Errorf("removing: %v, demoting: %v", removed, demoted)
		}
		desk, err := f.PeopleDesk(ctx, f.account)
		must(t, err)
		owners := 0
		for _, c := range desk.Colleagues {
			if c.Role == models.ShopOwner {
				owners++
			}
		}
		if owners != 1 {
			t.Errorf("there are %d owners", owners)
		}
	})
}

func TestWhoIsRemovedIsOutAtOnceAndMayComeBack(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		second := f.joins(t, "second@shop.test", models.ShopOwner)
		secret, err := f.SignIn(ctx, models.SignInInput{Email: "second@shop.test", Password: "long enough"})
		must(t, err)
		must(t, f.Invite(ctx, second, f.account, models.InviteInput{Email: "friend@shop.test", Role: "owner"}))
		friend := f.token(t, models.MailInvitation)
		other, _ := f.Seller(t)
		wantCode(t, f.RemoveColleague(ctx, f.owner, other, second.UserID), models.NotFound)
		wantCode(t, f.SetShopRole(ctx, f.owner, other, second.UserID, models.ShopViewer), models.NotFound)
		wantCode(t, f.RevokeColleague(ctx, f.owner, other, second.UserID), models.NotFound)
		must(t, f.RemoveColleague(ctx, f.owner, f.account, second.UserID))
		wantCode(t, f.RemoveColleague(ctx, f.owner, f.account, second.UserID), models.NotFound)
		if who, err := f.WhoIs(ctx, secret); err != nil || who != nil {
			t.Errorf("the session is %+v, %v", who, err)
		}
		_, err = f.SignIn(ctx, models.SignInInput{Email: "second@shop.test", Password: "long enough"})
		wantCode(t, err, models.Unauthenticated)
		_, err = f.Join(ctx, models.JoinInput{Token: friend, Password: "long enough"})
		wantCode(t, err, models.NotFound) // what they invited by is void
		f.Clock.Add(time.Minute)
		back := f.joins(t, "second@shop.test", models.ShopViewer)
		if back.UserID != second.UserID {
			t.Errorf("came back as %d, was %d", back.UserID, second.UserID)
		}
	})
}

func TestWithoutAMailServerNothingIsStored(t *testing.T) {
	t.Parallel()
	modelstest.Each(t, func(t *testing.T, b *modelstest.Bench) {
		account, _ := b.Seller(t)
		wantCode(t, b.Invite(t.Context(), models.Actor{UserID: 1}, account, models.InviteInput{Email: "a@b.test", Role: "viewer"}), models.Conflict)
		wantCode(t, b.AskReset(t.Context(), models.StartReset{Email: "a@b.test"}), models.Conflict)
		desk, err := b.PeopleDesk(t.Context(), account)
		if must(t, err); len(desk.Invitations) != 0 || desk.SendsMail {
			t.Errorf("%+v", desk)
		}
	})
}

// resets works the tasks off that asking for new passwords has left.
func (f *folk) resets(t *testing.T, done int) int {
	t.Helper()
	n := 0
	for _, task := range f.Queue.Tasks() {
		if args, ok := task.Args.(models.StartReset); ok {
			if n++; n > done {
				must(t, f.StartReset(t.Context(), args))
			}
		}
	}
	return n
}

func TestAResetWorksOnceForAnHourAndEndsAllSessions(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		secret, err := f.SignIn(ctx, models.SignInInput{Email: "owner@shop.test", Password: "long enough"})
		must(t, err)
		must(t, f.AskReset(ctx, models.StartReset{Email: " Owner@Shop.test", Lang: "en", Address: "192.0.2.9"}))
		must(t, f.AskReset(ctx, models.StartReset{Email: "nobody@shop.test", Lang: "en", Address: "192.0.2.9"}))
		done := f.resets(t, 0)
		if n := len(f.mails(t, models.MailReset)); done != 2 || n != 1 {
			t.Fatalf("%d tasks, %d mails", done, n)
		}
		first := f.token(t, models.MailReset)
		must(t, f.ResetLives(ctx, first))
		must(t, f.AskReset(ctx, models.StartReset{Email: "owner@shop.test", Lang: "en", Address: "192.0.2.9"}))
		done = f.resets(t, done)
		wantCode(t, f.ResetPassword(ctx, models.ResetInput{Token: first, Password: "a new password"}), models.NotFound)
		token := f.token(t, models.MailReset)
		if key := fieldKey(t, f.ResetPassword(ctx, models.ResetInput{Token: token, Password: "short"})); key != "password error.password.length" {
			t.Error(key)
		}
		var wait sync.WaitGroup
		results := make([]error, 6)
		for i := range results {
			wait.Go(func() { results[i] = f.ResetPassword(ctx, models.ResetInput{Token: token, Password: "a new password"}) })
		}
		wait.Wait()
		changed := 0
		for _, err := range results {
			if err == nil {
				changed++
			} else {
				wantCode(t, err, models.NotFound)
			}
		}
		if n := len(f.mails(t, models.MailPasswordIsNew)); changed != 1 || n != 1 {
			t.Errorf("changed %d times, told %d times", changed, n)
		}
		if who, err := f.WhoIs(ctx, secret); err != nil || who != nil {
			t.Errorf("the session is %+v, %v", who, err)
		}
		_, err = f.SignIn(ctx, models.SignInInput{Email: "owner@shop.test", Password: "long enough"})
		wantCode(t, err, models.Unauthenticated)
		_, err = f.SignIn(ctx, models.SignInInput{Email: "owner@shop.test", Password: "a new password"})
		must(t, err)
		must(t, f.AskReset(ctx, models.StartReset{Email: "owner@shop.test", Address: "192.0.2.10"}))
		f.resets(t, done)
		f.Clock.Add(time.Hour)
		wantCode(t, f.ResetLives(ctx, f.token(t, models.MailReset)), models.NotFound)
		wantCode(t, f.ResetPassword(ctx, models.ResetInput{Token: f.token(t, models.MailReset), Password: "a new password"}), models.NotFound)
	})
}

// The asking is bounded, for an address that is known as for one that is not.
func TestAskingForAResetIsBounded(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		for _, email := range []string{"owner@shop.test", "nobody@shop.test"} {
			for try := 1; try <= 4; try++ {
				err := f.AskReset(t.Context(), models.StartReset{Email: email, Address: "192.0.2.77"})
				if try <= 3 {
					must(t, err)
				} else {
					wantCode(t, err, models.TooMany)
				}
			}
		}
		_, err := f.SignIn(t.Context(), models.SignInInput{Email: "owner@shop.test", Password: "long enough", Address: "192.0.2.77"})
		must(t, err) // signing in is counted apart
	})
}

// A seller's second factor is asked for once it is there, and may be taken away.
func TestASellersSecondFactorIsOptional(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		in := models.SignInInput{Email: "owner@shop.test", Password: "long enough", Address: "192.0.2.1"}
		secret, err := f.SignIn(ctx, in)
		must(t, err)
		must(t, f.ConfirmedLately(ctx, f.owner, secret)) // by the password, just now
		f.Clock.Add(6 * time.Minute)
		if err := f.ConfirmedLately(ctx, f.owner, secret); !models.AsksFactorAgain(err) {
			t.Errorf("after six minutes: %v", err)
		}
		_, err = f.Enrolment(ctx, secret)
		if !models.AsksFactorAgain(err) {
			t.Errorf("a factor can be planted in an open browser: %v", err)
		}
		wantCode(t, f.ConfirmPassword(ctx, secret, "wrong one", "192.0.2.1"), models.Unauthenticated)
		wantCode(t, f.ConfirmPassword(ctx, "no session", "long enough", "192.0.2.1"), models.Unauthenticated)
		must(t, f.ConfirmPassword(ctx, secret, "long enough", "192.0.2.1"))
		enrolment, err := f.Enrolment(ctx, secret)
		must(t, err)
		done, err := f.ConfirmTOTP(ctx, secret, models.FactorInput{Code: code(t, enrolment.Secret, f.Clock.Now())})
		must(t, err)
		if done.Session != "" || len(done.Codes) != models.RecoveryCodes {
			t.Errorf("%+v", done)
		}
		if who, err := f.WhoIs(ctx, secret); err != nil || who == nil || who.Stage != models.StageIn {
			t.Errorf("the session goes on as %+v, %v", who, err)
		}
		wantCode(t, f.ConfirmPassword(ctx, secret, "long enough", "192.0.2.1"), models.Conflict)
		half, err := f.SignIn(ctx, in)
		must(t, err)
		if who, err := f.WhoIs(ctx, half); err != nil || who == nil || who.Stage != models.StageFactor {
			t.Errorf("the password alone makes %+v, %v", who, err)
		}
		wantCode(t, f.ConfirmedLately(ctx, f.owner, half), models.Forbidden)
		fresh, err := f.PassFactor(ctx, half, models.FactorInput{Code: done.Codes[0]})
		must(t, err)
		if who, err := f.WhoIs(ctx, fresh); err != nil || who == nil || who.Stage != models.StageIn || who.ShopRole != models.ShopOwner {
			t.Errorf("with a recovery code: %+v, %v", who, err)
		}
		must(t, f.RemoveTOTP(ctx, f.owner, fresh))
		wantCode(t, f.RemoveTOTP(ctx, f.owner, fresh), models.NotFound)
		_, err = f.NewRecoveryCodes(ctx, f.owner, fresh)
		wantCode(t, err, models.NotFound)
		again, err := f.SignIn(ctx, in)
		must(t, err)
		if who, err := f.WhoIs(ctx, again); err != nil || who == nil || who.Stage != models.StageIn {
			t.Errorf("without the factor: %+v, %v", who, err)
		}
	})
}

// A session that showed the password lately is not enough once there is a factor.
func TestThePasswordIsNoLongerEnoughOnceThereIsAFactor(t *testing.T) {
	eachPeople(t, func(t *testing.T, f *folk) {
		ctx := t.Context()
		in := models.SignInInput{Email: "owner@shop.test", Password: "long enough", Address: "192.0.2.1"}
		mine, err := f.SignIn(ctx, in)
		must(t, err)
		theirs, err := f.SignIn(ctx, in)
		must(t, err)
		enrolment, err := f.Enrolment(ctx, mine)
		must(t, err)
		_, err = f.ConfirmTOTP(ctx, mine, models.FactorInput{Code: code(t, enrolment.Secret, f.Clock.Now())})
		must(t, err)
		must(t, f.ConfirmedLately(ctx, f.owner, mine))
		for what, err := range map[string]error{
			"people and money": f.ConfirmedLately(ctx, f.owner, theirs),
			"removing the app": f.RemoveTOTP(ctx, f.owner, theirs),
		} {
			if !models.AsksFactorAgain(err) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := f.Enrolment(ctx, theirs); !models.AsksFactorAgain(err) {
			t.Errorf("another factor: %v", err)
		}
	})
}

// Each cell of the table of the roles, as it is meant.
func TestWhatEachShopRoleMay(t *testing.T) {
	t.Parallel()
	want := map[models.ShopPermission]string{
		models.ShopSee: "owner finance operator viewer", models.ShopPay: "owner finance", models.ShopRun: "owner operator",
		models.ShopMoney: "owner finance", models.ShopPeople: "owner", models.ShopSelf: "owner finance operator viewer",
	}
	for _, permission := range models.ShopPermissions {
		var may []string
		for _, role := range models.ShopRoles {
			if role.May(permission) {
				may = append(may, string(role))
			}
		}
		if got := strings.Join(may, " "); got != want[permission] {
			t.Errorf("%s: %s may, want %s", permission, got, want[permission])
		}
	}
	if models.ShopRole("").May(models.ShopSee) || models.ShopRole("admin").May(models.ShopSee) {
		t.Error("a role that is none may look")
	}
}

// Whoever signed in for a shop before there were roles owns it, and stays signed
// in.
func TestSellersOfOldOwnTheirShops(t *testing.T) {
	t.Parallel()
	for _, engine := range modelstest.Engines {
		t.Run(string(engine), func(t *testing.T) {
			b, db := oldPortal(t, engine, 31)
			const at = "'2026-11-24 05:59:00+00:00'"
			for _, statement := range []string{
				"INSERT INTO sellers (id, shop_name, created_at) VALUES (1, 'Old shop', " + at + ")",
				"INSERT INTO ledger_accounts (id, name, balance_fen, created_at) VALUES (101, 'seller:1:cash', 0, " + at + "), (102, 'seller:1:bonus', 0, " + at + ")",
				"INSERT INTO accounts (id, seller_id, cash_account_id, bonus_account_id, created_at) VALUES (1, 1, 101, 102, " + at + ")",
				"INSERT INTO users (id, email, password_hash, role, seller_id, created_at) VALUES (1, 'old@shop.test', '', 'seller', 1, " + at + "), (2, 'old@office.test', '', 'support', NULL, " + at + ")",
				"INSERT INTO sessions (id_hash, user_id, address, user_agent, created_at, seen_at, expires_at) VALUES ('" + sha256Hex("seller") + "', 1, '', '', " + at + ", " + at + ", '2026-11-24 07:00:00+00:00')",
				"INSERT INTO sessions (id_hash, user_id, address, user_agent, created_at, seen_at, expires_at) VALUES ('" + sha256Hex("staff") + "', 2, '', '', " + at + ", " + at + ", '2026-11-24 07:00:00+00:00')",
			} {
				run(t, db, statement)
			}
			must(t, b.Migrate(t.Context()))
			who, err := b.WhoIs(t.Context(), "seller")
			must(t, err)
			if who == nil || who.ShopRole != models.ShopOwner || who.Stage != models.StageIn || who.AccountID != 1 {
				t.Errorf("the seller is %+v", who)
			}
			half, err := b.WhoIs(t.Context(), "staff")
			must(t, err)
			if half == nil || half.ShopRole != "" || half.Stage != models.StageEnrol {
				t.Errorf("the half-open session of staff is %+v", half)
			}
			desk, err := b.PeopleDesk(t.Context(), 1)
			must(t, err)
			if len(desk.Colleagues) != 1 || desk.Colleagues[0].Sessions != 1 {
				t.Errorf("the people are %+v", desk.Colleagues)
			}
		})
	}
}

func sha256Hex(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
