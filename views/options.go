package views

import (
	"context"

	"ztc-portal/models"
	"ztc-portal/views/components"
	"ztc-portal/views/text"
)

// DeliveryStates are the states a list of campaigns can be filtered by.
var DeliveryStates = []models.DeliveryState{
	models.DeliveryServing, models.DeliveryRecovering, models.DeliveryPausedArrears, models.DeliveryOutOfFunds,
	models.DeliveryBudgetReached, models.DeliveryPaused, models.DeliveryFrozen, models.DeliveryEnded,
}

func stateOptions(all string, ctx context.Context) []components.Option {
	options := []components.Option{{Label: all}}
	for _, s := range models.PaymentStates {
		options = append(options, components.Option{Value: string(s), Label: text.T(ctx, "state.payment."+string(s))})
	}
	return options
}

func methodOptions(all string, rails []models.Rail, ctx context.Context) []components.Option {
	options := []components.Option{{Label: all}}
	for _, r := range rails {
		options = append(options, components.Option{Value: string(r), Label: text.T(ctx, "method."+string(r))})
	}
	return options
}

func kindOptions(all string, ctx context.Context) []components.Option {
	options := []components.Option{{Label: all}}
	for _, k := range LedgerKinds {
		options = append(options, components.Option{Value: k, Label: text.T(ctx, "ledger.kind."+k)})
	}
	return options
}

func deliveryOptions(all string, ctx context.Context) []components.Option {
	options := []components.Option{{Label: all}}
	for _, s := range DeliveryStates {
		options = append(options, components.Option{Value: string(s), Label: text.T(ctx, "filter.delivery."+string(s))})
	}
	return options
}
