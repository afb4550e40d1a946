package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Bank transfer is offered with the whole of an account and with nothing else.
func TestTheBankAccountIsWholeOrNone(t *testing.T) {
	const name, account, branch, code = "PORTAL_BANK_NAME=某公司", "PORTAL_BANK_ACCOUNT=6222 0200 0001 2345 678", "PORTAL_BANK_BRANCH=某银行", "PORTAL_BANK_CODE=102331000001"
	for _, c := range []struct {
		name  string
		given []string
		want  []string
		ways  int
	}{
		{"none", nil, nil, 0},
		{"all", []string{name, account, branch, code}, nil, 4},
		{"the name alone", []string{name}, []string{
			"PORTAL_BANK_BRANCH: must be set beside the other settings of the bank account", "PORTAL_BANK_ACCOUNT: must be 8 to 32 digits", "PORTAL_BANK_CODE: must be 12 digits",
		}, 1},
		{"no name", []string{account, branch, code}, []string{"PORTAL_BANK_NAME: must be set beside the other settings of the bank account"}, 3},
		{"letters", []string{name, "PORTAL_BANK_ACCOUNT=12-34567890", branch, code}, []string{"PORTAL_BANK_ACCOUNT: must be 8 to 32 digits"}, 4},
		{"the demo's", []string{name, "PORTAL_BANK_ACCOUNT=" + demoBank.Account, branch, code}, []string{"PORTAL_BANK_ACCOUNT: is the demo's, which does not exist"}, 4},
		{"in a hurry", []string{"PORTAL_BANK_TRANSFER_TTL=1h"}, []string{"PORTAL_BANK_TRANSFER_TTL: 1h0m0s is not between 24h0m0s and 1440h"}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := LoadSettings(productionEnviron(t, c.given...))
			if diff := cmp.Diff(c.want, linesOf(t, err)); diff != "" {
				t.Error(diff)
			}
			if s.bankGiven() != c.ways {
				t.Errorf("%d settings of the account are given", s.bankGiven())
			}
			if rail, err := s.bankRail(); c.ways == 4 && len(c.want) == 0 && (err != nil || rail.Payee() != "6222020000012345678") {
				t.Errorf("the rail is %+v, %v", rail, err)
			}
		})
	}
	demo, err := LoadSettings([]string{"PORTAL_BANK_TRANSFER_TTL=10s"})
	if err != nil || demo.bankGiven() != 4 {
		t.Errorf("the demo's account: %+v, %v", demo, err)
	}
	if _, err := demo.bankRail(); err != nil {
		t.Error(err)
	}
}
