package layout

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

func TestTheRailMarksTheNearestPlace(t *testing.T) {
	for path, want := range map[string]string{
		"/account": "/account", "/campaigns": "/campaigns", "/campaigns?state=paused": "/campaigns", "/campaigns/7": "/campaigns",
		"/campaigns/restart": "/campaigns/restart", "/payments/R1/confirm": "/payments", "/ledger?kind=refund": "/ledger", "/nowhere": "", "/campaignsx": "",
	} {
		if got := (Chrome{Path: path}).at().href; got != want {
			t.Errorf("%s stands at %q, want %q", path, got, want)
		}
	}
}

// Staff and sellers stand in frames of their own, and neither leads to the other's.
func TestTheStaffsFrameIsTheirOwn(t *testing.T) {
	frame := func(c Chrome) string {
		var page strings.Builder
		if err := Page(c, "t", templ.NopComponent).Render(text.With(context.Background(), text.English), &page); err != nil {
			t.Fatal(err)
		}
		return page.String()
	}
	staff := frame(Chrome{SignedIn: true, Staff: models.RoleFinance, Email: "finance@office.test", Path: "/admin/jobs?before=7"})
	seller := frame(Chrome{SignedIn: true, Email: "seller@shop.test", Path: "/account", State: models.AccountActive})
	for words, want := range map[string][2]bool{ // in the staff's, in the seller's
		`data-theme="dark"`: {true, false}, "Staff desk": {true, false}, `href="/admin/jobs"`: {true, false},
		`href="/account"`: {false, true}, `href="/recharge"`: {false, true}, "finance@office.test": {true, false},
		`aria-current="page"`: {true, true}, `action="/logout"`: {true, true}, `action="/preferences"`: {true, true},
	} {
		if got := [2]bool{strings.Contains(staff, words), strings.Contains(seller, words)}; got != want {
			t.Errorf("%s stands in the staff's: %v, in the seller's: %v", words, got[0], got[1])
		}
	}
	for path, want := range map[string]string{"/admin/jobs": "/admin/jobs", "/admin/jobs/webhooks/7/resend": "/admin/jobs", "/admin": "/admin", "/account": ""} {
		if got := (Chrome{Staff: models.RoleAdmin, Path: path}).at().href; got != want {
			t.Errorf("%s stands at %q, want %q", path, got, want)
		}
	}
}

func TestBannerNamesWhatBlocksDelivery(t *testing.T) {
	since := time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		shell     models.Shell
		key, href string
	}{
		"all right":      {models.Shell{State: models.AccountActive, Spendable: 1}, "", ""},
		"frozen":         {models.Shell{State: models.AccountFrozen, Spendable: 1, Since: &since}, "banner.frozen", ""},
		"suspended":      {models.Shell{State: models.AccountSuspended, Since: &since}, "banner.suspended", "/recharge"},
		"arrears":        {models.Shell{State: models.AccountArrears, Arrears: 1, Since: &since}, "banner.arrears", "/recharge"},
		"out of funds":   {models.Shell{State: models.AccountActive}, "banner.out_of_funds", "/recharge"},
		"restart awaits": {models.Shell{State: models.AccountActive, Spendable: 1, Waiting: 2}, "banner.waiting", "/campaigns/restart"},
	} {
		b := BannerOf(c.shell)
		if c.key == "" {
			if b != nil {
				t.Errorf("%s: there is a banner: %v", name, b.Line.Key)
			}
			continue
		}
		if b == nil || b.Line.Key != c.key || b.Href != c.href || (b.Href == "") != b.Action.IsZero() {
			t.Errorf("%s: got %+v", name, b)
		} else if c.shell.Since != nil && !b.Since.Equal(since) {
			t.Errorf("%s: since %v", name, b.Since)
		}
	}
}

func TestThemeIsSetOnlyWhenChosen(t *testing.T) {
	for theme, want := range map[string]string{
		ThemeLight: `data-theme="light"`, ThemeDark: `data-theme="dark"`, ThemeAuto: "", "auto": "", `"><script>`: "",
	} {
		var page strings.Builder
		if err := Page(Chrome{Theme: theme}, "t", templ.NopComponent).Render(context.Background(), &page); err != nil {
			t.Fatal(err)
		}
		head, _, _ := strings.Cut(page.String(), "<head>")
		if want == "" && strings.Contains(head, "data-theme") || want != "" && !strings.Contains(head, want) {
			t.Errorf("theme %q: %s", theme, head)
		}
		if pressed := strings.Count(page.String(), `aria-pressed="true"`); pressed != 2 {
			t.Errorf("theme %q: %d switches are pressed, want one language and one theme", theme, pressed)
		}
	}
}

func TestFlashSpeaksAfterItsTripThroughACookie(t *testing.T) {
	cookie, err := json.Marshal(Flash{Key: "flash.restart_undone", Args: map[string]any{"Count": 1}})
	if err != nil {
		t.Fatal(err)
	}
	var f Flash
	if err := json.Unmarshal(cookie, &f); err != nil {
		t.Fatal(err)
	}
	ctx := text.With(context.Background(), text.English)
	if got := text.Say(ctx, f.line()); got != "Undone: 1 campaign is stopped again." {
		t.Errorf("it says %q", got)
	}
	for key := range Flashes {
		if !text.Has(key) {
			t.Errorf("the catalogues do not know %s", key)
		}
	}
}
