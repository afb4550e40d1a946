// Package modelstest gives tests a fresh store on SQLite and on PostgreSQL, a
// clock that they move, and builders that act through the API alone.
package modelstest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ztc-portal/models"
)

// Engines are the databases that every test runs on.
var Engines = []models.Engine{models.SQLite, models.Postgres}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// NewClock starts at an instant in the afternoon of a Shanghai weekday.
func NewClock() *Clock { return &Clock{at: time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)} }

// Now reads the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

// Add moves the clock.
func (c *Clock) Add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// Set puts the clock to an instant.
func (c *Clock) Set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

// Queue keeps the tasks that commands store. Tasks of a transaction that was
// rolled back are not told apart: a test that cares runs the real queue.
type Queue struct {
	mu    sync.Mutex
	tasks []models.Task
	Fail  error // when set, storing tasks fails with it, and so does counting them

	Figures models.QueueFigures // how the queue is said to stand
}

// QueueFigures gives what the test has set.
func (q *Queue) QueueFigures(context.Context) (models.QueueFigures, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.Figures, q.Fail
}

// Enqueue keeps the tasks.
func (q *Queue) Enqueue(_ context.Context, _ *sql.Tx, tasks []models.Task) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.Fail != nil {
		return q.Fail
	}
	q.tasks = append(q.tasks, tasks...)
	return nil
}

// Tasks are all tasks kept so far.
func (q *Queue) Tasks() []models.Task {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]models.Task(nil), q.tasks...)
}

// Bench is a fresh store with its clock and queue.
type Bench struct {
	*models.Store
	Clock *Clock
	Queue *Queue
	again func() (*models.Store, error)
}

// Again opens the same database once more, as another process would.
func (b *Bench) Again(t testing.TB) *models.Store {
	t.Helper()
	store, err := b.again()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	store.SetQueue(b.Queue)
	return store
}

// Each runs a test on every engine, each with a fresh store.
func Each(t *testing.T, test func(*testing.T, *Bench)) {
	t.Helper()
	for _, engine := range Engines {
		t.Run(string(engine), func(t *testing.T) { test(t, Open(t, engine)) })
	}
}

// Open makes a fresh, migrated store on the engine, on a clock that the test
// moves; the test's end drops it.
func Open(t testing.TB, engine models.Engine) *Bench {
	t.Helper()
	return OpenWith(t, engine, func(*models.Rules) {})
}

// OpenWith is Open under other rules.
func OpenWith(t testing.TB, engine models.Engine, change func(*models.Rules)) *Bench {
	t.Helper()
	clock := NewClock()
	b := open(t, engine, clock.Now, change)
	b.Clock = clock
	return b
}

// Offer lets sellers recharge by these rails, all of which work.
func (b *Bench) Offer(rails ...models.Rail) {
	methods := make([]models.Method, len(rails))
	for i, rail := range rails {
		methods[i] = models.NewMethod(rail, b.Rules().MinRecharge, b.Rules().MaxRecharge)
	}
	b.SetMethods(nil, methods...)
}

// OpenAt is Open on a clock of the test's own; Bench.Clock then only dates
// receipts and charges, and starts at that clock's time.
func OpenAt(t testing.TB, engine models.Engine, now func() time.Time) *Bench {
	t.Helper()
	return open(t, engine, now, func(*models.Rules) {})
}

func open(t testing.TB, engine models.Engine, now func() time.Time, change func(*models.Rules)) *Bench {
	t.Helper()
	b := &Bench{Clock: &Clock{at: now().UTC()}, Queue: &Queue{}}
	url := URL(t, engine)
	rules := models.DefaultRules()
	rules.Demo = true
	change(&rules)
	b.again = func() (*models.Store, error) {
		return models.Open(url, models.Options{Now: now, Rules: rules, Secret: []byte(Secret), PublicURL: PublicURL, PasswordMemory: PasswordMemory})
	}
	store, err := b.again()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	store.SetQueue(b.Queue)
	b.Store = store
	return b
}

// URL makes a fresh, migrated database and gives its address.
func URL(t testing.TB, engine models.Engine) string {
	t.Helper()
	if engine == models.Postgres {
		return postgresFromTemplate(t, migrate)
	}
	content, err := migratedFile()
	file := filepath.Join(t.TempDir(), "portal.db")
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + file
}

// migratedFile is a migrated SQLite database, made once for all tests of a binary.
var migratedFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "migrated")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "portal.db")
	if err := migrate("sqlite:" + file); err != nil {
		return nil, err
	}
	return os.ReadFile(file) // the last to close it has copied the log back
})

// EmptyURL makes a database without any table and gives its address.
func EmptyURL(t testing.TB, engine models.Engine) string {
	t.Helper()
	if engine == models.Postgres {
		return postgresURL(t)
	}
	return "sqlite:" + filepath.Join(t.TempDir(), "portal.db")
}

