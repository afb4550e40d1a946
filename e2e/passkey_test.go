package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"
)

// TestPasskeyInTheBrowser keeps a passkey on the browser's own virtual device:
// made, used to sign in, used to confirm who it is, and removed.
func TestPasskeyInTheBrowser(t *testing.T) {
	t.Parallel()
	p := serve(t)
	b := newTab(t, p)
	device := b.device()
	b.step("made", func() {
		b.signInStaff("admin@demo.test")
		b.open("/admin/security/enrol")
		b.look("staff-passkey-new")
		b.fill("name", "Laptop")
		b.submit("添加通行密钥")
		b.at(`/admin/security$`)
		b.see("通行密钥已添加", "Laptop")
		if n := b.holds(device); n != 1 {
			b.t.Fatalf("the device holds %d keys", n)
		}
	})
	b.step("signs_in", func() {
		b.signOutStaff()
		b.open("/login")
		b.fill("email", "admin@demo.test")
		b.fill("password", password)
		b.do(chromedp.KeyEvent("\r"))
		b.at(`/login/factor`)
		b.submit("使用通行密钥")
		b.at(`/admin$`)
		b.open("/admin/security")
		b.see("Laptop", "上次使用")
	})
	b.step("another_device_is_refused", func() {
		call(b, webauthn.ClearCredentials, webauthn.ClearCredentialsParams{AuthenticatorID: device})
		b.leftOpen()
		b.open("/admin/security/enrol")
		b.at(`/admin/security/confirm\?next=%2Fadmin%2Fsecurity%2Fenrol$`)
		b.press("使用通行密钥")
		b.see("没有完成。请重试；若仍不行，请使用验证码。")
		b.at(`/admin/security/confirm`)
		b.look("staff-confirm-refused")
	})
	b.step("confirms", func() {
		// The key is gone with the device; a code takes its place, and another key is made.
		code, err := totp.GenerateCode(demoTOTP, time.Now().Add(30*time.Second)) // the one of now has signed in
		if err != nil {
			b.t.Fatal(err)
		}
		b.fill("code", code)
		b.submit("确认")
		b.at(`/admin/security/enrol$`)
		b.see("已确认是您本人")
		b.fill("name", "Phone")
		b.submit("添加通行密钥")
		b.see("通行密钥已添加", "Phone")
		b.open("/admin/security/enrol")
		b.leftOpen() // with the page open: the script is told where to go
		b.fill("name", "Tablet")
		b.press("添加通行密钥")
		b.at(`/admin/security/confirm\?next=`)
		b.see("请确认是您本人")
		b.look("staff-confirm")
		b.submit("使用通行密钥")
		b.at(`/admin/security/enrol$`)
		b.see("已确认是您本人")
	})
	b.step("removed", func() {
		b.leftOpen()
		b.removes()
		b.at(`/admin/security/confirm\?next=%2Fadmin%2Fsecurity$`)
		b.submit("使用通行密钥")
		b.at(`/admin/security$`)
		b.see("Laptop", "Phone")
		for range 2 { // the one that is lost, and the one that is there
			b.removes()
			b.see("通行密钥已移除")
		}
		b.seeNot("Laptop", "Phone")
	})
}

// removes takes the first passkey of the list away.
func (b *tab) removes() {
	b.t.Helper()
	b.open("/admin/security")
	b.press("移除")
	b.submitIn("form[action$='/remove']", "移除")
}

// device gives the tab a device that keeps passkeys and is always at hand.
func (b *tab) device() webauthn.AuthenticatorID {
	b.t.Helper()
	call(b, webauthn.Enable, webauthn.EnableParams{})
	made := call(b, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
		Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
		HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
	}})
	return made.AuthenticatorID
}

// holds counts the keys of a device.
func (b *tab) holds(device webauthn.AuthenticatorID) int {
	b.t.Helper()
	return len(call(b, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: device}).Credentials)
}

// leftOpen makes it six minutes since the second factor of every session.
func (b *tab) leftOpen() {
	b.t.Helper()
	if _, err := books(b.t, b.portal.database).ExecContext(b.t.Context(), "UPDATE sessions SET factor_at = ?", time.Now().UTC().Add(-6*time.Minute)); err != nil {
		b.t.Fatal(err)
	}
}

// signOutStaff ends the sign-in from the menu of the person.
func (b *tab) signOutStaff() {
	b.t.Helper()
	b.press("我的账号")
	b.submit("退出登录")
	b.at(`/login$`)
	b.wait("nothing is left of it", fmt.Sprintf(`!document.querySelector(%q)`, "[data-search]"))
}
