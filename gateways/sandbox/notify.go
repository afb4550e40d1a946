package sandbox

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

const (
	notifierTick   = 200 * time.Millisecond // how often the clock is looked at
	notifyBatch    = 16                     // notices sent side by side
	maxAnswerBytes = 256                    // of what the merchant said, this much is kept
)

// The states of a notice.
const (
	noticeWaiting = "waiting"  // will be sent at next
	noticeDone    = "done"     // answered success
	noticeLost    = "lost"     // never sent by itself
	noticeGivenUp = "given_up" // sent as often as the schedule says
)

// notice is one message to the merchant. All its sendings carry the same id.
type notice struct {
	seq        int64
	id         string
	outTradeNo string
	url        string
	fields     map[string]string // all but notify_time and the signature
	forged     bool
	copies     int // of the first sending
	state      string
	attempts   int
	next       time.Time
}

// newNotice tells the merchant what became of a trade, or of a refund of it, in
// the wire's words; due at once. On a wire that does not tell this it has no URL.
func (t *tx) newNotice(tr Trade, r *refunded) notice {
	n := notice{id: t.wire.noticeID(t.now), outTradeNo: tr.OutTradeNo, url: tr.NotifyURL, copies: 1, state: noticeWaiting, next: t.now}
	if n.fields = t.wire.notice(n.id, tr, r); n.fields == nil {
		n.url = ""
	}
	if slow, ok := t.wire.(interface{ refundTakes() time.Duration }); ok && r != nil { // done later, told later
		n.next = n.next.Add(slow.refundTakes())
	}
	return n
}

// tell stores that notice.
func (t *tx) tell(tr Trade, r *refunded) (seq int64, err error) {
	return t.addNotice(t.newNotice(tr, r))
}

// addNotice stores n, unless the merchant asked for no notifies.
func (t *tx) addNotice(n notice) (seq int64, err error) {
	if n.url == "" {
		return 0, nil
	}
	fields, err := json.Marshal(n.fields)
	if err != nil {
		return 0, fmt.Errorf("sandbox: %w", err)
	}
	result, err := t.ExecContext(t.ctx, `INSERT INTO notices
		(notify_id, out_trade_no, url, fields, forged, copies, state, next_ms) VALUES (?,?,?,?,?,?,?,?)`,
		n.id, n.outTradeNo, n.url, fields, n.forged, n.copies, n.state, millis(n.next))
	if err != nil {
		return 0, fmt.Errorf("sandbox: %w", err)
	}
	return result.LastInsertId()
}

const noticeColumns = `seq, notify_id, out_trade_no, url, fields, forged, copies, state, attempts, next_ms`

func scanNotice(row scanner) (notice, error) {
	var n notice
	var fields []byte
	var next int64
	err := row.Scan(&n.seq, &n.id, &n.outTradeNo, &n.url, &fields, &n.forged, &n.copies, &n.state, &n.attempts, &next)
	if err != nil {
		return notice{}, err
	}
	n.next = fromMillis(next)
	return n, json.Unmarshal(fields, &n.fields)
}

// poke tells the notifier that there may be work.
func (s *Sandbox) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it has been told
	}
}

// runNotifier sends what is due, until Close.
func (s *Sandbox) runNotifier() {
	defer close(s.done)
	ticks := time.NewTicker(notifierTick)
	defer ticks.Stop()
	for {
		due, err := s.dueNotices()
		if err != nil && s.ctx.Err() == nil {
			s.opts.Log.Error("sandbox: notifier", "error", err)
		}
		var sending sync.WaitGroup
		for _, seq := range due {
			sending.Go(func() { s.deliver(s.ctx, seq) })
		}
		sending.Wait()
		select {
		case <-s.stop:
			return
		case <-s.wake:
		case <-ticks.C:
		}
	}
}

