package handlers_test

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/xuri/excelize/v2"

	"ztc-portal/models"
	"ztc-portal/views/text"
)

// reported is a seller with clicks and results of yesterday.
func (s *site) reported(t *testing.T) (b *browser, account int64, ids []int64) {
	t.Helper()
	b, account = s.seller(t)
	ids = s.campaigns(t, account, 5000*yuan, 5000*yuan)
	s.credit(t, account, 1000*yuan)
	yesterday := s.Now().AddDate(0, 0, -1)
	for i, fen := range []models.Fen{1234, 66, 5000} {
		got, err := s.PostCharges(t.Context(), []models.Charge{{ChargeID: fmt.Sprint("r", i), CampaignID: ids[i/2], AmountFen: fen, ChargedAt: yesterday}})
		if err != nil || got.Accepted != 1 {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	_, err := s.PutResults(t.Context(), []models.Result{
		{CampaignID: ids[0], HourAt: yesterday.Truncate(time.Hour), Impressions: 80, Clicks: 2, Orders: 1, OrderAmountFen: 2600},
	})
	must(t, err)
	return b, account, ids
}

func TestAReportIsDrawnInBothLanguages(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _, ids := s.reported(t)
		page := b.get("/reports?period=yesterday&by=hour").is(t, http.StatusOK)
		page.says(t, "#totals ~ dl", "花费¥63.00")
		page.says(t, "#totals ~ dl", "点击率2.50%")
		page.says(t, "#rows ~ div tbody", "11-23 14:00 ¥63.00")
		if rows := page.Find("#rows ~ div tbody tr").Length(); rows != 24 {
			t.Errorf("%d hours", rows)
		}
		if bars := page.Find("svg .chart-bar").Length(); bars != 1 {
			t.Errorf("%d bars", bars)
		}
		b.lang = text.English
		page = b.get("/reports?period=7d&by=day&show=roi&campaign="+id(ids[0])).is(t, http.StatusOK)
		page.says(t, "#totals ~ dl", "ROI2.00")
		page.says(t, "main", "Campaign A")
		page.says(t, "[aria-current=true]", "ROI")
		if rows := page.Find("#rows ~ div tbody tr").Length(); rows != 7 {
			t.Errorf("%d days", rows)
		}
		b.get("/reports").is(t, http.StatusOK).says(t, "#parts ~ div tbody", "Campaign B¥50.00")
		b.get("/reports?period=own&from=2026-10-01&to=2026-10-02&by=day").is(t, http.StatusOK).says(t, "main", "Nothing was delivered")
	})
}

func TestAReportSaysBesideTheFieldWhatIsWrong(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _ := s.seller(t)
		_, theirs := s.member(t, models.RoleSeller, "other@shop.test")
		foreign := s.campaigns(t, theirs, 100*yuan)[0]
		b.get("/reports?campaign="+id(foreign)).is(t, http.StatusNotFound)
		b.get("/reports.csv?campaign="+id(foreign)).is(t, http.StatusNotFound)
		page := b.get("/reports?period=own&from=2026-11-20&to=2026-11-19&by=day").is(t, http.StatusUnprocessableEntity)
		page.says(t, "#to-error", text.T(text.With(t.Context(), text.Chinese), "error.day.order"))
		if value, _ := page.Find("#from").Attr("value"); value != "2026-11-20" {
			t.Errorf("what was typed is lost: %q", value)
		}
		b.get("/reports?period=30d&by=hour").is(t, http.StatusUnprocessableEntity).says(t, "#period-error", "最多看 7 天")
		b.get("/reports.xlsx?period=own&from=yesterday&to=2026-11-19").is(t, http.StatusUnprocessableEntity)
		b.get("/reports?period=own").is(t, http.StatusOK) // asked for, and not said yet
		b.get("/reports?period=1&by=x&show=y&campaign=z&keyword=-1").is(t, http.StatusOK)
	})
}

// Both files hold the rows of the page, to the fen, and no cell of them is a
// formula.
func TestTheFilesOfAReportHoldItsRows(t *testing.T) {
	eachSite(t, func(t *testing.T, s *site) {
		b, _, _ := s.reported(t)
		const query = "?period=yesterday&by=hour"
		file := b.get("/reports.csv"+query).is(t, http.StatusOK)
		if kind, name := file.Header.Get("Content-Type"), file.Header.Get("Content-Disposition"); kind != "text/csv; charset=utf-8" || !strings.Contains(name, `"report-2026-11-24.csv"`) {
			t.Errorf("%s, %s", kind, name)
		}
		rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(file.body, "\ufeff"))).ReadAll()
		must(t, err)
		if len(rows) != 25 || !strings.HasPrefix(file.body, "\ufeff") {
			t.Fatalf("%d rows", len(rows))
		}
		want := []string{"2026-11-23 14:00", "2026-11-23 15:00", "63.00", "80", "3", "0.0250", "21.00", "1", "26.00", "0.5000", "0.4127", "0", "0.00"}
		if diff := cmp.Diff(want, rows[15]); diff != "" {
			t.Error(diff)
		}
		book, err := excelize.OpenReader(strings.NewReader(b.get("/reports.xlsx"+query).is(t, http.StatusOK).body))
		must(t, err)
		defer book.Close()
		cells, err := book.GetRows(book.GetSheetName(0))
		must(t, err)
		if len(cells) != 25 || cells[0][2] != "花费" || cells[15][0] != "2026-11-23 14:00" || cells[15][2] != "63" || cells[15][8] != "26" {
			t.Errorf("%d rows; %q %q", len(cells), cells[0], cells[15])
		}
		kind, err := book.GetCellType(book.GetSheetName(0), "C16")
		must(t, err)
		if kind != excelize.CellTypeNumber && kind != excelize.CellTypeUnset { // unset is a plain number
			t.Errorf("the cost is a %v", kind)
		}
	})
}
