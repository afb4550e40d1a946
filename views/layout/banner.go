package layout

import (
	"strings"
	"time"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// Banner stands under the bar while something blocks delivery, with the one act
// that ends it.
type Banner struct {
	Tone   string    // "warning" or "error"
	Line   text.Line // the cause
	Since  time.Time // zero: not said
	Action text.Line // the button's words; zero: no button
	Href   string    // where the button leads
}

// BannerOf says what blocks delivery now, or nil.
func BannerOf(s models.Shell) *Banner {
	b := Banner{Tone: "error", Href: "/recharge", Action: text.Line{Key: "banner.act.pay"}}
	switch {
	case s.State == models.AccountFrozen:
		b.Tone, b.Href, b.Action = "warning", "", text.Line{}
		b.Line = text.Line{Key: "banner.frozen"}
	case s.State == models.AccountSuspended:
		b.Line = text.Line{Key: "banner.suspended"}
	case s.State == models.AccountArrears:
		b.Line = text.Line{Key: "banner.arrears", Args: map[string]any{"Amount": s.Arrears}}
	case s.Spendable <= 0:
		b.Tone, b.Action = "warning", text.Line{Key: "banner.act.recharge"}
		b.Line = text.Line{Key: "banner.out_of_funds"}
	case s.Waiting > 0:
		b.Tone, b.Href, b.Action = "warning", "/campaigns/restart", text.Line{Key: "banner.act.restart"}
		b.Line = text.Line{Key: "banner.waiting", Args: map[string]any{"Count": s.Waiting}}
	default:
		return nil
	}
	if s.Since != nil {
		b.Since = *s.Since
	}
	return &b
}

// showsBanner: the overview says the same in its first card, and a page does not
// send its reader to itself.
func (c Chrome) showsBanner() bool { return c.Banner != nil && c.at().href != "/account" }

// bannerNeeds are what the banner's acts ask for.
var bannerNeeds = map[string]models.ShopPermission{"/recharge": models.ShopPay, "/campaigns/restart": models.ShopRun}

// showsBannerAct: nor does it draw the reader away from a payment in hand.
func (c Chrome) showsBannerAct() bool {
	if need, ok := bannerNeeds[c.Banner.Href]; ok && !c.may(need) {
		return false
	}
	return !c.Banner.Action.IsZero() && c.at().href != c.Banner.Href && !strings.HasPrefix(c.Path, "/payments/")
}
