// Package components holds the small parts that every screen is made of.
package components

import (
	"time"

	"ztc-portal/models"
)

// CampaignRef names a campaign and leads to it.
type CampaignRef struct {
	ID   int64
	Name string
}

// Stop is one cause that keeps campaigns from serving now.
type Stop struct {
	Cause     models.DeliveryState // paused_arrears, paused, out_of_funds, budget_reached, frozen, ended
	Lift      models.Lift          // who ends it
	Reason    string               // models.SoftCapped or one of models.HaltReasons, where one of these is behind it
	Until     time.Time            // when it ends by itself; zero: unknown
	Since     time.Time            // zero: unknown
	Campaigns []CampaignRef        // on the campaign's own page: empty
	PayFirst  bool                 // Lift is restart, but the arrears come before it
	ReadOnly  bool                 // the reader can't lift it: no button, nothing leads to the seller's pages, and nobody is called you
}

// cause is the key of the sentence that says why.
func (s Stop) cause() string {
	if s.Reason != "" {
		return "stop.reason." + s.Reason
	}
	return "stop.cause." + string(s.Cause)
}

// Pager leads through a keyset list; an empty address means there is no such page.
type Pager struct {
	NewerHref, OlderHref string
	Shown                int  // rows on this page
	Total                int  // rows in all; 0: not counted
	TotalIsFloor         bool // "more than Total"
}

// Option is one choice of a select box or a set of radios.
type Option struct {
	Value string
	Label string // already in words
}

// FieldArgs is all that a field of a form needs, whatever its kind.
type FieldArgs struct {
	Name     string
	Label    string // already in words
	Hint     string // already in words; empty: none
	Value    string // as it was typed
	Error    *models.Error
	Type     string // "text" if empty
	Mode     string // inputmode, e.g. "decimal"
	Complete string // autocomplete
	Prefix   string // e.g. the sign of the currency
	Required bool
	Focus    bool // takes the focus when the page opens

	HxGet, HxTrigger, HxTarget, HxSwap, HxInclude, HxSync string // htmx; empty: none
}
