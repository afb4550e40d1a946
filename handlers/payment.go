package handlers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/gateways"
	"ztc-portal/handlers/web"
	"ztc-portal/models"
	"ztc-portal/views"
	"ztc-portal/views/layout"
)

func (p *portal) showPayment(c echo.Context) error {
	desk, err := p.Store.PaymentDesk(c.Request().Context(), web.Seller(c).AccountID, c.Param("no"))
	if err != nil {
		return err
	}
	page := paymentPage(desk)
	if p.Demo && strings.HasPrefix(desk.Payment.QRContent, "http") { // the sandbox's codes are addresses; no phone reaches them
		page.CodeLink = desk.Payment.QRContent
	}
	page.ScanOnly = page.HasQR && page.Rail == models.RailWechat && payer(c).Device() == models.DeviceDesk
	page.InWechat = page.Rail == models.RailWechat && payer(c).InWechat
	if opened := desk.Payment.OpenedFor; opened != payer(c).Device() {
		page.OpenedFor = opened
	}
	page.CSRF, page.Shop = p.Token(c), web.Seller(c).ShopName
	page.Transfer = p.transferFacts(desk.Payment)
	return p.Render(c, http.StatusOK, page, views.Payment(page))
}

func paymentPage(d models.PaymentDesk) views.PaymentPage {
	payment, desk := d.Payment, d.Recharge
	page := views.PaymentPage{
		Now: desk.Now, No: payment.No, State: payment.State, Amount: payment.AmountFen, Refunded: payment.RefundedFen, Rail: payment.Rail,
		GatewayTradeNo: web.Instant(payment.GatewayTradeNo),
		CreatedAt:      payment.CreatedAt, ExpiresAt: web.Instant(payment.ExpiresAt),
		PaidAt: web.Instant(payment.PaidAt), SettledAt: web.Instant(payment.SettledAt),
		HasQR: payment.QRContent != "", Checking: payment.CheckingSince != nil, Findings: d.Findings,
		Poll:     payment.State == models.PaymentPending,
		PaidLate: payment.PaidLate, AccountState: desk.Account.State(), Recovery: d.Steps,
		Resumes: d.Resumes, ResumedBy: d.ResumedBy, Other: otherWays(desk.Methods, payment),
	}
	if i := slices.IndexFunc(d.Findings, models.Finding.IsClear); i >= 0 { // the newest stands first
		page.AskedAt = d.Findings[i].AskedAt
	}
	page.ArrearsLeft, page.Suggested = desk.Funds.Arrears(), desk.Suggestions[0].Amount
	switch payment.State {
	case models.PaymentExpired:
		page.ClosedAt = web.Instant(payment.ExpiredAt)
	case models.PaymentCancelled:
		page.ClosedAt = web.Instant(payment.CancelledAt)
	}
	if d.Suspense != nil {
		page.Suspense = d.Suspense.AmountFen
	}
	if payment.CashBeforeFen != nil {
		after := models.Funds{Cash: *payment.CashBeforeFen + payment.AmountFen}
		before := models.Funds{Cash: *payment.CashBeforeFen}
		page.CashAfter = after.Cash
		page.ArrearsCleared = before.Arrears() - after.Arrears()
	}
	for _, campaign := range desk.Campaigns {
		if campaign.Delivery == models.DeliveryPausedArrears {
			page.CampaignsStopped++
		}
	}
	return page
}

// paymentQR draws the code that the gateway gave for a pending payment.
func (p *portal) paymentQR(c echo.Context) error {
	payment, err := p.Store.OwnPayment(c.Request().Context(), web.Seller(c).AccountID, c.Param("no"))
	if err != nil {
		return err
	}
	if payment.State != models.PaymentPending || payment.QRContent == "" {
		return &models.Error{Code: models.NotFound, Key: "error.not_found"}
	}
	return web.QR(c, payment.QRContent)
}

// checkPayment is "I have paid": the gateway is asked at once, and the page
// says what was found. That it can't be asked is a finding too.
func (p *portal) checkPayment(c echo.Context) error {
	payment, err := p.Store.OwnPayment(c.Request().Context(), web.Seller(c).AccountID, c.Param("no"))
	if err != nil {
		return err
	}
	if err := p.rails.AskSoon(c.Request().Context(), payment.No, gateways.BySeller); err != nil && models.CodeOf(err) != models.Unavailable {
		return err
	}
	if web.Part(c) {
		return p.showPayment(c)
	}
	return web.SeeOther(c, "/payments/"+payment.No)
}

func (p *portal) cancelPayment(c echo.Context) error {
	payment, err := p.rails.Cancel(c.Request().Context(), web.Seller(c).AccountID, c.Param("no"))
	if err != nil {
		return err
	}
	if payment.State == models.PaymentCancelled {
		p.Flash(c, layout.Flash{Key: "flash.payment_cancelled"})
	}
	return web.SeeOther(c, "/payments/"+payment.No)
}

// resumePayment puts a new payment in the place of one that ended unpaid (M8).
func (p *portal) resumePayment(c echo.Context) error {
	payment, err := p.rails.Resume(c.Request().Context(), web.Seller(c).AccountID, c.Param("no"), subject, payer(c))
	if _, refused := web.Refused(err); refused {
		return web.SeeOther(c, rechargeForm(payment, payment.Rail))
	}
	if err != nil {
		return err
	}
	return web.SeeOther(c, "/payments/"+payment.No)
}
