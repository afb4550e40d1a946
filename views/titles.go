package views

import (
	"context"

	"ztc-portal/views/text"
)

// Title is the page's name, as the browser's tab and history show it.

func (LoginPage) Title(ctx context.Context) string    { return text.T(ctx, "login.title") }
func (AccountPage) Title(ctx context.Context) string  { return text.T(ctx, "account.title") }
func (RechargePage) Title(ctx context.Context) string { return text.T(ctx, "recharge.title") }
func (ConfirmPage) Title(ctx context.Context) string  { return text.T(ctx, "confirm.title") }
func (p PaymentPage) Title(ctx context.Context) string {
	return text.T(ctx, "payment.title", "Amount", p.Amount, "State", text.T(ctx, "state.payment."+string(p.State)))
}
func (PaymentsPage) Title(ctx context.Context) string   { return text.T(ctx, "payments.title") }
func (LedgerPage) Title(ctx context.Context) string     { return text.T(ctx, "ledger.title") }
func (CampaignsPage) Title(ctx context.Context) string  { return text.T(ctx, "campaigns.title") }
func (p CampaignPage) Title(ctx context.Context) string { return p.Name }
func (ReportPage) Title(ctx context.Context) string     { return text.T(ctx, "report.title") }
func (RestartPage) Title(ctx context.Context) string    { return text.T(ctx, "restart.title") }
func (p DocsPage) Title(ctx context.Context) string     { return p.Name.In(ctx) }
func (p ErrorPage) Title(ctx context.Context) string    { return text.T(ctx, p.key("title")) }
