package gateways

// BankAccount is an account at a bank, as payers must write it.
type BankAccount struct {
	Name   string // of the company
	Number string
	Branch string // bank and branch
	Code   string // the branch's number among banks
}

// Remittee is a rail whose payers send money to an account by themselves; what
// arrives is told by the statements of that account.
type Remittee interface {
	BankAccount() BankAccount
}
