package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/alipay"
	"ztc-portal/gateways/sandbox"
	"ztc-portal/handlers"
	"ztc-portal/handlers/admin"
	"ztc-portal/jobs"
	"ztc-portal/models"
)

// stopWithin is how long running requests and jobs may take to finish.
const stopWithin = 20 * time.Second

// openStore opens the database under the rules that the settings say, on the
// machine's clock where now is nil.
func openStore(s Settings, log *slog.Logger, now func() time.Time) (*models.Store, error) {
	rules := models.DefaultRules()
	rules.PaymentTTL, rules.ArrearsGrace = s.PaymentTTL, s.ArrearsGrace
	rules.TransferTTL = s.BankTransferTTL
	rules.MinRecharge, rules.MaxRecharge, rules.Demo = s.MinRechargeFen, s.MaxRechargeFen, s.Demo()
	rules.MinBudget, rules.MinBid, rules.SoftCap, rules.SoftStop = s.MinBudgetFen, s.MinBidFen, s.SoftCap, s.SoftStop
	rules.Webhooks, rules.Mail = s.WebhookURL != "", s.sendsMail()
	rules.Calendar, rules.AlertsAnywhere = s.calendar(), s.Demo()
	rules.StaffSession, rules.StaffIdle = s.StaffSession, s.StaffIdle
	secret, err := s.SecretKey()
	if err != nil {
		return nil, err
	}
	store, err := models.Open(s.DatabaseURL, models.Options{
		Rules: rules, Log: log, Now: now, Wall: time.Now, Secret: secret, PublicURL: s.PublicURL,
	})
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return store, nil
}

// migrateAll brings the portal's tables and the job queue's up to date.
func migrateAll(ctx context.Context, store *models.Store) error {
	if err := store.Migrate(ctx); err != nil {
		return fmt.Errorf("migrate the portal's tables: %w", err)
	}
	if err := jobs.Migrate(ctx, store); err != nil {
		return fmt.Errorf("migrate the job queue's tables: %w", err)
	}
	return nil
}

// serve runs the portal until the context ends, and then lets what runs finish.
func serve(ctx context.Context, s Settings, _ []string) error {
	debug.SetGCPercent(150) // little is kept between requests: a heap of twice that and a half is small too
	log := newLog(s)
	clock := newClock(1, time.Time{})
	store, err := openStore(s, log, func() time.Time { return clock.Now() })
	if err != nil {
		return err
	}
	defer store.Close()
	if err := prepareDatabase(ctx, s, store); err != nil {
		return err
	}
	if s.Demo() { // the only mode in which the clock may run, or have run, ahead
		newest, err := store.NewestInstant(ctx)
		if err != nil {
			return err
		}
		clock = newClock(s.ClockSpeed, newest)
	}
	var boxes *sandboxes
	if !s.sendsMail() {
		log.Warn("no mail goes out: nobody can be invited, reset a password or be alerted by mail", "set", "PORTAL_SMTP_URL")
	}
	if s.Sandbox() {
		if boxes, s, err = openSandboxes(s, log, clock.Now); err != nil {
			return err
		}
	}
	rails, err := openRails(s, store, log)
	if err != nil {
		return err
	}
	runner, queue, err := openQueue(ctx, s, store, rails, log, clock.Real)
	if err != nil {
		return err
	}
	if err := seedEmptyDemo(ctx, s, store); err != nil {
		return err
	}
	if err := store.ResumeServing(ctx); err != nil {
		return err
	}
	secret, err := s.SecretKey()
	if err != nil {
		return err
	}
	stopping := make(chan struct{})
	portal := handlers.New(handlers.Config{
		Store: store, Rails: rails, Log: log, Secret: secret, Secure: !s.Demo(), Demo: s.Demo(), Proxies: s.TrustedProxy,
		Cashiers: s.cashiers(), Ready: ready(store), Metrics: metricsHandler(store, log), Queue: queue,
		Mailbox: boxes.mailbox(s), APIRate: s.APIRate, Stopping: stopping, Simulated: s.Simulated(), Speed: s.ClockSpeed,
	})
	servers := []*http.Server{server(s.Addr, portal)}
	servers[0].RegisterOnShutdown(func() { close(stopping) })
	if boxes != nil {
		servers = append(servers, server(s.SandboxAddr, boxes.mux))
	}
	if s.Simulated() {
		stop, err := simulateDemo(ctx, s, store, log)
		if err != nil {
			return fmt.Errorf("start the simulated ad engine: %w", err)
		}
		defer stop()
	}
	return runAll(ctx, log, servers, runner, boxes)
}

// openQueue prepares the job queue and its own page for staff.
func openQueue(ctx context.Context, s Settings, store *models.Store, rails *gateways.Rails, log *slog.Logger, real func(time.Time) time.Time) (*jobs.Runner, http.Handler, error) {
	runner, err := jobs.New(store, rails, log.With("from", "jobs"), jobs.Options{
		Webhook: jobs.Webhook{URL: s.WebhookURL, Secrets: s.WebhookSecret}, Mail: s.mail(), Alerts: s.alerts(), Real: real,
	})
	if err != nil {
		return nil, nil, err
	}
	page, err := runner.QueuePage(ctx, admin.QueuePath, log.With("from", "queue page"))
	return runner, page, err
}

// simulatorKey is the name of the key that the demo's ad engine speaks by.
const simulatorKey = "demo simulator"

