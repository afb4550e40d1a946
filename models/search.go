package models

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gorm.io/gorm"
)

const (
	// SearchShown is how many of a kind a search shows.
	SearchShown  = 20
	maxSearched  = 100 // characters
	maxWords     = 8
	searchRead   = SearchShown + 1 // one more tells that there are more
	minBeginning = 4               // characters of a number that its beginning is searched by
	numberEnd    = 6               // characters of a number that its end is searched by
)

// FoundAccount is an account that a search found.
type FoundAccount struct {
	AccountID int64
	ShopName  string
	Email     string // of its first user
	State     AccountState
	Cash      Fen
	Bonus     Fen
	Since     *time.Time // of the arrears
	CreatedAt time.Time
}

// FoundPayment is a payment that a search found.
type FoundPayment struct {
	No             string
	AccountID      int64
	ShopName       string
	State          PaymentState
	Rail           Rail
	AmountFen      Fen
	GatewayTradeNo string
	CreatedAt      time.Time
}

// FoundCampaign is a campaign that a search found.
type FoundCampaign struct {
	ID           int64
	AccountID    int64
	ShopName     string
	Name         string
	Delivery     DeliveryState
	SharePercent int
}

// Found is what a search found, at most SearchShown of each kind; where More
// says so, there are more.
type Found struct {
	Query         string // as it was understood
	Accounts      []FoundAccount
	Payments      []FoundPayment
	Campaigns     []FoundCampaign
	Held          []Held // in suspense, and of no payment of ours
	MoreAccounts  bool
	MorePayments  bool
	MoreCampaigns bool

	// The one thing that the words name exactly, if they do: an account by its
	// id or e-mail, or a payment by one of its numbers.
	AccountID int64
	PaymentNo string
}

// Search finds accounts by id, shop name and e-mail, payments by number, trade
// number and amount, and campaigns by name; and money in suspense of which no
// payment is known, by its trade number or, while it stands there, its amount. Names and e-mails may be given in
// part, several words in any order; numbers by their beginning or their end.
// Invalid on "q" when what is searched is too long.
func (s *Store) Search(ctx context.Context, typed string) (Found, error) {
	f := Found{Query: searched(typed)}
	if len([]rune(f.Query)) > maxSearched {
		return f, FieldErrors{fieldError("q", "error.search.too_long", map[string]any{"Max": maxSearched})}
	}
	if f.Query == "" {
		return f, nil
	}
	err := s.read.WithContext(ctx).Transaction(func(db *gorm.DB) error {
		q := search{db: db, engine: s.engine, text: f.Query, words: strings.Fields(f.Query)}
		q.words = q.words[:min(len(q.words), maxWords)]
		return q.run(&f, s.Now())
	}, &sql.TxOptions{ReadOnly: true})
	return f, err
}

// run searches in one transaction that reads.
func (q search) run(f *Found, now time.Time) error {
	if q.engine == Postgres {
		// A plan for any words at all would be a bad one for frequent words or
		// for rare ones, and compiling a plan takes longer than a search may.
		if err := q.db.Exec("SET LOCAL plan_cache_mode = force_custom_plan").Error; err != nil {
			return err
		}
		if err := q.db.Exec("SET LOCAL jit = off").Error; err != nil {
			return err
		}
	}
	accounts, err := q.accounts(f)
	if err != nil {
		return err
	}
	payments, err := q.payments(f)
	if err != nil {
		return err
	}
	campaigns, err := q.named(campaignNames)
	if err != nil {
		return err
	}
	accounts, f.MoreAccounts = upTo(accounts)
	payments, f.MorePayments = upTo(payments)
	campaigns, f.MoreCampaigns = upTo(campaigns)
	if f.Accounts, err = foundAccounts(q.db, accounts); err != nil {
		return err
	}
	if f.Payments, err = foundPayments(q.db, payments); err != nil {
		return err
	}
	if f.Campaigns, err = foundCampaigns(q.db, campaigns, now); err != nil {
		return err
	}
	return q.held(f)
}

// searched is what was typed without control characters, and with single
// spaces.
func searched(typed string) string {
	typed = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, toValid(typed))
	return strings.Join(strings.Fields(typed), " ")
}

// upTo cuts ids to those that are shown, and tells whether there were more.
func upTo(ids []int64) (shown []int64, more bool) {
	return ids[:min(len(ids), SearchShown)], len(ids) > SearchShown
}

// search is one search under way.
type search struct {
	db     *gorm.DB
	engine Engine
	text   string
	words  []string
}