// dueNotices closes the trades whose deadline has passed, then lists the notices
// to send now; none while the gateway plays dead.
func (s *Sandbox) dueNotices() (due []int64, err error) {
	err = s.store.inTx(s.ctx, func(t *tx) error {
		expired, err := query(t, scanTrade, `SELECT `+tradeColumns+` FROM trades
			WHERE status = 'WAIT_BUYER_PAY' AND expires_ms <= ? LIMIT 100`, millis(t.now))
		if err != nil {
			return err
		}
		for _, tr := range expired {
			if _, err := t.closeUnpaid(tr, tr.ExpiresAt); err != nil {
				return err
			}
		}
		if down, err := t.isDown(); err != nil || down {
			return err
		}
		due, err = query(t, func(row scanner) (seq int64, err error) {
			return seq, row.Scan(&seq)
		}, `SELECT seq FROM notices WHERE state = 'waiting' AND next_ms <= ?
			ORDER BY next_ms, seq LIMIT ?`, millis(t.now), notifyBatch)
		return err
	})
	return due, err
}

// deliver sends one waiting notice, in as many copies as it has, and notes the answers.
func (s *Sandbox) deliver(ctx context.Context, seq int64) {
	n, ok, err := s.claim(ctx, seq)
	if err == nil && ok {
		copies := 1
		if n.attempts == 1 {
			copies = n.copies
		}
		var sending sync.WaitGroup
		for range copies {
			sending.Go(func() { s.sendAndNote(ctx, n) })
		}
		sending.Wait()
	}
	if err != nil && ctx.Err() == nil {
		s.opts.Log.Error("sandbox: notify not sent", "error", err)
	}
}

// claim counts one more sending of a waiting notice and sets the next before
// this one starts, so that none is lost if we die meanwhile.
func (s *Sandbox) claim(ctx context.Context, seq int64) (n notice, ok bool, err error) {
	err = s.store.inTx(ctx, func(t *tx) error {
		found, err := query(t, scanNotice, `SELECT `+noticeColumns+` FROM notices
			WHERE seq = ? AND state = 'waiting'`, seq)
		if err != nil || len(found) == 0 {
			return err
		}
		n, ok = found[0], true
		if n.forged || n.attempts >= len(s.opts.NotifyDelays) {
			n.state = noticeGivenUp
		} else {
			n.next = t.now.Add(s.opts.NotifyDelays[n.attempts])
		}
		n.attempts++
		_, err = t.exec(`UPDATE notices SET state = ?, attempts = ?, next_ms = ? WHERE seq = ?`,
			n.state, n.attempts, millis(n.next), seq)
		return err
	})
	return n, ok, err
}

// sendAndNote sends one copy and stores what the merchant answered.
func (s *Sandbox) sendAndNote(ctx context.Context, n notice) Delivery {
	answer := s.send(ctx, n)
	note := context.WithoutCancel(ctx)
	err := s.store.inTx(note, func(t *tx) error {
		_, err := t.exec(`INSERT INTO deliveries (notice_seq, sent_ms, status, answer, error) VALUES (?,?,?,?,?)`,
			n.seq, millis(answer.SentAt), answer.Status, answer.Body, answer.Err)
		if err == nil && answer.Err == "" && s.wire.took(answer) {
			_, err = t.exec(`UPDATE notices SET state = ? WHERE seq = ?`, noticeDone, n.seq)
		}
		return err
	})
	if err != nil {
		s.opts.Log.Error("sandbox: answer to notify not kept", "error", err)
	}
	return answer
}

// send posts the notice once, signed as the wire wants it.
func (s *Sandbox) send(ctx context.Context, n notice) Delivery {
	answer := Delivery{SentAt: s.opts.Now().UTC()}
	answer.Status, answer.Body, answer.Err = s.post(ctx, n, answer.SentAt)
	return answer
}

// post gives status and body, or in words why there are none.
func (s *Sandbox) post(ctx context.Context, n notice, at time.Time) (status int, body, problem string) {
	header, content, err := s.wire.seal(n.fields, n.forged, at)
	if err != nil {
		return 0, "", err.Error()
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, n.url, strings.NewReader(content))
	if err != nil {
		return 0, "", err.Error()
	}
	request.Header = header
	response, err := s.opts.Client.Do(request)
	if err != nil {
		return 0, "", err.Error()
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return response.StatusCode, "", err.Error()
	}
	return response.StatusCode, string(text), ""
}

// errNoNotice: the merchant was never to be told anything of that trade.
var errNoNotice = errors.New("sandbox: no notify for that trade")
