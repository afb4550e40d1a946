package models

import "slices"

// Permission is one thing that staff do; which roles may do it stands in the
// table below, and nowhere else.
type Permission string

const (
	PermRead      Permission = "read"      // find and look at everything but the audit trail
	PermRepair    Permission = "repair"    // ask gateways, settle what they confirm, close, send again; write notes
	PermRefund    Permission = "refund"    // ask for a refund
	PermAdjust    Permission = "adjust"    // ask for an adjustment or the clearing of suspense
	PermGrant     Permission = "grant"     // ask for a bonus grant
	PermFreeze    Permission = "freeze"    // ask for a freeze, or for its end
	PermApprove   Permission = "approve"   // decide on what somebody else asked for
	PermReconcile Permission = "reconcile" // run a reconciliation and work its differences
	PermStatement Permission = "statement" // import bank statements, propose whose their money is, name sellers' companies
	PermAudit     Permission = "audit"     // read and export the audit trail
	PermStaff     Permission = "staff"     // see and revoke other people's sessions
)

// Permissions are all of them, in the order of the table.
var Permissions = []Permission{
	PermRead, PermRepair, PermRefund, PermAdjust, PermGrant, PermFreeze, PermApprove, PermReconcile, PermStatement, PermAudit, PermStaff,
}

// permitted is the table of the roles: support reads and repairs, finance
// refunds and adjusts, admin all.
var permitted = map[Role][]Permission{
	RoleSupport: {PermRead, PermRepair, PermFreeze},
	RoleFinance: {PermRead, PermRefund, PermAdjust, PermGrant, PermFreeze, PermApprove, PermReconcile, PermStatement, PermAudit},
	RoleAdmin:   Permissions,
}

// May tells whether the role permits an act.
func (r Role) May(p Permission) bool { return slices.Contains(permitted[r], p) }