// accounts gives ids of accounts: the one that is meant exactly before those
// that are named so in part, new ones first.
func (q search) accounts(f *Found) ([]int64, error) {
	exact, err := q.exactAccount()
	if err != nil {
		return nil, err
	}
	f.AccountID = exact
	shops, err := q.named(shopNames)
	if err != nil {
		return nil, err
	}
	mails, err := q.named(emailNames)
	if err != nil {
		return nil, err
	}
	var ids []int64
	err = q.db.Raw(`SELECT id FROM accounts WHERE seller_id IN ? UNION
		SELECT a.id FROM users u JOIN accounts a ON a.seller_id = u.seller_id WHERE u.id IN ?`, shops, mails).Scan(&ids).Error
	slices.SortFunc(ids, func(a, b int64) int {
		if (a == exact) != (b == exact) {
			return cmp.Compare(b2i(b == exact), b2i(a == exact))
		}
		return cmp.Compare(b, a)
	})
	if exact != 0 && !slices.Contains(ids, exact) {
		ids = slices.Insert(ids, 0, exact)
	}
	return ids, err
}

func b2i(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// exactAccount is the account whose id or user's e-mail this is, or 0.
func (q search) exactAccount() (id int64, err error) {
	if number, err := strconv.ParseInt(strings.TrimPrefix(half(q.text), "#"), 10, 64); err == nil {
		err := q.db.Model(&Account{}).Where("id = ?", number).Pluck("id", &id).Error
		return id, err
	}
	err = q.db.Raw("SELECT a.id FROM users u JOIN accounts a ON a.seller_id = u.seller_id WHERE u.email = ?", NormalEmail(q.text)).Scan(&id).Error
	return id, err
}

// half is the text with digits and letters in half width, without spaces.
func half(text string) string {
	return strings.ReplaceAll(strings.Map(toHalfWidth, text), " ", "")
}

// payments gives ids of payments: by amount, by the beginning and by the end of
// a number. A number that is a payment's own makes it the one that is meant; an
// account's id that is also an amount of payments names nothing exactly.
func (q search) payments(f *Found) (ids []int64, err error) {
	if amount, refusal := ParseFen(q.text); refusal == nil {
		if ids, err = q.find(ids, "SELECT id FROM payments WHERE amount_fen = ? ORDER BY id DESC", amount); err != nil {
			return nil, err
		}
		if len(ids) > 0 {
			f.AccountID = 0
		}
	}
	number := half(q.text)
	if len(number) < minBeginning || strings.IndexFunc(number, notOfNumbers) >= 0 {
		return ids, nil
	}
	upper := strings.ToUpper(number)
	if ids, err = q.find(ids, "SELECT id FROM payments WHERE no >= ? AND no <= ? ORDER BY no DESC", upper, upper+beyond); err != nil {
		return nil, err
	}
	for _, rail := range rails { // the index is led by the rail
		ids, err = q.find(ids, "SELECT id FROM payments WHERE rail = ? AND gateway_trade_no >= ? AND gateway_trade_no <= ? ORDER BY gateway_trade_no DESC",
			rail, number, number+beyond)
		if err != nil {
			return nil, err
		}
	}
	if ids, err = q.ending(ids, upper, number); err != nil {
		return nil, err
	}
	return ids, q.exactPayment(f, upper, number)
}

// find adds the ids that a query gives and that are not there yet.
func (q search) find(ids []int64, query string, args ...any) ([]int64, error) {
	var some []int64
	err := q.db.Raw(query+" LIMIT ?", append(args, searchRead)...).Scan(&some).Error
	for _, id := range some {
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, err
}

// ending adds the payments whose number ends so, and those that money in
// suspense names: a second trade of theirs.
func (q search) ending(ids []int64, no, tradeNo string) (_ []int64, err error) {
	if len(no) < numberEnd {
		return ids, nil
	}
	ids, err = q.find(ids, "SELECT id FROM payments WHERE substr(no, 16) = ? AND no LIKE ? ORDER BY id DESC", no[len(no)-numberEnd:], "%"+no)
	if err != nil {
		return nil, err
	}
	ids, err = q.find(ids, `SELECT id FROM payments WHERE gateway_trade_no IS NOT NULL AND substr(gateway_trade_no, length(gateway_trade_no) - 5) = ?
		AND gateway_trade_no LIKE ? ORDER BY id DESC`, tradeNo[len(tradeNo)-numberEnd:], "%"+tradeNo)
	if err != nil {
		return nil, err
	}
	return q.find(ids, "SELECT payment_id FROM suspense_items WHERE payment_id IS NOT NULL AND rail IN ? AND gateway_trade_no = ?", rails, tradeNo)
}

// rails are all of them.
var rails = []Rail{RailAlipay, RailWechat, RailUnionpay, RailBankTransfer}

// beyond follows a beginning to pass what begins with it: numbers are digits
// and capital letters.
const beyond = "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"

func notOfNumbers(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// exactPayment notes the one payment whose number this is.
func (q search) exactPayment(f *Found, no, tradeNo string) error {
	var nos []string
	err := q.db.Raw(`SELECT no FROM payments WHERE no = ? UNION SELECT no FROM payments WHERE rail IN ? AND gateway_trade_no = ?`,
		no, rails, tradeNo).Scan(&nos).Error
	if len(nos) == 1 {
		f.PaymentNo = nos[0]
	}
	return err
}

// nameIndex is a table of names beside the one they stand in, which triggers
// keep (migration 6).
type nameIndex struct {
	table string
	pairs bool // holds single characters and pairs too
}

var (
	shopNames     = nameIndex{"search_shops", true}
	campaignNames = nameIndex{"search_campaigns", true}
	emailNames    = nameIndex{"search_emails", false}
)

// named gives the ids of the rows whose name holds every word, newest first.
func (q search) named(in nameIndex) (ids []int64, err error) {
	if !in.pairs && !slices.ContainsFunc(q.words, hasRun) || !in.pairs && slices.ContainsFunc(q.words, isShort) {
		return nil, nil // an e-mail is named by three letters at least
	}
	if q.engine == Postgres {
		query, args := in.trigrams(q.words)
		err = q.db.Raw(query, append(args, searchRead)...).Scan(&ids).Error
		return ids, err
	}
	err = q.db.Raw("SELECT rowid FROM "+in.table+" WHERE "+in.table+" MATCH ? ORDER BY rowid DESC LIMIT ?", matching(q.words), searchRead).Scan(&ids).Error
	return ids, err
}

func isShort(word string) bool { return len([]rune(word)) < 3 }

// hasRun: three letters or digits in a row, which is what PostgreSQL's index
// holds; SQLite's holds signs as well.
func hasRun(word string) bool {
	run := 0
	for _, r := range word {
		run++
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			run = 0
		}
		if run == 3 {
			return true
		}
	}
	return false
}

// matching is the expression of FTS5 for names that hold every word; each is a
// string in it, so that no sign means anything. The mark is migration 6's.
func matching(words []string) string {
	const mark = "\x01"
	parts := make([]string, len(words))
	for i, word := range words {
		column, said := "name", word
		switch letters := []rune(word); len(letters) {
		case 1:
			column, said = "pairs", mark+word+mark
		case 2:
			column, said = "pairs", string(letters[0])+mark+string(letters[1])
		}
		parts[i] = "{" + column + `} : "` + strings.ReplaceAll(said, `"`, `""`) + `"`
	}
	return strings.Join(parts, " AND ")
}

// likely takes the meaning from the signs of LIKE.
var likely = strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`)

// trigrams is the query of PostgreSQL for names that hold every word; its last
// argument, the limit, is left to the caller. The index is asked for as little
// as will do, since each run of three that every other name holds costs it
// time; what it leaves open is looked at in the rows.
func (in nameIndex) trigrams(words []string) (query string, args []any) {
	query = "SELECT id FROM " + in.table + " WHERE TRUE"
	// Of pairs alone the planner thinks that they are frequent, and would read
	// all rows; LIKE tells it better. Beside a word that the index of runs finds,
	// LIKE without a run would make that index read all it has.
	alone := !slices.ContainsFunc(words, hasRun)
	for _, word := range words {
		if hasRun(word) {
			query += " AND name LIKE lower(?)"
			args = append(args, "%"+likely.Replace(in.telling(word))+"%")
		} else if letters := []rune(word); in.pairs {
			for i := range max(1, len(letters)-1) {
				query += " AND pairs @> ARRAY[lower(?)]"
				args = append(args, string(letters[i:min(i+2, len(letters))]))
			}
		}
		if alone {
			query += " AND name LIKE lower(?)"
			args = append(args, "%"+likely.Replace(word)+"%")
		} else if !isShort(word) {
			query += " AND strpos(name, lower(?)) > 0"
			args = append(args, word)
		}
	}
	return query + " ORDER BY id DESC LIMIT ?", args
}

// telling is the part of a word that the index is asked for: of an e-mail the
// end of what stands before the @, since many share what follows.
func (in nameIndex) telling(word string) string {
	const enough = 8
	if in.pairs {
		return word
	}
	local, _, _ := strings.Cut(word, "@")
	letters := []rune(local)
	if end := string(letters[max(0, len(letters)-enough):]); hasRun(end) {
		return end
	}
	return word
}
