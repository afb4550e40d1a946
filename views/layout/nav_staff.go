package layout

import "ztc-portal/models"

// placeNeeds are the staff's places that ask for more than reading.
var placeNeeds = map[string]models.Permission{
	"/admin/audit": models.PermAudit,
	"/admin/staff": models.PermStaff,
}

// permitted are the places that the role may see.
func permitted(all []group, role models.Role) []group {
	return only(all, func(i item) bool {
		need, ok := placeNeeds[i.href]
		return !ok || role.May(need)
	})
}

// only are the groups with those of their places that are to be seen.
func only(all []group, seen func(item) bool) []group {
	some := make([]group, 0, len(all))
	for _, g := range all {
		var items []item
		for _, i := range g.items {
			if seen(i) {
				items = append(items, i)
			}
		}
		g.items = items
		some = append(some, g)
	}
	return some
}
