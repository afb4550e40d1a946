package models_test

import (
	"testing"

	"ztc-portal/models"
)

func TestTheFormulasOfTheField(t *testing.T) {
	t.Parallel()
	m := models.Measures{Impressions: 2000, Clicks: 51, ResultClicks: 50, CostFen: 10_050, Orders: 4, OrderAmountFen: 39_998}
	if got, ok := m.CTR(); !ok || got != 0.025 {
		t.Errorf("CTR %v", got)
	}
	if got, ok := m.PPC(); !ok || got != 197 { // 197.06
		t.Errorf("PPC %v", got)
	}
	if got, ok := m.CVR(); !ok || got != 0.08 {
		t.Errorf("CVR %v", got)
	}
	if got, ok := m.ROI(); !ok || got < 3.9798 || got > 3.9800 {
		t.Errorf("ROI %v", got)
	}
	if sum := m.Plus(m); sum.Clicks != 102 || sum.CostFen != 20_100 || sum.OrderAmountFen != 79_996 || sum.Impressions != 4000 {
		t.Errorf("twice: %+v", sum)
	}
}

func TestNothingIsDividedByNothing(t *testing.T) {
	t.Parallel()
	var m models.Measures
	_, ctr := m.CTR()
	_, ppc := m.PPC()
	_, cvr := m.CVR()
	_, roi := m.ROI()
	if ctr || ppc || cvr || roi {
		t.Errorf("of nothing there is %v %v %v %v", ctr, ppc, cvr, roi)
	}
}
