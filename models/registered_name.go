package models

import (
	"context"
	"strings"
	"unicode/utf8"
)

const maxRegisteredName = 100

// SellerName is an account's shop and the company behind it.
type SellerName struct {
	AccountID      int64
	ShopName       string
	RegisteredName string // empty: not known
}

// SellerName reads the names of an account's seller. NotFound.
func (s *Store) SellerName(ctx context.Context, accountID int64) (SellerName, error) {
	n := SellerName{AccountID: accountID}
	seller, err := s.reader(s.read.WithContext(ctx)).sellerOf(accountID)
	n.ShopName, n.RegisteredName = seller.ShopName, seller.RegisteredName
	return n, err
}

func (t *tx) sellerOf(accountID int64) (Seller, error) {
	var seller Seller
	err := t.Take(&seller, "id = (SELECT seller_id FROM accounts WHERE id = ?)", accountID).Error
	return seller, found(err, "account")
}

// SetRegisteredName stores the name that a seller's company is registered under:
// what stands as the payer on a bank's statement. Empty takes it away.
// FieldErrors on registered_name; NotFound.
func (s *Store) SetRegisteredName(ctx context.Context, by Actor, accountID int64, typed string) error {
	name := strings.Join(strings.Fields(toValid(typed)), " ")
	if utf8.RuneCountInString(name) > maxRegisteredName || name != "" && nameKey(name) == "" {
		return FieldErrors{fieldError("registered_name", "error.registered_name", map[string]any{"Max": maxRegisteredName})}
	}
	return s.inTx(ctx, func(t *tx) error {
		seller, err := t.sellerOf(accountID)
		if err != nil || seller.RegisteredName == name {
			return err
		}
		err = t.Model(&Seller{}).Where("id = ?", seller.ID).Select("RegisteredName", "RegisteredKey").
			Updates(&Seller{RegisteredName: name, RegisteredKey: nameKey(name)}).Error
		if err != nil {
			return err
		}
		return t.audit(by, "account.registered_name", subject("account", accountID), seller.RegisteredName, name)
	})
}
