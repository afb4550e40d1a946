package web

import (
	"ztc-portal/models"
	"ztc-portal/views/components"
)

// StopsByCause groups the campaigns that stand still by what keeps them.
func StopsByCause(campaigns []models.CampaignView, spendable models.Fen) []components.Stop {
	var stops []components.Stop
	type kind struct {
		state  models.DeliveryState
		reason string
	}
	at := map[kind]int{}
	for _, campaign := range campaigns {
		if campaign.Delivery == models.DeliveryEnded {
			continue
		}
		for _, cause := range campaign.Causes {
			of := kind{cause.State, cause.Reason}
			i, known := at[of]
			if !known {
				i = len(stops)
				at[of] = i
				stops = append(stops, StopOf(cause, spendable))
			}
			stops[i].Campaigns = append(stops[i].Campaigns, components.CampaignRef{ID: campaign.ID, Name: campaign.Name})
			if cause.Since != nil && (stops[i].Since.IsZero() || cause.Since.Before(stops[i].Since)) {
				stops[i].Since = *cause.Since
			}
		}
	}
	return stops
}

// StopOf is one cause as a page shows it.
func StopOf(cause models.Cause, spendable models.Fen) components.Stop {
	return components.Stop{
		Cause: cause.State, Lift: cause.Lift, Reason: cause.Reason, Since: Instant(cause.Since), Until: Instant(cause.Until),
		PayFirst: cause.Lift == models.LiftRestart && spendable <= 0,
	}
}
