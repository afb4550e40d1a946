package layout

import "ztc-portal/views/text"

// Flash is what the last act did, said once on the page it leads to.
type Flash struct {
	Key  string // one of Flashes
	Args map[string]any
}

// Flashes are the sentences a handler may leave for the next page, each with
// its tone.
var Flashes = map[string]string{
	"flash.signed_out":        "info",
	"flash.budget_saved":      "info",
	"flash.bid_saved":         "info",
	"flash.campaign_paused":   "info",
	"flash.campaign_started":  "info",
	"flash.payment_cancelled": "info",
	"flash.restart_undone":    "info",
}

func (f Flash) line() text.Line { return text.Line{Key: f.Key, Args: f.Args} }

// tone is "info" for a sentence that is not in Flashes.
func (f Flash) tone() string {
	if tone, ok := Flashes[f.Key]; ok {
		return tone
	}
	return "info"
}
