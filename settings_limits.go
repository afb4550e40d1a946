package main

import (
	"cmp"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

// wechatUsualMax is the most of one payment that acquirers publish (Worldpay, and
// PPRO for a payer's balance), ¥50,000.00. WeChat Pay itself names no figure that
// holds for every merchant and card.
const wechatUsualMax = 50_000 * models.Yuan

// limits are the least and the most of one payment on a rail; personal is the
// most from a person's account, 0 where that is the same.
type limits struct{ least, most, personal models.Fen }

// limitsOf gives the limits of a rail: its own settings, else what stands in for them.
func (s Settings) limitsOf(rail models.Rail) limits {
	switch rail {
	case models.RailWechat:
		return limits{cmp.Or(s.WechatMinFen, s.MinRechargeFen), cmp.Or(s.WechatMaxFen, min(wechatUsualMax, s.MaxRechargeFen)), 0}
	case models.RailUnionpay:
		person := cmp.Or(s.UnionpayMaxFen, s.MaxRechargeFen)
		company := cmp.Or(s.UnionpayCorporateMaxFen, min(10*person, railMax))
		if company == person {
			person = 0
		}
		return limits{cmp.Or(s.UnionpayMinFen, s.MinRechargeFen), company, person}
	case models.RailBankTransfer:
		return limits{cmp.Or(s.BankMinFen, s.MinRechargeFen), cmp.Or(s.BankMaxFen, railMax), 0}
	}
	return limits{cmp.Or(s.AlipayMinFen, s.MinRechargeFen), cmp.Or(s.AlipayMaxFen, s.MaxRechargeFen), 0}
}

// methods are the ways to recharge of the rails that are configured, each with
// its limits, and with the account that its payers send money to.
func (s Settings) methods(by map[models.Rail]gateways.Gateway) []models.Method {
	methods := make([]models.Method, 0, len(by))
	for rail, gateway := range by {
		its := s.limitsOf(rail)
		m := models.NewMethod(rail, its.least, its.most)
		m.PersonalMax = its.personal
		if remittee, ok := gateway.(gateways.Remittee); ok {
			m.Account = remittee.BankAccount()
		}
		methods = append(methods, m)
	}
	return methods
}

// checkLimits: no method may be left that takes no amount at all. Each fault
// names the setting of the greatest amount.
func (s Settings) checkLimits(f *faults) {
	for _, one := range []struct {
		rail        models.Rail
		least, most string
		given       models.Fen
	}{
		{models.RailAlipay, "PORTAL_ALIPAY_MIN_FEN", "PORTAL_ALIPAY_MAX_FEN", s.AlipayMinFen},
		{models.RailWechat, "PORTAL_WECHAT_MIN_FEN", "PORTAL_WECHAT_MAX_FEN", s.WechatMinFen},
		{models.RailUnionpay, "PORTAL_UNIONPAY_MIN_FEN", "PORTAL_UNIONPAY_MAX_FEN", s.UnionpayMinFen},
		{models.RailBankTransfer, "PORTAL_BANK_MIN_FEN", "PORTAL_BANK_MAX_FEN", s.BankMinFen},
	} {
		if one.given < 0 {
			f.add(one.least, "must be more than 0")
		}
		its := s.limitsOf(one.rail)
		if smallest := cmp.Or(its.personal, its.most); smallest < its.least || smallest > railMax {
			f.add(one.most, "must be between %s (%d) and %d", one.least, its.least, railMax)
		}
		if its.personal > its.most || its.most > railMax {
			f.add("PORTAL_UNIONPAY_CORPORATE_MAX_FEN", "must be between PORTAL_UNIONPAY_MAX_FEN (%d) and %d", its.personal, railMax)
		}
	}
}
