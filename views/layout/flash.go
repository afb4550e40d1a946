package layout

import "ztc-portal/views/text"

// Flash is what the last act did, said once on the page it leads to. It travels
// in a cookie as JSON, so that Args hold words and whole numbers only.
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
	"flash.keywords_added":    "info",
	"flash.keywords_there":    "warning",
	"flash.keywords_saved":    "info",
	"flash.campaigns_saved":   "info",
	"flash.campaign_paused":   "info",
	"flash.campaign_started":  "info",
	"flash.payment_cancelled": "info",
	"flash.payment_unopened":  "warning",
	"flash.method_off":        "info",
	"flash.method_on":         "info",
	"flash.restart_undone":    "info",
	"flash.edit_undone":       "info",
	"flash.edit_undone_left":  "warning",
	"flash.webhook_resent":    "info",

	"flash.reconcile_asked":         "info",
	"flash.difference_repaired":     "success",
	"flash.difference_suspense":     "warning",
	"flash.difference_explained":    "info",
	"flash.payment_credited":        "success",
	"flash.payment_credited_late":   "success",
	"flash.payment_credited_before": "info",
	"flash.payment_held":            "warning",
	"flash.payment_not_there":       "info",
	"flash.payment_waiting":         "info",
	"flash.payment_closed_there":    "info",
	"flash.payment_unclear":         "warning",
	"flash.payment_closed":          "info",
	"flash.payment_not_pending":     "info",
	"flash.payment_gateway_down":    "warning",
	"flash.payment_rail_off":        "warning",
	"flash.approval_asked":          "info",
	"flash.approval_decided":        "success",
	"flash.approval_failed":         "warning",
	"flash.approval_stands":         "warning",
	"flash.statement_imported":      "success",
	"flash.statement_reversals":     "warning",
	"flash.mapping_saved":           "info",
	"flash.lines_proposed":          "info",
	"flash.registered_saved":        "info",
	"flash.note_added":              "info",
	"flash.totp_set":                "success",
	"flash.passkey_added":           "success",
	"flash.passkey_removed":         "info",
	"flash.session_revoked":         "info",
	"flash.sessions_revoked":        "info",
	"flash.staff_revoked":           "info",
	"flash.factors_reset":           "info",
	"flash.totp_removed":            "info",
	"flash.invited":                 "success",
	"flash.invited_again":           "success",
	"flash.invitation_withdrawn":    "info",
	"flash.shop_role":               "info",
	"flash.colleague_revoked":       "info",
	"flash.colleague_removed":       "info",
	"flash.joined":                  "success",
	"flash.password_reset":          "success",
}

// line makes whole numbers whole again: JSON gave them back as floats.
func (f Flash) line() text.Line {
	args := make(map[string]any, len(f.Args))
	for name, value := range f.Args {
		if n, ok := value.(float64); ok {
			value = int(n)
		}
		args[name] = value
	}
	return text.Line{Key: f.Key, Args: args}
}

// tone is "info" for a sentence that is not in Flashes.
func (f Flash) tone() string {
	if tone, ok := Flashes[f.Key]; ok {
		return tone
	}
	return "info"
}
