package jobs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/riverqueue/river"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"ztc-portal/models"
)

// Webhook says where the ad engine listens, and what messages are signed with:
// each secret is "whsec_" and base64. While a secret is being changed there are
// two, and a message carries a signature by each.
type Webhook struct {
	URL     string
	Secrets []string
}

const (
	webhookQueue   = "webhooks" // of its own: a receiver that hangs keeps nothing else waiting
	webhookWorkers = 4
	webhookReads   = 4 << 10 // of the answer, for the log
)

// webhookTimeout is how long a receiver may take to answer.
var webhookTimeout = 15 * time.Second

// deliverWebhook sends one stored message, signed as Standard Webhooks, and
// comes again until it is taken or parked.
type deliverWebhook struct {
	river.WorkerDefaults[models.DeliverWebhook]
	store   *models.Store
	log     *slog.Logger
	url     string
	signers []*standardwebhooks.Webhook
	client  *http.Client
}

func newDeliverWebhook(store *models.Store, log *slog.Logger, to Webhook) (*deliverWebhook, error) {
	w := &deliverWebhook{store: store, log: log, url: to.URL, client: &http.Client{
		Timeout: webhookTimeout,
		// A redirect would carry the message to where nobody meant it to go.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for _, secret := range to.Secrets {
		signer, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			return nil, errors.New("a webhook secret is not whsec_ and base64")
		}
		w.signers = append(w.signers, signer)
	}
	return w, nil
}

func (w *deliverWebhook) Work(ctx context.Context, job *river.Job[models.DeliverWebhook]) error {
	message, err := w.store.Webhook(ctx, job.Args.ID)
	if models.CodeOf(err) == models.NotFound {
		return river.JobCancel(err) // delivered and forgotten since
	}
	if err != nil || message.DeliveredAt != nil || message.ParkedAt != nil {
		return err
	}
	answer, sent := w.send(ctx, message)
	wait, err := w.store.WebhookTried(ctx, message.ID, sent, answer)
	switch {
	case err != nil || sent:
		return err
	case wait == 0:
		w.log.ErrorContext(ctx, "a webhook is parked", "message", message.MessageID, "attempts", message.Attempts+1, "answer", answer)
		return nil
	}
	return river.JobSnooze(wait)
}

// send makes one try; the answer is what the receiver said, or why it said
// nothing.
func (w *deliverWebhook) send(ctx context.Context, message models.WebhookMessage) (answer string, sent bool) {
	if w.url == "" {
		return "no webhook address is set", false
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, strings.NewReader(message.Body))
	if err != nil {
		return reason(err), false
	}
	now := time.Now()
	signatures := make([]string, len(w.signers))
	for i, signer := range w.signers {
		if signatures[i], err = signer.Sign(message.MessageID, now, []byte(message.Body)); err != nil {
			return err.Error(), false
		}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", "ztc-portal")
	request.Header.Set(standardwebhooks.HeaderWebhookID, message.MessageID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, strings.Join(signatures, " "))
	response, err := w.client.Do(request)
	if err != nil {
		return reason(err), false
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(response.Body, webhookReads))
	answer = strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, body))
	return answer, response.StatusCode >= 200 && response.StatusCode < 300
}

// reason is why there was no answer, without the address: that may hold a
// password, and staff see the reason.
func reason(err error) string {
	if failed := (*url.Error)(nil); errors.As(err, &failed) {
		err = failed.Err
	}
	return err.Error()
}
