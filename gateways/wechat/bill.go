package wechat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ztc-portal/gateways"
)

const (
	callBill = "trade bill"

	billTimeout  = 2 * time.Minute // from connect to the last byte; the address is good for some minutes
	maxBillBytes = 64 << 20        // as sent, packed: some two million lines
)

var _ gateways.Biller = (*Rail)(nil)

// Bill fetches the bill of a day. Address and hash come in a signed answer; the
// file itself is not signed, and is believed as far as the hash agrees.
func (r *Rail) Bill(ctx context.Context, dayOn string) (gateways.BillReader, error) {
	got, err := r.get(ctx, callBill, "/v3/bill/tradebill?bill_date="+url.QueryEscape(dayOn)+"&bill_type=ALL&tar_type=GZIP")
	switch {
	case got.Code == "STATEMENT_CREATING":
		return nil, fmt.Errorf("wechat: %s: %.40q: %w", callBill, got.Code, gateways.ErrBillNotYet)
	case got.Code == "NO_STATEMENT_EXIST":
		return nil, fmt.Errorf("wechat: %s: %.40q: %w", callBill, got.Code, gateways.ErrBillEmpty)
	case err != nil:
		return nil, err
	case got.HashType != "SHA1" || got.HashValue == "":
		return nil, fmt.Errorf("wechat: %s: no hash that we know: %w", callBill, gateways.ErrBillUnreadable)
	}
	address, err := r.billAddress(got.DownloadURL)
	if err != nil {
		return nil, err
	}
	packed, err := r.download(ctx, address)
	if err != nil {
		return nil, err
	}
	return openBill(packed, strings.ToLower(got.HashValue), r.mchID)
}

// billAddress checks where the bill lies: from an API that speaks https the
// file is fetched so too, since the request is signed.
func (r *Rail) billAddress(raw string) (string, error) {
	address, err := url.Parse(raw)
	if err != nil || address.Host == "" || address.User != nil || address.Scheme != "http" && address.Scheme != "https" {
		return "", fmt.Errorf("wechat: %s: no address of a bill: %w", callBill, gateways.ErrUnavailable)
	}
	if strings.HasPrefix(r.baseURL, "https:") {
		address.Scheme = "https"
	}
	return address.String(), nil
}

// download takes the file into memory, packed as it is.
func (r *Rail) download(ctx context.Context, address string) ([]byte, error) {
	result, err := r.bills.Get(ctx, address)
	if result != nil && result.Response != nil {
		defer result.Response.Body.Close()
	}
	if err == nil && result.Response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", result.Response.StatusCode)
	}
	if err != nil {
		return nil, fmt.Errorf("wechat: fetch the bill: %w: %w: %w", gateways.ErrUnavailable, gateways.ErrBillServer, hideAddress(err))
	}
	packed, err := io.ReadAll(result.Response.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("wechat: fetch the bill: %w: %w: %w", gateways.ErrUnavailable, gateways.ErrBillServer, hideAddress(err))
	case len(packed) > maxBillBytes:
		return nil, fmt.Errorf("wechat: the bill has more than %d bytes: %w", maxBillBytes, gateways.ErrBillUnreadable)
	}
	return packed, nil
}

// hideAddress leaves the address out of an error: whoever has it has the bill.
// A refusal of the library's holds header and body, and is cut to its status.
func hideAddress(err error) error {
	if in := (*url.Error)(nil); errors.As(err, &in) {
		return in.Err
	}
	if refused, ok := refusedWith(err); ok {
		return fmt.Errorf("status %d", refused)
	}
	return err
}
