package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"ztc-portal/models"
)

// staffRoutes says which permission each of the staff's routes asks for. A route
// of the router's own list that stands here not, or the other way round, fails
// the test.
var staffRoutes = map[string]models.Permission{
	"GET /admin":                           models.PermRead,
	"GET /admin/audit":                     models.PermAudit,
	"GET /admin/audit.csv":                 models.PermAudit,
	"GET /admin/payments":                  models.PermRead,
	"GET /admin/payments/:no":              models.PermRead,
	"POST /admin/payments/:no/ask":         models.PermRepair,
	"POST /admin/payments/:no/repair":      models.PermRepair,
	"POST /admin/payments/:no/close":       models.PermRepair,
	"GET /admin/suspense":                  models.PermRead,
	"GET /admin/methods":                   models.PermRead,
	"GET /admin/methods/:rail":             models.PermRepair,
	"POST /admin/methods/:rail":            models.PermRepair,
	"GET /admin/search":                    models.PermRead,
	"GET /admin/accounts":                  models.PermRead,
	"GET /admin/accounts/:id":              models.PermRead,
	"POST /admin/accounts/:id/notes":       models.PermRepair,
	"GET /admin/accounts/:id/as/account":   models.PermRead,
	"GET /admin/accounts/:id/as/campaigns": models.PermRead,
	"GET /admin/accounts/:id/as/payments":  models.PermRead,
	"GET /admin/accounts/:id/as/ledger":    models.PermRead,
	"GET /admin/accounts/:id/as/bonus":     models.PermRead,
	"GET /admin/jobs":                      models.PermRead,
	"POST /admin/jobs/webhooks/:id/resend": models.PermRepair,

	"GET /admin/reconciliation":                  models.PermRead,
	"GET /admin/reconciliation/:id":              models.PermRead,
	"POST /admin/reconciliation/run":             models.PermReconcile,
	"POST /admin/reconciliation/differences/:id": models.PermReconcile,

	"GET /admin/approvals":                     models.PermRead,
	"GET /admin/approvals/:id":                 models.PermRead,
	"POST /admin/approvals/:id/approve":        models.PermApprove,
	"POST /admin/approvals/:id/refuse":         models.PermApprove,
	"POST /admin/approvals/:id/withdraw":       models.PermRead,
	"GET /admin/accounts/:id/adjust":           models.PermAdjust,
	"POST /admin/accounts/:id/adjust":          models.PermAdjust,
	"GET /admin/accounts/:id/grant":            models.PermGrant,
	"POST /admin/accounts/:id/grant":           models.PermGrant,
	"GET /admin/accounts/:id/freeze":           models.PermFreeze,
	"POST /admin/accounts/:id/freeze":          models.PermFreeze,
	"GET /admin/accounts/:id/unfreeze":         models.PermFreeze,
	"POST /admin/accounts/:id/unfreeze":        models.PermFreeze,
	"GET /admin/accounts/:id/bank-transfer":    models.PermAdjust,
	"POST /admin/accounts/:id/bank-transfer":   models.PermAdjust,
	"GET /admin/suspense/:id/clear":            models.PermAdjust,
	"POST /admin/suspense/:id/clear":           models.PermAdjust,
	"GET /admin/payments/:no/refund":           models.PermRefund,
	"POST /admin/payments/:no/refund":          models.PermRefund,
	"GET /admin/refunds/:no/paid":              models.PermRefund,
	"POST /admin/refunds/:no/paid":             models.PermRefund,
	"GET /admin/refunds/:no/unpaid":            models.PermRefund,
	"POST /admin/refunds/:no/unpaid":           models.PermRefund,
	"GET /admin/statements":                    models.PermRead,
	"POST /admin/statements/import":            models.PermStatement,
	"GET /admin/statements/template.csv":       models.PermStatement,
	"GET /admin/statements/mapping":            models.PermStatement,
	"POST /admin/statements/mapping":           models.PermStatement,
	"GET /admin/statements/lines":              models.PermRead,
	"POST /admin/statements/propose":           models.PermStatement,
	"POST /admin/statements/lines/:id/propose": models.PermStatement,
	"GET /admin/accounts/:id/registered-name":  models.PermStatement,
	"POST /admin/accounts/:id/registered-name": models.PermStatement,
	"GET /admin/notifies":                      models.PermRead,
	"GET /admin/jobs/queue":                    models.PermRead,
	"GET /admin/jobs/queue/*":                  models.PermRead,
	"POST /admin/jobs/queue/*":                 models.PermRepair,
	"PUT /admin/jobs/queue/*":                  models.PermRepair,

	"GET /admin/security":                      models.PermRead,
	"GET /admin/security/enrol":                models.PermRead,
	"GET /admin/security/enrol/qr.png":         models.PermRead,
	"POST /admin/security/enrol":               models.PermRead,
	"POST /admin/security/passkeys":            models.PermRead,
	"POST /admin/security/passkeys/options":    models.PermRead,
	"POST /admin/security/passkeys/:id/remove": models.PermRead,
	"POST /admin/security/codes":               models.PermRead,
	"GET /admin/security/confirm":              models.PermRead,
	"POST /admin/security/confirm":             models.PermRead,
	"POST /admin/security/confirm/passkey":     models.PermRead,

	"POST /admin/security/confirm/passkey/options": models.PermRead,

	"POST /admin/security/sessions/:id/revoke": models.PermRead,
	"POST /admin/security/sessions/revoke":     models.PermRead,
	"GET /admin/staff":                         models.PermStaff,
	"POST /admin/staff/:id/revoke":             models.PermStaff,
	"POST /admin/staff/:id/reset":              models.PermStaff,
}

