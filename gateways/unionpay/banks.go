package unionpay

import (
	"slices"

	"ztc-portal/gateways"
)

var _ gateways.Banked = (*Rail)(nil)

// Banks are the common banks that a payer can be sent to at once, as issInsCode
// names them. UnionPay's list is given to merchants alone: README.md tells which of
// these were seen where. The merchant number must be allowed to do so.
func (r *Rail) Banks() []string { return slices.Clone(Banks) }

// Banks is that list, in the order in which it is shown.
var Banks = []string{"ICBC", "ABC", "BOCSH", "CCB", "BOCOM", "PSBC", "CMB", "CNCB", "CEB", "CMBC", "SPDB", "CIB", "GDB", "HXB", "PAB"}
