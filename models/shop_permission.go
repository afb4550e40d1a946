package models

import "slices"

// ShopRole says what a seller's user may do in the shop. Staff have none.
type ShopRole string

const (
	ShopOwner    ShopRole = "owner"    // all
	ShopFinance  ShopRole = "finance"  // money
	ShopOperator ShopRole = "operator" // campaigns
	ShopViewer   ShopRole = "viewer"   // looks
)

// ShopRoles are all of them, in the order in which they are offered.
var ShopRoles = []ShopRole{ShopOwner, ShopFinance, ShopOperator, ShopViewer}

// ShopPermission is one thing that a seller's users do; which roles may do it
// stands in the table below, and nowhere else.
type ShopPermission string

const (
	ShopSee    ShopPermission = "see"    // look at every page and file of the shop
	ShopPay    ShopPermission = "pay"    // recharge, pay, cancel and resume payments
	ShopRun    ShopPermission = "run"    // campaigns, keywords, restart, advice
	ShopMoney  ShopPermission = "money"  // settings of money: alert targets, automatic recharge, invoices, withdrawals
	ShopPeople ShopPermission = "people" // invite colleagues, change what they may do, remove them
	ShopSelf   ShopPermission = "self"   // one's own sign-in: sessions, second factors, password
)

// ShopPermissions are all of them, in the order of the table.
var ShopPermissions = []ShopPermission{ShopSee, ShopPay, ShopRun, ShopMoney, ShopPeople, ShopSelf}

// shopPermitted is the table of the roles.
var shopPermitted = map[ShopRole][]ShopPermission{
	ShopOwner:    ShopPermissions,
	ShopFinance:  {ShopSee, ShopPay, ShopMoney, ShopSelf},
	ShopOperator: {ShopSee, ShopRun, ShopSelf},
	ShopViewer:   {ShopSee, ShopSelf},
}

// May tells whether the role permits an act.
func (r ShopRole) May(p ShopPermission) bool { return slices.Contains(shopPermitted[r], p) }
