package sandbox

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var (
	unionpayOrderID = regexp.MustCompile(`^[0-9A-Za-z]{8,40}$`)
	unionpayAmount  = regexp.MustCompile(`^[1-9][0-9]{0,11}$`)
)

// unionpayBanks are those whose online banking is behind this gateway.
var unionpayBanks = []string{"ICBC", "ABC", "BOCSH", "CCB", "BOCOM", "PSBC", "CMB", "CNCB", "CEB", "CMBC", "SPDB", "CIB", "GDB", "HXB", "PAB"}

// newUnionpayOrder checks a payment that a browser brings. Its time and its kind
// with the bank are kept in the fields that other wires give back to the merchant.
func newUnionpayOrder(request map[string]string, now time.Time) (order, error) {
	biz, bank := request["bizType"], request["issInsCode"]
	expires, err := time.ParseInLocation(unionpayTime, request["payTimeout"], beijing)
	switch {
	case request["txnType"] != "01" || request["txnSubType"] != "01":
		return order{}, &unionpayRefusal{"10", "txnType must be 01, txnSubType 01"}
	case biz != "000201" && biz != "000202":
		return order{}, &unionpayRefusal{"10", "bizType must be 000201 or 000202"}
	case request["channelType"] != "07" && request["channelType"] != "08":
		return order{}, &unionpayRefusal{"10", "channelType must be 07 or 08"}
	case !unionpayOrderID.MatchString(request["orderId"]):
		return order{}, &unionpayRefusal{"10", "orderId must be 8 to 40 letters and digits"}
	case !unionpayAmount.MatchString(request["txnAmt"]) || request["currencyCode"] != "156":
		return order{}, &unionpayRefusal{"10", "txnAmt must be whole fen of currency 156"}
	case err != nil:
		return order{}, &unionpayRefusal{"10", "payTimeout must be YYYYMMDDhhmmss"}
	case bank != "" && !slices.Contains(unionpayBanks, bank):
		return order{}, &unionpayRefusal{"10", "issInsCode is no bank of this gateway"}
	case request["backUrl"] == "":
		return order{}, &unionpayRefusal{"13", "backUrl is missing"}
	}
	if err := checkURLs(request["backUrl"], request["frontUrl"]); err != nil {
		return order{}, err
	}
	total, err := strconv.ParseInt(request["txnAmt"], 10, 64)
	if err != nil {
		return order{}, fmt.Errorf("sandbox: %w", err)
	}
	o := order{
		token: rand.Text(), kind: kindPage, outTradeNo: request["orderId"], totalFen: total, subject: request["orderId"],
		body: request["txnTime"], passbackParams: strings.TrimSpace(biz + " " + bank),
		notifyURL: request["backUrl"], returnURL: request["frontUrl"], createdAt: now, expiresAt: expires.UTC(),
	}
	o.digest = o.fingerprint(request["payTimeout"])
	return o, nil
}

// serveFront begins the trade, for the payer has come, and leads on: to the bank
// that the merchant's page asked for, or to the choice of one.
func (w *unionpayWire) serveFront(out http.ResponseWriter, r *http.Request) {
	request, err := w.admit(out, r)
	var saved order
	if err == nil {
		err = w.store.inTx(r.Context(), func(t *tx) error {
			o, err := newUnionpayOrder(request, t.now)
			if err != nil {
				return err
			}
			if saved, err = t.saveOrder(o); err != nil {
				return err
			}
			tr, err := t.openTrade(saved)
			if err == nil && tr.body != saved.body {
				err = &unionpayRefusal{"12", "the same order with another txnTime"}
			}
			return err
		})
	}
	if err != nil {
		w.explain(out, r, err)
		return
	}
	to := w.cashier(saved)
	if _, bank, _ := strings.Cut(saved.passbackParams, " "); bank == "" {
		to = w.opts.Path + "/banks/" + saved.token
	}
	http.Redirect(out, r, to, http.StatusSeeOther)
}

// banksPage lists the banks that one can pay by.
type banksPage struct {
	view
	Amount  string
	OrderNo string
	Banks   []bankLink
}

type bankLink struct{ Name, URL string }

// showBanks is where a payer chooses the bank.
func (w *unionpayWire) showBanks(out http.ResponseWriter, r *http.Request) {
	o, tr, err := w.visit(r.Context(), r.PathValue("token"))
	if err != nil {
		w.explain(out, r, err)
		return
	}
	v := w.newView(r, "banks.title")
	page := banksPage{view: v, Amount: price(tr.amountFen()), OrderNo: tr.OutTradeNo}
	for _, code := range unionpayBanks {
		asked := url.Values{"bank": {code}, "lang": {v.Lang}}
		page.Banks = append(page.Banks, bankLink{v.T("bank." + code), w.cashier(o) + "?" + asked.Encode()})
	}
	w.render(out, http.StatusOK, "banks.html", page)
}

// bank is the one that the payer stands at: chosen here, or by the merchant's page.
func (w *unionpayWire) bank(r *http.Request, o order) string {
	if chosen := r.URL.Query().Get("bank"); slices.Contains(unionpayBanks, chosen) {
		return chosen
	}
	_, bank, _ := strings.Cut(o.passbackParams, " ")
	return bank
}

// find gives the trade of an order number and its time.
func (w *unionpayWire) find(t *tx, request map[string]string) (Trade, error) {
	tr, found, err := t.trade("out_trade_no = ?", request["orderId"])
	if err == nil && (!found || tr.body != request["txnTime"]) {
		err = ErrNoTrade
	}
	return tr, err
}

// queryTrans says what became of an order: a payment or a refund.
func (w *unionpayWire) queryTrans(ctx context.Context, request map[string]string) (fields map[string]string, err error) {
	err = w.store.inTx(ctx, func(t *tx) error {
		tr, of, found, err := w.findRefund(t, request["orderId"])
		switch {
		case err != nil:
			return err
		case found && unionpayRefundTime(of) == request["txnTime"]:
			fields = w.refundFacts(tr, of)
			fields["origRespCode"], fields["origRespMsg"] = "00", "success"
			return nil
		}
		if tr, err = w.find(t, request); err != nil {
			return err
		}
		fields = w.paidFacts(tr)
		switch {
		case !tr.PaidAt.IsZero():
			fields["origRespCode"], fields["origRespMsg"] = "00", "success"
		case tr.Status == StatusWaiting:
			fields["origRespCode"], fields["origRespMsg"] = "05", "taken on, ask later"
		default:
			fields["origRespCode"], fields["origRespMsg"] = "01", "failed"
		}
		return nil
	})
	return fields, err
}