func migrate(url string) error {
	store, err := models.Open(url, models.Options{})
	if err != nil {
		return err
	}
	defer store.Close()
	return store.Migrate(context.Background())
}

// Secret seals second factors, and PublicURL is what passkeys are bound to, in
// the stores of tests.
const (
	Secret    = "a secret of tests, 32 bytes or more"
	PublicURL = "https://portal.test"
)

// PasswordMemory, in KiB, is all that the passwords of tests are worth.
const PasswordMemory = 64

// Payee is the merchant account that builders confirm payments to.
const Payee = "2088000000000001"

// Seller makes a seller with an account, and some campaigns that are on.
func (b *Bench) Seller(t testing.TB, budgets ...models.Fen) (accountID int64, campaignIDs []int64) {
	t.Helper()
	email := fmt.Sprintf("seller-%d@shop.test", time.Now().UnixNano())
	accountID, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{
		Email: email, Password: "long enough", Role: models.RoleSeller, ShopName: "Test shop",
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, budget := range budgets {
		id, err := b.CreateCampaign(t.Context(), models.Actor{}, accountID, models.NewCampaign{
			Name: fmt.Sprintf("Campaign %d", i+1), Budget: budget, SwitchedOn: true,
			Keywords: []models.NewKeyword{{Phrase: "tea", Bid: 120, Quality: 7}},
		})
		if err != nil {
			t.Fatal(err)
		}
		campaignIDs = append(campaignIDs, id)
	}
	return accountID, campaignIDs
}

// Office makes two members of staff: one who asks, one who decides.
func (b *Bench) Office(t testing.TB) (asks, decides models.Actor) {
	t.Helper()
	for _, email := range []string{"asks@freeze.test", "decides@freeze.test"} {
		if _, err := b.CreateUser(t.Context(), models.Actor{}, models.NewUser{Email: email, Password: "long enough", Role: models.RoleFinance}); err != nil {
			t.Fatal(err)
		}
	}
	members, _, err := b.StaffDesk(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range members {
		switch m.Email {
		case "asks@freeze.test":
			asks.UserID = m.ID
		case "decides@freeze.test":
			decides.UserID = m.ID
		}
	}
	return asks, decides
}

// Frozen has one member of staff ask for a freeze and another approve it.
func (b *Bench) Frozen(t testing.TB, asks, decides models.Actor, accountID int64, reason string) {
	t.Helper()
	asked, err := b.AskApproval(t.Context(), asks, models.ApprovalInput{Kind: models.ApprovalFreeze, AccountID: accountID, Reason: reason})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := b.Approve(t.Context(), decides, asked.ID, ""); err != nil || done.State != models.ApprovalApproved {
		t.Fatal(done, err)
	}
}

// Pending makes a payment that waits to be paid; amount is in yuan, as typed.
func (b *Bench) Pending(t testing.TB, accountID int64, amount string) models.Payment {
	t.Helper()
	draft, err := b.DraftRecharge(t.Context(), accountID, models.RechargeInput{Amount: amount, Method: "alipay"})
	if err != nil {
		t.Fatal(err)
	}
	p, err := b.ConfirmPayment(t.Context(), accountID, draft.No, Payee)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Receipt is what the gateway would say of the payment, paid now.
func (b *Bench) Receipt(p models.Payment) models.Receipt {
	return models.Receipt{
		Rail: p.Rail, OutTradeNo: p.No, GatewayTradeNo: "2026112422001" + p.No[7:], State: models.TradePaid,
		AmountFen: p.AmountFen, Currency: "CNY", Payee: Payee, PaidAt: b.Clock.Now(),
	}
}

// Charge books one click.
func (b *Bench) Charge(t testing.TB, chargeID string, campaignID int64, amount models.Fen) {
	t.Helper()
	got, err := b.PostCharges(t.Context(), []models.Charge{
		{ChargeID: chargeID, CampaignID: campaignID, AmountFen: amount, ChargedAt: b.Clock.Now()},
	})
	if err != nil || got.Accepted != 1 {
		t.Fatalf("charge %s: %+v, %v", chargeID, got, err)
	}
}

// Sound fails the test unless the books and the audit log hold.
func (b *Bench) Sound(t testing.TB) {
	t.Helper()
	faults, err := b.VerifyLedger(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range faults {
		t.Error("the ledger does not hold: ", fault)
	}
	check, err := b.VerifyAudit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if check.Fault != nil {
		t.Error("the audit log does not hold: ", check.Fault)
	}
}

// Edited fails the test unless a seller's edit was taken.
func Edited(t testing.TB) func(models.Edit, error) {
	t.Helper()
	return func(_ models.Edit, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}
