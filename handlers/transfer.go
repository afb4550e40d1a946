package handlers

import (
	"ztc-portal/gateways"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
)

// transferFacts are what the payer of a bank transfer copies; nil on any other
// rail, and where bank transfer is not set up any more.
func (p *portal) transferFacts(payment models.Payment) *views.TransferFacts {
	rail, ok := p.rails.By[payment.Rail].(gateways.Remittee)
	if !ok || payment.ReferenceCode == nil {
		return nil
	}
	account := rail.BankAccount()
	return &views.TransferFacts{
		Name: account.Name, Account: account.Number, Branch: account.Branch, Code: account.Code,
		Reference: web.Instant(payment.ReferenceCode),
	}
}