// Every role tries every route of the staff's: it is refused with 403 exactly
// where the table of the roles says so. Ids are of nothing, so that whoever may
// pass is told 404 at most. To sellers there is nothing; strangers are led to
// the sign-in page.
func TestEveryStaffRouteByRole(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		known := map[string]bool{}
		for _, route := range s.routes {
			if route.Path != "/admin" && !strings.HasPrefix(route.Path, "/admin/") || route.Method == echoNotFound {
				continue
			}
			name := route.Method + " " + route.Path
			known[name] = true
			if _, ok := staffRoutes[name]; !ok {
				t.Errorf("%s is not in the table", name)
			}
		}
		for name := range staffRoutes {
			if !known[name] {
				t.Errorf("%s is in the table and not in the router", name)
			}
		}
		for _, role := range []models.Role{models.RoleSupport, models.RoleFinance, models.RoleAdmin, models.RoleSeller, ""} {
			b := s.browser(t)
			b.get("/login")
			if role != "" {
				b, _ = s.member(t, role, string(role)+"@roles.test")
			}
			for name, permission := range staffRoutes {
				got := b.tries(name)
				var ok bool
				switch {
				case role == "":
					ok = got.StatusCode == http.StatusSeeOther && got.Header.Get("Location") == "/login"
				case role == models.RoleSeller:
					ok = got.StatusCode == http.StatusNotFound
				case role.May(permission):
					ok = got.StatusCode < 500 && got.StatusCode != http.StatusForbidden
				default:
					ok = got.StatusCode == http.StatusForbidden
				}
				if !ok {
					t.Errorf("%q on %s: answered %d", role, name, got.StatusCode)
				}
			}
		}
	})
}

// echoNotFound is the method under which the router lists its answer to paths
// that it does not have.
const echoNotFound = "echo_route_not_found"

// tries asks one route, "METHOD /path", for things that do not exist.
func (b *browser) tries(name string) answer {
	b.t.Helper()
	method, path, _ := strings.Cut(name, " ")
	var filled []string
	for part := range strings.SplitSeq(path, "/") {
		switch {
		case part == ":no":
			part = "R2611240000000000000ZZ"[:21]
		case strings.HasPrefix(part, ":"):
			part = "999999"
		}
		filled = append(filled, part)
	}
	path = strings.Join(filled, "/")
	switch method {
	case http.MethodPost:
		return b.post(path)
	case http.MethodPut:
		return b.do(http.MethodPut, path, "csrf="+b.token)
	}
	return b.get(path)
}
