package main

import (
	"strings"
	"time"

	"ztc-portal/gateways/bank"
)

// demoBank is an account that nobody can take for a real one.
var demoBank = bank.Config{
	Name: "DEMO ONLY - Example Advertising Co., Ltd.", Account: "0000000000000000001",
	Branch: "Example Bank (made up), Demo Branch", Code: "000000000000",
}

// withDemoBank gives the demo an account that is made up, unless one is set.
func (s Settings) withDemoBank() Settings {
	if s.Demo() && s.bankGiven() == 0 {
		s.BankName, s.BankAccount, s.BankBranch, s.BankCode = demoBank.Name, demoBank.Account, demoBank.Branch, demoBank.Code
	}
	return s
}

// bankGiven counts the settings of our account that have a value: with none there
// is no bank transfer.
func (s Settings) bankGiven() int {
	given := 0
	for _, value := range []string{s.BankName, s.BankAccount, s.BankBranch, s.BankCode} {
		if value != "" {
			given++
		}
	}
	return given
}

func (s Settings) bankRail() (*bank.Rail, error) {
	return bank.New(bank.Config{Name: s.BankName, Account: s.BankAccount, Branch: s.BankBranch, Code: s.BankCode})
}

// checkBank: all of an account or nothing of it. Production takes none that is
// made up.
func (s Settings) checkBank(f *faults) {
	shortest := time.Second // the demo may hurry
	if !s.Demo() {
		shortest = 24 * time.Hour
	}
	if s.BankTransferTTL < shortest || s.BankTransferTTL > 60*24*time.Hour {
		f.add("PORTAL_BANK_TRANSFER_TTL", "%v is not between %v and 1440h", s.BankTransferTTL, shortest)
	}
	if s.bankGiven() == 0 {
		return
	}
	if strings.TrimSpace(s.BankName) == "" {
		f.add("PORTAL_BANK_NAME", "must be set beside the other settings of the bank account")
	}
	if strings.TrimSpace(s.BankBranch) == "" {
		f.add("PORTAL_BANK_BRANCH", "must be set beside the other settings of the bank account")
	}
	if !bank.IsAccount(s.BankAccount) {
		f.add("PORTAL_BANK_ACCOUNT", "must be 8 to 32 digits")
	}
	if !bank.IsCode(s.BankCode) {
		f.add("PORTAL_BANK_CODE", "must be 12 digits")
	}
	if !s.Demo() && strings.Trim(s.BankAccount, "0 ") == "1" {
		f.add("PORTAL_BANK_ACCOUNT", "is the demo's, which does not exist")
	}
}
