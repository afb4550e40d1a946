package models

// paidFromSuspense marks the payment paid by suspense that is being moved to its
// account: the receipt is the statement's line, paid when the bank says. Two who
// pay one payment at once are parted by the conditional update.
func (t *tx) paidFromSuspense(m matter, transactionID int64) error {
	p, item := m.payment, m.item
	receipt := Receipt{
		Rail: item.Rail, OutTradeNo: p.No, GatewayTradeNo: item.GatewayTradeNo, State: TradePaid,
		AmountFen: item.AmountFen, Currency: p.Currency, Payee: p.Payee, Confirmed: true,
	}
	if receipt.Payee == "" {
		receipt.Payee = transferPayee // a draft: never told where to pay, and paid all the same
	}
	var line StatementLine
	if err := t.Limit(1).Find(&line, "suspense_id = ?", item.ID).Error; err != nil {
		return err
	}
	receipt.PaidAt = line.BankAt // zero, of money that no statement brought: now
	outcome, doubt := p.judge(receipt)
	if doubt != "" || !outcome.Credited() || outcome == OutcomeAlready || p.AccountID != m.account.ID {
		return errStale // paid since we looked: look again
	}
	p.markPaid(receipt, m.funds, outcome == OutcomeLate, transactionID, t.now, t.rules.TTL(p.Rail))
	err := t.move(p, PaymentPaid, "ConfirmedAt", "ExpiresAt", "PaidAt", "SettledAt", "GatewayTradeNo",
		"PaidLate", "CashBeforeFen", "LedgerTransactionID")
	if err != nil {
		return err
	}
	kind := EventRechargePaid
	if p.PaidLate {
		kind = EventRechargePaidLate
	}
	return t.event(p.AccountID, kind, EventArgs{AmountFen: p.AmountFen, PaymentNo: p.No})
}
