package views_test

import (
	"maps"

	"ztc-portal/views/admin"
)

// The keys that the staff's pages of search and accounts put together.
func init() {
	tabs := append([]string{"attempts"}, admin.AccountTabs...)
	maps.Copy(made, map[string][]string{
		"search.group.":        admin.SearchGroups,
		"search.column.":       append([]string{"fact"}, admin.SearchGroups...),
		"accounts.order.":      admin.AccountOrders,
		"customer.tab.":        tabs,
		"customer.empty.":      tabs,
		"customer.empty.hint.": tabs,
		"stop.lifted.":         made["stop.lifter."],
		"customer.as.page.":    {"account", "campaigns", "payments", "ledger"},
	})
}