// simulateDemo runs the simulated ad engine beside the portal, as a client of
// its API that knows nothing else of it. stop waits until it has ended.
func simulateDemo(ctx context.Context, s Settings, store *models.Store, log *slog.Logger) (stop func(), err error) {
	key, err := store.CreateAPIKey(ctx, simulatorKey, nil)
	if err != nil {
		return nil, err
	}
	its, err := store.APIKeyOf(ctx, key)
	if err != nil {
		return nil, err
	}
	engine, err := newSimulator(simulatorConfig{
		URL: localURL(s.Addr), Key: key, Rate: s.simulatorRate(), Speed: float64(s.ClockSpeed), Log: log.With("from", "simulator"),
	})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := engine.run(running); err != nil {
			log.Warn("the simulated ad engine stopped", "error", err)
		}
	}()
	return func() {
		cancel()
		<-ended
		if err := store.RevokeAPIKey(context.WithoutCancel(ctx), its.ID); err != nil {
			log.Warn("the simulated ad engine's key is not revoked", "error", err)
		}
	}, nil
}

// prepareDatabase migrates in demo mode; in production an old schema is refused.
func prepareDatabase(ctx context.Context, s Settings, store *models.Store) error {
	if s.Demo() {
		return migrateAll(ctx, store)
	}
	current, err := store.SchemaIsCurrent(ctx)
	if err == nil && !current {
		err = errors.New("the schema is older than this program: run `ztc-portal migrate` first")
	}
	return err
}

// ready says whether the portal can serve.
func ready(store *models.Store) func(context.Context) error {
	return func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
		defer cancel()
		if err := store.Ping(ctx); err != nil {
			return err
		}
		current, err := store.SchemaIsCurrent(ctx)
		if err == nil && !current {
			err = errors.New("the schema is old")
		}
		return err
	}
}

// withSandbox points the Alipay rail at the sandbox: other address, other keys,
// the same code.
func (s Settings) withSandbox(m sandbox.Merchant) Settings {
	s.AlipayGateway = localURL(s.SandboxAddr) + "/gateway.do"
	s.AlipayPageURL = s.AlipayGateway
	s.AlipayAppID, s.AlipaySellerID = m.AppID, m.SellerID
	s.AlipayPrivateKeyFile, s.AlipayPublicKeyFile = m.AppPrivateKeyFile, m.PlatformPublicKeyFile
	return s
}

// openRails are the rails of a process, whose keys are read now.
func openRails(s Settings, store *models.Store, log *slog.Logger) (*gateways.Rails, error) {
	rail, err := alipayRail(s)
	if err != nil {
		return nil, err
	}
	by := map[models.Rail]gateways.Gateway{models.RailAlipay: rail}
	if s.bankGiven() > 0 {
		if by[models.RailBankTransfer], err = s.bankRail(); err != nil {
			return nil, err
		}
	}
	if s.unionpayGiven() > 0 {
		if by[models.RailUnionpay], err = unionpayRail(s, store.Now); err != nil {
			return nil, err
		}
	}
	if s.wechatGiven() > 0 {
		if by[models.RailWechat], err = wechatRail(s); err != nil {
			return nil, err
		}
	}
	rails := &gateways.Rails{Store: store, By: by, PublicURL: s.PublicURL, Log: log}
	store.SetMethods(rails, s.methods(by)...)
	return rails, nil
}

func alipayRail(s Settings) (*alipay.Rail, error) {
	private, err := os.ReadFile(s.AlipayPrivateKeyFile)
	if err != nil {
		return nil, fmt.Errorf("PORTAL_ALIPAY_PRIVATE_KEY_FILE: %w", err)
	}
	public, err := os.ReadFile(s.AlipayPublicKeyFile)
	if err != nil {
		return nil, fmt.Errorf("PORTAL_ALIPAY_PUBLIC_KEY_FILE: %w", err)
	}
	return alipay.New(alipay.Config{
		GatewayURL: s.AlipayGateway, PageURL: s.AlipayPageURL, AppID: s.AlipayAppID, SellerID: s.AlipaySellerID,
		PrivateKeyPEM: string(private), PublicKeyPEM: string(public),
	})
}

// server has a bound on everything a client may take its time with.
func server(addr string, handler http.Handler) *http.Server {
	return &http.Server{
		Addr: addr, Handler: handler, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 60 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
	}
}

// runAll listens and works tasks off until the context ends or a server fails.
func runAll(ctx context.Context, log *slog.Logger, servers []*http.Server, runner *jobs.Runner, boxes *sandboxes) error {
	failed := make(chan error, len(servers))
	for _, srv := range servers {
		listener, err := net.Listen("tcp", srv.Addr)
		if err != nil {
			return err
		}
		log.Info("listening", "address", listener.Addr().String())
		go func() {
			if err := srv.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		}()
	}
	if err := runner.Start(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	log.Info("stopping")
	return errors.Join(cause, stopAll(context.WithoutCancel(ctx), servers, runner, boxes))
}

// stopAll lets running requests and jobs finish side by side, in the time that
// they have, and then closes the sandboxes, which both may need.
func stopAll(ctx context.Context, servers []*http.Server, runner *jobs.Runner, boxes *sandboxes) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	jobsStopped := make(chan error, 1)
	go func() { jobsStopped <- runner.Stop(ctx) }()
	errs := []error{servers[0].Shutdown(ctx), <-jobsStopped}
	for _, srv := range servers[1:] {
		errs = append(errs, srv.Shutdown(ctx))
	}
	return errors.Join(append(errs, boxes.Close(ctx))...)
}
