package handlers_test

import (
	"net/http"
	"slices"
	"testing"

	"ztc-portal/models"
)

// The rail shows a role exactly those of its places whose routes let the role
// in: what the rail asks for and what the routes ask for are one.
func TestTheRailLeadsWhereTheRoleMayGo(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.member(t, models.RoleAdmin, "admin@office.test")
		const rail = "nav a.rail-place"
		places := b.get("/admin").is(t, http.StatusOK).links(rail)
		if len(places) < 8 {
			t.Fatalf("an admin's rail has %v", places)
		}
		routed := map[string]bool{}
		for _, route := range s.routes {
			routed[route.Method+" "+route.Path] = true
		}
		for _, role := range []models.Role{models.RoleSupport, models.RoleFinance} {
			b, _ := s.member(t, role, string(role)+"@office.test")
			shown := b.get("/admin").is(t, http.StatusOK).links(rail)
			for _, place := range places {
				need, ok := staffRoutes["GET "+place]
				if !ok || !routed["GET "+place] {
					t.Errorf("%s has no route of its own", place)
				}
				may := b.get(place).StatusCode != http.StatusForbidden
				if seen := slices.Contains(shown, place); seen != may || may != role.May(need) {
					t.Errorf("%s: shown to %s %v, let in %v, permitted %v", place, role, seen, may, role.May(need))
				}
			}
			for _, place := range shown {
				if !slices.Contains(places, place) {
					t.Errorf("%s is shown to %s and not to an admin", place, role)
				}
			}
		}
	})
}
