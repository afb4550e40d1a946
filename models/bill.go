package models

import (
	"fmt"
	"time"
)

// BillLine is one payment or refund of a gateway's bill, as it stands there.
type BillLine struct {
	TradeNo    string    // the gateway's number of the payment
	OutTradeNo string    // our payment no
	RequestNo  string    // of a refund; "" for a payment
	OrderFen   Fen       // what was asked for; a refund is negative
	AmountFen  Fen       // what the merchant gets of it; a refund is negative
	FeeFen     Fen       // what the gateway keeps is negative, what it gives back of that positive
	FinishedAt time.Time // the gateway's, UTC
	Note       string
}

// key is what a line is known by: a refund has the number of its payment and
// one of its own.
func (l BillLine) key() billKey { return billKey{l.TradeNo, l.RequestNo} }

type billKey struct{ tradeNo, requestNo string }

// IsRefund: money that went back.
func (l BillLine) IsRefund() bool { return l.RequestNo != "" }

// BillBook watches over one reading of a bill: no payment and no refund counts
// twice.
type BillBook struct{ seen map[billKey]BillLine }

// NewBillBook begins a reading.
func NewBillBook() *BillBook { return &BillBook{seen: map[billKey]BillLine{}} }

// Take notes a line; fresh is false when the bill named it before. The error is
// a bill that says two things of one payment or refund.
func (b *BillBook) Take(l BillLine) (fresh bool, err error) {
	before, again := b.seen[l.key()]
	if again && before != l {
		return false, fmt.Errorf("the bill says two things of %.64q %.64q", l.TradeNo, l.RequestNo)
	}
	b.seen[l.key()] = l
	return !again, nil
}

// Lines counts the payments and refunds taken so far.
func (b *BillBook) Lines() int { return len(b.seen) }
