package alipay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"ztc-portal/gateways"
)

const (
	methodBill = "alipay.data.dataservice.bill.downloadurl.query"

	billTimeout  = 2 * time.Minute // from connect to the last byte; the address is good for 30 s from now
	maxBillBytes = 64 << 20        // as sent, zipped: some two million lines
)

var _ gateways.Biller = (*Rail)(nil)

// Bill fetches the bill of a day. The address comes in a signed answer, so that
// whose bill this is hangs on Alipay's key; the file itself is not signed.
func (r *Rail) Bill(ctx context.Context, dayOn string) (gateways.BillReader, error) {
	got, err := r.ask(ctx, payload(methodBill, biz{"bill_type": "trade", "bill_date": dayOn}))
	switch {
	case got.billMissing():
		return nil, fmt.Errorf("alipay: %s: %.40q: %w", methodBill, got.SubCode, gateways.ErrBillNotYet)
	case got.SubCode == "NO_BILL_DATA":
		return nil, fmt.Errorf("alipay: %s: %.40q: %w", methodBill, got.SubCode, gateways.ErrBillEmpty)
	case err != nil:
		return nil, err
	}
	address, err := r.billAddress(got.BillURL)
	if err != nil {
		return nil, err
	}
	packed, err := r.download(ctx, address)
	if err != nil {
		return nil, err
	}
	return openBill(packed)
}

func (a *answer) billMissing() bool {
	return a.SubCode == "BILL_NOT_EXIST" || a.SubCode == "isp.bill_not_exist"
}

// billAddress checks where the bill lies. Alipay has been seen to name plain
// http there: from a gateway that speaks https the file is fetched so too.
func (r *Rail) billAddress(raw string) (string, error) {
	address, err := url.Parse(raw)
	if err != nil || address.Host == "" || address.User != nil || address.Scheme != "http" && address.Scheme != "https" {
		return "", fmt.Errorf("alipay: %s: no address of a bill: %w", methodBill, gateways.ErrUnavailable)
	}
	if r.secure {
		address.Scheme = "https"
	}
	return address.String(), nil
}

// download takes the file into memory: it is read from its end, as zips are.
func (r *Rail) download(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("alipay: %s: no address of a bill: %w", methodBill, gateways.ErrUnavailable)
	}
	response, err := r.bills.Do(request)
	if err != nil {
		return nil, fmt.Errorf("alipay: fetch the bill: %w: %w: %w", gateways.ErrUnavailable, gateways.ErrBillServer, hideAddress(err))
	}
	defer response.Body.Close()
	packed, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("alipay: fetch the bill: %w: %w: %w", gateways.ErrUnavailable, gateways.ErrBillServer, hideAddress(err))
	case len(packed) > maxBillBytes:
		return nil, fmt.Errorf("alipay: the bill has more than %d bytes: %w", maxBillBytes, gateways.ErrBillUnreadable)
	}
	return packed, nil
}

// hideAddress leaves the address out of an error: whoever has it has the bill.
func hideAddress(err error) error {
	if in := (*url.Error)(nil); errors.As(err, &in) {
		return in.Err
	}
	return err
}
