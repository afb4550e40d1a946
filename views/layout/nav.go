package layout

import (
	"strings"

	"ztc-portal/models"
)

// item is one place of the rail.
type item struct{ key, icon, href string }

// group is a part of the rail; the dock of a narrow screen shows the groups,
// each leading to its first place.
type group struct {
	key, icon string
	items     []item
}

// places is a seller's rail: what exists, and nothing else.
var places = []group{
	{key: "overview", icon: "layout-dashboard", items: []item{
		{"overview", "layout-dashboard", "/account"},
	}},
	{key: "promotion", icon: "megaphone", items: []item{
		{"campaigns", "megaphone", "/campaigns"},
		{"restart", "rotate-ccw", "/campaigns/restart"},
		{"advice", "lightbulb", "/advice"},
		{"reports", "chart-column", "/reports"},
	}},
	{key: "finance", icon: "wallet", items: []item{
		{"recharge", "plus", "/recharge"},
		{"payments", "receipt-text", "/payments"},
		{"ledger", "scroll-text", "/ledger"},
	}},
	{key: "alerts", icon: "bell", items: []item{
		{"alerts", "bell", "/alerts"},
	}},
	{key: settings, icon: "settings", items: []item{
		{"people", "users", "/people"},
		{"my_security", "lock", "/security"},
	}},
}

// settings is the group that has no place of its own in the dock: it stands with
// the person.
const settings = "settings"

// shopNeeds are the sellers' places that ask for more than looking.
var shopNeeds = map[string]models.ShopPermission{"/recharge": models.ShopPay, "/people": models.ShopPeople}

// staffPlaces is the staff's rail.
var staffPlaces = []group{
	{key: "staff", icon: "shield-check", items: []item{
		{"figures", "gauge", "/admin"},
		{"accounts", "store", "/admin/accounts"},
		{"staff_payments", "receipt-text", "/admin/payments"},
		{"approvals", "badge-check", "/admin/approvals"},
		{"suspense", "circle-help", "/admin/suspense"},
		{"methods", "credit-card", "/admin/methods"},
		{"statements", "landmark", "/admin/statements"},
		{"reconciliation", "scale", "/admin/reconciliation"},
		{"jobs", "clock", "/admin/jobs"},
		{"audit", "scroll-text", "/admin/audit"},
		{"members", "users", "/admin/staff"},
		{"security", "lock", "/admin/security"},
	}},
}

// places are those of who reads the page.
func (c Chrome) places() []group {
	if c.Staff == "" {
		return only(places, func(i item) bool {
			need, ok := shopNeeds[i.href]
			return !ok || c.may(need)
		})
	}
	return permitted(staffPlaces, c.Staff)
}

// docked are the groups of the dock.
func (c Chrome) docked() (some []group) {
	for _, g := range c.places() {
		if g.key != settings && g.key != "alerts" { // the bell of the top bar leads there
			some = append(some, g)
		}
	}
	return some
}

// settings are the places of that group.
func (c Chrome) settings() []item {
	for _, g := range c.places() {
		if g.key == settings {
			return g.items
		}
	}
	return nil
}

// waiting is how much waits for somebody at a place.
func (c Chrome) waiting(i item) int {
	switch i.key {
	case "approvals":
		return c.OpenApprovals
	case "alerts":
		return c.Unread
	}
	return 0
}

// home is where the reader begins.
func (c Chrome) home() string { return c.places()[0].items[0].href }

// themeChoices are the three positions of the theme switch.
var themeChoices = []struct{ value, icon string }{
	{"light", "sun"}, {"dark", "moon"}, {"auto", "sun-moon"},
}

// at finds the place the path belongs to: the longest address that leads it.
func (c Chrome) at() item {
	path, _, _ := strings.Cut(c.Path, "?")
	var best item
	for _, g := range c.places() {
		for _, i := range g.items {
			if (path == i.href || strings.HasPrefix(path, i.href+"/")) && len(i.href) > len(best.href) {
				best = i
			}
		}
	}
	return best
}

// in tells whether the group holds the place the page belongs to.
func (c Chrome) in(g group) bool {
	here := c.at()
	for _, i := range g.items {
		if i.href == here.href {
			return true
		}
	}
	return false
}

// siblings are the places of the group the page belongs to, when there are
// several; of the staff's, who have no dock, all.
func (c Chrome) siblings() []item {
	if c.Staff != "" {
		return c.places()[0].items
	}
	for _, g := range c.places() {
		if c.in(g) && len(g.items) > 1 {
			return g.items
		}
	}
	return nil
}

// paying tells whether the page has a next step of its own that concerns money,
// so that the bar's button must not compete with it.
func (c Chrome) paying() bool {
	at := c.at().href
	return at == "/recharge" || at == "/account" || at == "/payments" || at == "/campaigns/restart" || c.Banner != nil
}

func (c Chrome) back() string {
	if c.Back != "" {
		return c.Back
	}
	return c.Path
}

func (c Chrome) hasTheme(value string) bool {
	if c.Theme == ThemeLight || c.Theme == ThemeDark {
		return c.Theme == value
	}
	return value == "auto"
}

func pressed(yes bool) string {
	if yes {
		return "true"
	}
	return "false"
}
