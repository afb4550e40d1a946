package gateways

import "ztc-portal/models"

// Remittee is a rail whose payers send money to an account by themselves; what
// arrives is told by the statements of that account.
type Remittee interface {
	BankAccount() models.BankAccount
}
