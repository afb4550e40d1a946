package models

import "time"

// TradeState is what a gateway says of one payment, in our words.
type TradeState string

const (
	TradeUnknown  TradeState = "unknown"   // the gateway answered, but not clearly
	TradeNotExist TradeState = "not_exist" // it has not seen this payment (yet)
	TradeWaiting  TradeState = "waiting"   // it waits for the payer
	TradePaid     TradeState = "paid"      // the money is there
	TradeClosed   TradeState = "closed"    // closed unpaid, or wholly refunded
)

// Receipt is what a gateway said of one payment, its signature and merchant
// already verified by the rail's adapter. Amounts in fen, instants in UTC.
type Receipt struct {
	Rail           Rail
	OutTradeNo     string // our payment no
	GatewayTradeNo string // the gateway's own number
	State          TradeState
	AmountFen      Fen
	Currency       string    // ISO 4217; "CNY"
	Payee          string    // the merchant account that the gateway names
	OpenedAt       time.Time // of a notify: the time that our order bore, where the rail is asked by it; UTC
	PaidAt         time.Time
	RefundNotice   bool   // a refund is what this notice is about: never a credit
	RefundNo       string // the refund's request no, where the notice names it
	Confirmed      bool   // the gateway said so when we asked it, not by itself
	Raw            string // the gateway's own words, for the record
}
