package handlers

import (
	"ztc-portal/gateways"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
)

// transferFacts are what the payer of a bank transfer copies, as it was told when
// the payment was confirmed, whatever account is set up by now; nil on any other
// rail. Of an older payment the account's number alone is kept: the rest is what
// is set up, if that is the same account.
func (p *portal) transferFacts(payment models.Payment) *views.TransferFacts {
	if payment.ReferenceCode == nil {
		return nil
	}
	facts := &views.TransferFacts{
		Name: payment.PayeeName, Account: payment.Payee, Branch: payment.PayeeBranch, Code: payment.PayeeCode,
		Reference: web.Instant(payment.ReferenceCode),
	}
	if rail, ok := p.rails.By[payment.Rail].(gateways.Remittee); ok && facts.Name == "" {
		if now := rail.BankAccount(); now.Number == payment.Payee {
			facts.Name, facts.Branch, facts.Code = now.Name, now.Branch, now.Code
		}
	}
	return facts
}
