package models

// PaymentState is where one payment stands. The moves that are allowed are in
// payment.go.
type PaymentState string

const (
	PaymentDraft             PaymentState = "draft"
	PaymentPending           PaymentState = "pending"
	PaymentPaid              PaymentState = "paid"
	PaymentExpired           PaymentState = "expired"
	PaymentCancelled         PaymentState = "cancelled"
	PaymentFailed            PaymentState = "failed"
	PaymentPartiallyRefunded PaymentState = "partially_refunded"
	PaymentRefunded          PaymentState = "refunded"
)

// PaymentStates lists every state, in the order a payment may meet them.
var PaymentStates = []PaymentState{
	PaymentDraft, PaymentPending, PaymentPaid, PaymentExpired, PaymentCancelled,
	PaymentFailed, PaymentPartiallyRefunded, PaymentRefunded,
}

// AccountState is what a page says of an account: the staff freeze if there is
// one, else how its money stands.
type AccountState string

const (
	AccountActive    AccountState = "active"
	AccountArrears   AccountState = "arrears"
	AccountSuspended AccountState = "suspended"
	AccountFrozen    AccountState = "frozen"
)

// DeliveryState is what a page says of a campaign; it is derived. What
// the ad engine was last told of it is kept (serving_states), to find what changed.
type DeliveryState string

const (
	DeliveryEnded         DeliveryState = "ended"
	DeliveryFrozen        DeliveryState = "frozen"
	DeliveryPausedArrears DeliveryState = "paused_arrears"
	DeliveryPaused        DeliveryState = "paused"
	DeliveryOutOfFunds    DeliveryState = "out_of_funds"
	DeliveryBudgetReached DeliveryState = "budget_reached"
	DeliveryRecovering    DeliveryState = "recovering"
	DeliveryServing       DeliveryState = "serving"
)

// Rail is a payment rail: the adapter that moves the money.
type Rail string

const (
	RailAlipay       Rail = "alipay"
	RailWechat       Rail = "wechat"
	RailUnionpay     Rail = "unionpay"
	RailBankTransfer Rail = "bank_transfer"
)

// PaidOutByHand: no gateway gives the rail's money back; people do, at the bank.
func (r Rail) PaidOutByHand() bool { return r == RailBankTransfer }
