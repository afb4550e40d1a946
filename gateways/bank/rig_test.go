package bank

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/gateways/conformance"
	"ztc-portal/models"
)

// rig has no far side: there is nobody to ask. The suite tests what holds of such
// a rail and leaves out paying, notifies, troubles and refunds: those are the
// statement's, which is tested beside its reader and in models.
type rig struct{ rail *Rail }

func (r rig) Rail() gateways.Gateway { return r.rail }
func (rig) Timeout() time.Duration   { return time.Second }
func (rig) Traits() conformance.Traits {
	return conformance.Traits{KnownAtOnce: true, AsksNobody: true}
}
func (rig) URLs() (notify, back string) {
	return "https://portal.test/notify", "https://portal.test/return"
}
func (rig) Replies() (settled, refused conformance.Reply) {
	none := conformance.Reply{Status: http.StatusNotFound, ContentType: "text/plain; charset=utf-8", Body: "no notifies"}
	return none, none
}
func (rig) Arrive(*testing.T, gateways.Order, gateways.Checkout) {}
func (rig) Pay(t *testing.T, _ gateways.Order)                   { t.Fatal("nobody pays through the rail") }
func (rig) Notify(t *testing.T, _ string) conformance.Message {
	t.Fatal("no bank sends notifies")
	return conformance.Message{}
}
func (rig) Return(t *testing.T, _ string) url.Values {
	t.Fatal("no browser comes back")
	return nil
}
func (rig) Forge(t *testing.T, _ conformance.Message, _ conformance.Forgery) conformance.Message {
	t.Fatal("there is nothing genuine to forge")
	return conformance.Message{}
}
func (rig) Break(t *testing.T, _ conformance.Trouble) (mend func()) {
	t.Fatal("there is nothing to break")
	return nil
}

var ours = Config{Name: "示例网络科技有限公司", Account: "6222 0200 0001 2345 678", Branch: "示例银行杭州分行", Code: "102331000001"}

func testRail(t *testing.T) *Rail {
	t.Helper()
	rail, err := New(ours)
	if err != nil {
		t.Fatal(err)
	}
	return rail
}

func TestConformance(t *testing.T) { conformance.Exercise(t, rig{testRail(t)}) }

func TestOpenLeadsToOurOwnPage(t *testing.T) {
	rail := testRail(t)
	checkout, err := rail.Open(t.Context(), gateways.Order{OutTradeNo: "R26112400000000000000"})
	if err != nil || !checkout.OnOurPage || checkout.HasDoor() || checkout.QRContent != "" {
		t.Errorf("%+v, %v", checkout, err)
	}
	want := models.BankAccount{Name: ours.Name, Number: "6222020000012345678", Branch: ours.Branch, Code: ours.Code}
	if got := rail.BankAccount(); got != want || rail.Payee() != want.Number {
		t.Errorf("%+v, payee %s", got, rail.Payee())
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	_, err := New(Config{Name: " ", Account: "12-34", Branch: "x", Code: "1"})
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("got %v", err)
	}
	if _, err := testRail(t).ReadReturn(nil); !errors.Is(err, gateways.ErrUnverified) {
		t.Error(err)
	}
}
