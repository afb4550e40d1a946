package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Bounds of one call.
const (
	pollWaitSeconds  = 25
	pollWithin       = 90 * time.Second // to the last campaign
	callWithin       = 15 * time.Second // any other call
	answerBytesMost  = 1 << 30
	problemBytesMost = 64 << 10
)

// portalAPI is the portal as an ad engine sees it. Every answer sets the clock.
type portalAPI struct {
	base, key string
	client    *http.Client
	clock     *portalClock
}

// servingAnswer is a list of campaigns, and the cursor after which the next begins.
type servingAnswer struct {
	cursor    string
	campaigns []servingCampaign
}

// keywordPage is a page of keywords; Next is nil on the last.
type keywordPage struct {
	Keywords []keywordBid `json:"keywords"`
	Next     *int64       `json:"next"`
}

// batchAnswer names the items of a list that were not taken.
type batchAnswer struct {
	Rejected []struct {
		Index  int    `json:"index"`
		Code   string `json:"code"`
		Detail string `json:"detail"`
	} `json:"rejected"`
}

// serving gives all campaigns, or waits for those that change after the cursor.
func (a *portalAPI) serving(ctx context.Context, cursor string) (answer servingAnswer, err error) {
	path := "/api/v1/serving"
	if cursor != "" {
		path += "?" + url.Values{"after": {cursor}, "wait": {strconv.Itoa(pollWaitSeconds)}}.Encode()
	}
	err = a.call(ctx, http.MethodGet, path, nil, pollWithin, func(body io.Reader) error {
		answer, err = readServing(body)
		return err
	})
	return answer, err
}

func (a *portalAPI) keywords(ctx context.Context, after int64) (page keywordPage, err error) {
	path := "/api/v1/keywords?after=" + strconv.FormatInt(after, 10)
	err = a.call(ctx, http.MethodGet, path, nil, callWithin, func(body io.Reader) error {
		page = keywordPage{}
		return json.NewDecoder(body).Decode(&page)
	})
	return page, err
}

// post sends a JSON list.
func (a *portalAPI) post(ctx context.Context, what string, list []byte) (answer batchAnswer, err error) {
	err = a.call(ctx, http.MethodPost, "/api/v1/"+what, list, callWithin, func(body io.Reader) error {
		answer = batchAnswer{}
		return json.NewDecoder(body).Decode(&answer)
	})
	return answer, err
}

// call makes one request. An answer other than 200 is a *problem; any other
// error means that there was no answer.
func (a *portalAPI) call(ctx context.Context, method, path string, body []byte, within time.Duration, read func(io.Reader) error) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, a.base+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+a.key)
	request.Header.Set("Accept", "application/json, application/problem+json")
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/json")
	}
	sent := time.Now()
	response, err := a.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	a.clock.learn(response.Header.Get("Date"), sent, time.Now())
	if response.StatusCode != http.StatusOK {
		return readProblem(response)
	}
	if err := read(io.LimitReader(response.Body, answerBytesMost)); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	_, _ = io.CopyN(io.Discard, response.Body, problemBytesMost) // so that the connection serves again
	return nil
}

// readServing reads a list of campaigns as a stream, however long it is.
func readServing(body io.Reader) (answer servingAnswer, err error) {
	d := json.NewDecoder(body)
	if err := expectDelim(d, '{'); err != nil {
		return answer, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return answer, err
		}
		switch name {
		case "cursor":
			err = d.Decode(&answer.cursor)
		case "campaigns":
			answer.campaigns, err = readCampaigns(d)
		default:
			var ignored json.RawMessage
			err = d.Decode(&ignored)
		}
		if err != nil {
			return answer, err
		}
	}
	return answer, expectDelim(d, '}')
}

