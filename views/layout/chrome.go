// Package layout draws what stands around every page: head, rail, top bar,
// banner and flash.
package layout

import (
	"time"

	"ztc-portal/models"
)

// Themes are what the theme cookie may say; empty follows the device.
const (
	ThemeAuto  = ""
	ThemeLight = "light"
	ThemeDark  = "dark"
)

// Simulation says what in the demo is not real: who makes the clicks, and how
// fast the clock runs.
type Simulation struct {
	Runs  bool
	Speed int
}

// Chrome is what the layout knows of the request: values only.
type Chrome struct {
	Theme     string // ThemeAuto, ThemeLight or ThemeDark
	Path      string // own path with query: marks the place in the rail
	Back      string // own path the switches lead back to, where it is not Path (the answer to a POST)
	CSRF      string
	RequestID string
	Demo      bool
	Simulation
	Now   time.Time
	Flash *Flash

	SignedIn  bool // what follows is drawn only when signed in
	Email     string
	Query     string      // what staff have just searched
	Staff     models.Role // of a member of staff, whose frame is another; empty: a seller, of whom the rest is known
	Shop      string
	Role      models.ShopRole // in the shop; empty: all may be done
	State     models.AccountState
	Spendable models.Fen
	Banner    *Banner // see BannerOf
	Unread    int     // alerts that the reader has not read, 99 at most

	OpenApprovals int // how many wait for a decision, for staff
}

// may tells whether the reader's role in the shop permits an act.
func (c Chrome) may(p models.ShopPermission) bool { return c.Role == "" || c.Role.May(p) }

// product and place name what the reader stands in; both are keys.
func (c Chrome) product() string {
	if c.Staff != "" {
		return "product.staff"
	}
	return "product.name"
}

func (c Chrome) place() string {
	if c.Staff != "" {
		return "product.staff"
	}
	return "product.place"
}
