package models

import (
	"context"
	"time"
)

// Figures count the whole portal, for those who watch over it.
type Figures struct {
	Payments map[PaymentState]int64
	Accounts map[AccountState]int64 // by funding state
	Arrears  Fen
	Suspense Fen
	Webhooks WebhookCounts
	Watched  []Watched
	Alerts   map[Figure]Level // that stand
	Methods  []MethodState    // configured
	JudgedAt time.Time        // when the alerts were last brought up to date; zero: never
}

// Figures reads the counts as they stand now.
func (s *Store) Figures(ctx context.Context) (Figures, error) {
	f := Figures{Payments: map[PaymentState]int64{}, Accounts: map[AccountState]int64{}}
	db := s.read.WithContext(ctx)
	var counts []struct {
		State string
		N     int64
	}
	if err := db.Model(&Payment{}).Select("state, COUNT(*) AS n").Group("state").Scan(&counts).Error; err != nil {
		return f, err
	}
	for _, c := range counts {
		f.Payments[PaymentState(c.State)] = c.N
	}
	counts = nil
	if err := db.Model(&Account{}).Select("funding_state AS state, COUNT(*) AS n").Group("funding_state").Scan(&counts).Error; err != nil {
		return f, err
	}
	for _, c := range counts {
		f.Accounts[AccountState(c.State)] = c.N
	}
	err := db.Raw(`SELECT COALESCE(-SUM(l.balance_fen), 0) FROM accounts a JOIN ledger_accounts l ON l.id = a.cash_account_id
		WHERE a.arrears_since IS NOT NULL`).Scan(&f.Arrears).Error
	if err != nil {
		return f, err
	}
	if err := db.Raw("SELECT balance_fen FROM ledger_accounts WHERE name = 'suspense'").Scan(&f.Suspense).Error; err != nil {
		return f, err
	}
	if f.Webhooks, err = webhookCounts(db); err != nil {
		return f, err
	}
	if f.Watched, err = s.WatchedFigures(ctx); err != nil {
		return f, err
	}
	if f.Methods, err = s.methodStates(db); err != nil {
		return f, err
	}
	open, err := openAlerts(db)
	if err != nil {
		return f, err
	}
	f.Alerts = map[Figure]Level{}
	for _, alert := range open {
		f.Alerts[alert.Figure] = alert.Level
	}
	f.JudgedAt, err = lastJudged(db)
	return f, err
}
