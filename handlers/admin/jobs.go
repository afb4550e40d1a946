package admin

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"ztc-portal/handlers/web"
	"ztc-portal/models"
	views "ztc-portal/views/admin"
	"ztc-portal/views/layout"
)

func (a *admin) showJobs(c echo.Context) error {
	asked := web.Keyset(c)
	desk, err := a.Store.WebhookDesk(c.Request().Context(), asked)
	if err != nil {
		return err
	}
	if len(desk.Parked) == 0 && asked != (models.Keyset{}) {
		return web.SeeOther(c, "/admin/jobs") // the page was emptied meanwhile
	}
	page := jobsPage(desk)
	page.Now, page.CSRF, page.CanResend = a.Store.Now(), a.Token(c), web.Who(c).Role.May(models.PermRepair)
	page.Pager = web.Pager(c, desk.Page, len(desk.Parked))
	page.Pager.Total = int(desk.Counts.Parked)
	return a.Render(c, http.StatusOK, page, views.Jobs(page))
}

func jobsPage(desk models.WebhookDesk) views.JobsPage {
	page := views.JobsPage{
		On: desk.On, Pending: int(desk.Counts.Pending), OldestAt: web.Instant(desk.OldestAt), Parked: int(desk.Counts.Parked),
	}
	for _, m := range desk.Parked {
		page.Rows = append(page.Rows, views.WebhookRow{
			ID: m.ID, MessageID: m.MessageID, ChangedAt: m.ChangedAt, ParkedAt: m.ParkedAt, Attempts: m.Attempts,
			Campaigns: m.Campaigns, Accounts: m.Accounts, LastAnswer: shortened(m.LastAnswer),
		})
	}
	return page
}

// answerShown is how many characters of a receiver's answer staff are shown.
const answerShown = 160

// shortened is the answer on one line, its end left off where it is long.
func shortened(answer string) string {
	shown := []rune(strings.Join(strings.Fields(answer), " "))
	if len(shown) <= answerShown {
		return string(shown)
	}
	return string(shown[:answerShown]) + "…"
}

func (a *admin) resendWebhook(c echo.Context) error {
	id, err := web.ID(c, "id")
	if err != nil {
		return err
	}
	if err := a.Store.ResendWebhook(c.Request().Context(), web.Actor(c), id); err != nil {
		return err
	}
	a.Flash(c, layout.Flash{Key: "flash.webhook_resent"})
	return web.SeeOther(c, "/admin/jobs")
}
