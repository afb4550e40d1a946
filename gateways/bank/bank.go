// Package bank is the bank transfer rail: a payer sends money to our account and
// writes a code in the remark; what arrived is told by the bank's statement,
// which staff import. It asks no network and holds no key.
package bank

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// Config is our account at a bank, as payers must write it.
type Config struct {
	Name    string // of the company, as the bank has it
	Account string // digits; spaces between them do not count
	Branch  string // bank and branch
	Code    string // the branch's number among banks, 12 digits
}

// Rail is the bank transfer rail.
type Rail struct{ account models.BankAccount }

var (
	accountDigits = regexp.MustCompile(`^\d{8,32}$`)
	branchDigits  = regexp.MustCompile(`^\d{12}$`)
)

// IsAccount tells whether this is written as an account's number.
func IsAccount(number string) bool {
	return accountDigits.MatchString(strings.ReplaceAll(number, " ", ""))
}

// IsCode tells whether this is written as a branch's number among banks.
func IsCode(code string) bool { return branchDigits.MatchString(strings.ReplaceAll(code, " ", "")) }

// New makes the rail. The error names every part of the configuration that is wrong.
func New(cfg Config) (*Rail, error) {
	a := models.BankAccount{
		Name: strings.TrimSpace(cfg.Name), Number: strings.ReplaceAll(cfg.Account, " ", ""),
		Branch: strings.TrimSpace(cfg.Branch), Code: strings.ReplaceAll(cfg.Code, " ", ""),
	}
	var wrong []error
	if a.Name == "" || a.Branch == "" {
		wrong = append(wrong, errors.New("bank: the account's name and branch must be set"))
	}
	if !IsAccount(cfg.Account) {
		wrong = append(wrong, errors.New("bank: the account must be 8 to 32 digits"))
	}
	if !IsCode(cfg.Code) {
		wrong = append(wrong, errors.New("bank: the branch's code must be 12 digits"))
	}
	return &Rail{a}, errors.Join(wrong...)
}

// Rail names the rail.
func (*Rail) Rail() models.Rail { return models.RailBankTransfer }

// Payee is our account's number.
func (r *Rail) Payee() string { return r.account.Number }

// BankAccount is where payers send money to.
func (r *Rail) BankAccount() models.BankAccount { return r.account }

// Open gives no way to anywhere: the payment's own page says how to pay.
func (*Rail) Open(context.Context, gateways.Order) (gateways.Checkout, error) {
	return gateways.Checkout{OnOurPage: true}, nil
}

// Query says that the payment waits, always: nobody can be asked. What arrived
// is settled from the statement, and the books know it then.
func (r *Rail) Query(_ context.Context, ref gateways.Ref) (models.Receipt, error) {
	return models.Receipt{
		Rail: r.Rail(), OutTradeNo: ref.OutTradeNo, State: models.TradeWaiting, Currency: "CNY", Payee: r.Payee(),
	}, nil
}

// Close can stop nobody from going to their bank.
func (*Rail) Close(context.Context, gateways.Ref) (gateways.CloseResult, error) {
	return gateways.StaysOpen, nil
}

// ReadNotify believes nothing: no bank sends notifies here.
func (*Rail) ReadNotify(http.Header, []byte) (models.Receipt, error) {
	return models.Receipt{}, fmt.Errorf("bank: %w: no bank sends notifies", gateways.ErrUnverified)
}

// ReadReturn believes nothing: no browser comes back from a bank.
func (*Rail) ReadReturn(map[string][]string) (string, error) {
	return "", fmt.Errorf("bank: %w: no browser comes back from a bank", gateways.ErrUnverified)
}

// Answer tells whoever sent a notify that there is nothing to be told here.
func (*Rail) Answer(bool) (status int, contentType, body string) {
	return http.StatusNotFound, "text/plain; charset=utf-8", "no notifies"
}