func readCampaigns(d *json.Decoder) ([]servingCampaign, error) {
	if err := expectDelim(d, '['); err != nil {
		return nil, err
	}
	var campaigns []servingCampaign
	for d.More() {
		var c servingCampaign
		if err := d.Decode(&c); err != nil {
			return nil, err
		}
		campaigns = append(campaigns, c)
	}
	return campaigns, expectDelim(d, ']')
}

func expectDelim(d *json.Decoder, want json.Delim) error {
	token, err := d.Token()
	if err == nil && token != want {
		err = fmt.Errorf("%v stands where %v belongs", token, want)
	}
	return err
}

// problem is an answer that is not 200, as RFC 9457 writes it.
type problem struct {
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Code   string `json:"code"`

	status     int
	retryAfter time.Duration // 0: it does not say
}

// readProblem reads what it can: a proxy before the portal may write anything.
func readProblem(response *http.Response) *problem {
	p := &problem{}
	text, err := io.ReadAll(io.LimitReader(response.Body, problemBytesMost))
	if err != nil || json.Unmarshal(text, p) != nil {
		p = &problem{}
	}
	p.status = response.StatusCode
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 {
		p.retryAfter = min(time.Duration(min(seconds, 1<<20))*time.Second, longestRetryAfter)
	}
	return p
}

func (p *problem) Error() string {
	said := []string{strconv.Itoa(p.status) + " " + http.StatusText(p.status)}
	for _, text := range []string{p.Code, p.Title, p.Detail} {
		if text != "" {
			said = append(said, text)
		}
	}
	return strings.Join(said, ": ")
}

// final says whether the same request would get the same answer again.
func (p *problem) final() bool {
	later := []int{http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests}
	return p.status < 500 && !slices.Contains(later, p.status)
}

func isStatus(err error, statuses ...int) bool {
	var p *problem
	return errors.As(err, &p) && slices.Contains(statuses, p.status)
}

func refusesKey(err error) bool {
	return isStatus(err, http.StatusUnauthorized, http.StatusForbidden)
}

// portalClock is the portal's time: that of its latest answer, and what has
// passed since at the portal's speed. It never goes back.
type portalClock struct {
	speed float64

	mu     sync.Mutex
	portal time.Time // at the instant real
	real   time.Time
	shown  time.Time // the latest that was told
}

// learn takes the Date of an answer. It counts whole seconds, and may have been
// written at any moment between the request and the answer, which a poll keeps
// apart: our reckoning stands while it lies within, and else is moved there.
func (c *portalClock) learn(date string, sent, came time.Time) {
	earliest, err := http.ParseTime(date)
	if err != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	latest := earliest.Add(time.Second + c.run(came.Sub(sent)))
	reckoned := c.portal.Add(c.run(came.Sub(c.real)))
	switch {
	case c.real.IsZero() || reckoned.Before(earliest):
		reckoned = earliest
	case reckoned.After(latest):
		reckoned = latest
	}
	c.portal, c.real = reckoned, came
}

// run is how far the portal's clock goes in a real time.
func (c *portalClock) run(real time.Duration) time.Duration {
	return time.Duration(float64(real) * c.speed)
}

// at gives the portal's time at a real time; it is not known before the first answer.
func (c *portalClock) at(real time.Time) (portal time.Time, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real.IsZero() {
		return time.Time{}, false
	}
	if now := c.portal.Add(c.run(real.Sub(c.real))); now.After(c.shown) {
		c.shown = now
	}
	return c.shown, true
}

// chargeIDs makes UUIDs of version 7 that ascend, even within a millisecond.
type chargeIDs struct {
	last uint64 // milliseconds since 1970, then a counter of 12 bits
}

func (c *chargeIDs) next(at time.Time) string {
	c.last = max(c.last+1, uint64(at.UnixMilli())<<12)
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], c.last>>12<<16|0x7<<12|c.last&0xfff)
	rand.Read(id[8:]) // never fails
	id[8] = id[8]&0x3f | 0x80
	text := hex.EncodeToString(id[:])
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}
