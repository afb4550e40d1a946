package unionpay

import (
	"slices"

	"ztc-portal/gateways"
)

var _ gateways.Banked = (*Rail)(nil)

// Banks are the common banks that a payer can be sent to at once, as issInsCode
// names them: UnionPay's demo shows ABC and ICBC, the others bear the names that
// the trade uses. The merchant number must be allowed to do so.
func (r *Rail) Banks() []string { return slices.Clone(Banks) }

// Banks is that list, in the order in which it is shown.
var Banks = []string{"ICBC", "ABC", "BOC", "CCB", "BOCOM", "PSBC", "CMB", "CITIC", "CEB", "CMBC", "SPDB", "CIB", "GDB", "HXB", "PAB"}
