package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ztc-portal/models"
)

// figures reads the portal's own figures when they are asked for.
type figures struct {
	store *models.Store
	log   *slog.Logger
}

var (
	paymentsDesc = prometheus.NewDesc("portal_payments", "Payments by state.", []string{"state"}, nil)
	accountsDesc = prometheus.NewDesc("portal_accounts", "Accounts by the state of their money.", []string{"state"}, nil)
	arrearsDesc  = prometheus.NewDesc("portal_arrears_fen", "Money owed by all accounts, in fen.", nil, nil)
	suspenseDesc = prometheus.NewDesc("portal_suspense_fen", "Money in suspense, in fen.", nil, nil)
	parkedDesc   = prometheus.NewDesc("portal_webhooks_parked", "Webhook messages given up until staff send them again.", nil, nil)
	figureDesc   = prometheus.NewDesc("portal_figure", "Figures that staff watch, in the unit of their name; one of which too little is known is left out.", []string{"name"}, nil)
	alertDesc    = prometheus.NewDesc("portal_staff_alert", "Whether a figure is out of its band: 0 no, 1 warning, 2 alarm.", []string{"name"}, nil)
	failingDesc  = prometheus.NewDesc("portal_rail_failing", "Whether a rail's gateway does not answer: 0 no, 1 yes.", []string{"rail"}, nil)
	railOffDesc  = prometheus.NewDesc("portal_rail_off", "Whether staff switched a rail off: 0 no, 1 yes.", []string{"rail"}, nil)
	judgedDesc   = prometheus.NewDesc("portal_staff_alerts_judged_timestamp_seconds", "When the figures were last held against their bands.", nil, nil)
	pendingDesc  = prometheus.NewDesc("portal_webhooks_pending", "Webhook messages on their way.", nil, nil)
)

func (f figures) Describe(ch chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{paymentsDesc, accountsDesc, arrearsDesc, suspenseDesc, parkedDesc, pendingDesc, figureDesc, alertDesc, judgedDesc, failingDesc, railOffDesc} {
		ch <- desc
	}
}

func (f figures) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	read, err := f.store.Figures(ctx)
	if err != nil {
		f.log.Error("figures not read", "error", err)
		return
	}
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	for state, n := range read.Payments {
		gauge(paymentsDesc, float64(n), string(state))
	}
	for state, n := range read.Accounts {
		gauge(accountsDesc, float64(n), string(state))
	}
	gauge(arrearsDesc, float64(read.Arrears))
	gauge(suspenseDesc, float64(read.Suspense))
	gauge(parkedDesc, float64(read.Webhooks.Parked))
	gauge(pendingDesc, float64(read.Webhooks.Pending))
	for _, f := range read.Watched {
		if f.Known {
			gauge(figureDesc, float64(f.Value), string(f.Figure))
		}
		gauge(alertDesc, float64(alertLevels[read.Alerts[f.Figure]]), string(f.Figure))
	}
	for _, m := range read.Methods {
		gauge(failingDesc, oneIf(m.FailingSince != nil), string(m.Rail))
		gauge(railOffDesc, oneIf(m.Off), string(m.Rail))
	}
	if !read.JudgedAt.IsZero() {
		gauge(judgedDesc, float64(read.JudgedAt.Unix()))
	}
}

// oneIf is a yes or no as a gauge has it.
func oneIf(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// alertLevels are the levels of an open alert as a gauge has them.
var alertLevels = map[models.Level]int{models.LevelWarn: 1, models.LevelAlarm: 2}

// metricsHandler serves the figures of the portal and of its process.
func metricsHandler(store *models.Store, log *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(figures{store, log}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
}
