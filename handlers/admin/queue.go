package admin

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
)

// QueuePath is where the job queue's own page is mounted.
const QueuePath = "/admin/jobs/queue"

// queue serves the job queue's own page: its pages, scripts and reads as they
// are, its acts one by one.
type queue struct {
	*admin
	page http.Handler
}

// show passes a page, a file or a read on.
func (q *queue) show(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Content-Security-Policy", web.QueuePolicy)
	if strings.HasPrefix(c.Request().URL.Path, QueuePath+"/assets/") { // their names tell their versions
		h.Set("Cache-Control", "private, max-age=31536000, immutable")
	}
	q.page.ServeHTTP(c.Response(), c.Request())
	return nil
}

// queueAct is one act: what the audit trail calls it and on what it is done.
type queueAct struct {
	action   string
	subjects []string
	body     []byte // what is passed on: exactly what was understood here
}

// maxQueueJobs is how many jobs one act is about at most.
const maxQueueJobs = 1000

// act puts what is asked on the audit trail and then passes it on; where the
// queue refuses, the trail says that too.
func (q *queue) act(c echo.Context) error {
	act, err := readQueueAct(c)
	if err != nil {
		return err
	}
	ctx, by := c.Request().Context(), web.Actor(c)
	if err := q.Store.NoteQueueActs(ctx, by, act.action, act.subjects, "", "asked"); err != nil {
		return err
	}
	passed := c.Request().Clone(ctx)
	passed.Body, passed.ContentLength = http.NoBody, 0
	if act.body != nil {
		passed.Body, passed.ContentLength = readCloser{bytes.NewReader(act.body)}, int64(len(act.body))
	}
	q.page.ServeHTTP(c.Response(), passed)
	if status := c.Response().Status; status >= http.StatusBadRequest {
		return q.Store.NoteQueueActs(ctx, by, act.action, act.subjects, "asked", "refused "+strconv.Itoa(status))
	}
	return nil
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

// queueName is what queues are named by; anything else is none, and would only
// fill the trail with what somebody made up.
var queueName = regexp.MustCompile(`^[0-9A-Za-z_|-]{1,64}$`)

// readQueueAct understands a request that changes something: jobs cancelled,
// tried again or deleted; a queue paused or resumed. NotFound for any other.
func readQueueAct(c echo.Context) (queueAct, error) {
	parts := strings.Split(strings.TrimPrefix(c.Request().URL.Path, QueuePath+"/api/"), "/")
	switch {
	case c.Request().Method == http.MethodPost && len(parts) == 2 && parts[0] == "jobs" && slices.Contains([]string{"cancel", "retry", "delete"}, parts[1]):
		return readJobsAct(c, "job."+parts[1])
	case c.Request().Method == http.MethodPut && len(parts) == 3 && parts[0] == "queues" && slices.Contains([]string{"pause", "resume"}, parts[2]) && queueName.MatchString(parts[1]):
		return queueAct{action: "queue." + parts[2], subjects: []string{"queue:" + parts[1]}}, nil
	}
	return queueAct{}, &models.Error{Code: models.NotFound, Key: "error.not_found"}
}

// readJobsAct reads the jobs that an act is about. Invalid when they cannot be
// read, or are too many.
func readJobsAct(c echo.Context, action string) (queueAct, error) {
	var asked struct {
		IDs []json.Number `json:"ids"`
	}
	err := json.NewDecoder(c.Request().Body).Decode(&asked)
	if err != nil || len(asked.IDs) == 0 || len(asked.IDs) > maxQueueJobs {
		return queueAct{}, &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
	}
	act := queueAct{action: action}
	kept := map[string][]string{}
	for _, number := range asked.IDs {
		id, err := number.Int64()
		if err != nil {
			return queueAct{}, &models.Error{Code: models.Invalid, Key: "error.form", Err: err}
		}
		text := strconv.FormatInt(id, 10)
		act.subjects, kept["ids"] = append(act.subjects, "job:"+text), append(kept["ids"], text)
	}
	act.body, err = json.Marshal(kept)
	return act, err
}
