package gateways

import (
	"context"

	"ztc-portal/models"
)

// AsksFirst is a rail whose provider wants a notify confirmed by a query before
// it is booked.
type AsksFirst interface{ AsksFirst() bool }

// doubted makes such a rail's notify one that is not believed until the gateway
// was asked. One about money that is booked already changes nothing and asks
// nobody, so that a repeat costs no question.
func (r *Rails) doubted(ctx context.Context, gateway Gateway, receipt models.Receipt) (models.Receipt, error) {
	first, ok := gateway.(AsksFirst)
	if !ok || !first.AsksFirst() || receipt.State != models.TradePaid || receipt.RefundNotice {
		return receipt, nil
	}
	p, err := r.Store.PaymentByNo(ctx, receipt.OutTradeNo)
	switch {
	case err != nil && models.CodeOf(err) != models.NotFound:
		return receipt, err
	case err == nil && p.State.IsPaid() && p.GatewayTradeNo != nil && *p.GatewayTradeNo == receipt.GatewayTradeNo:
		return receipt, nil
	}
	receipt.State = models.TradeUnknown
	return receipt, nil
}
