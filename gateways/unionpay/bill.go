package unionpay

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"time"

	"ztc-portal/gateways"
	"ztc-portal/models"
)

const (
	maxBillBytes   = 48 << 20             // of the answer that holds it
	maxPackedBytes = 64 << 20             // of the zip in it
	billAge        = 300 * 24 * time.Hour // settlement days are asked for without their year
	codeNoFile     = "98"
)

var _ gateways.Biller = (*Rail)(nil)

// Bill fetches the settlement file of a day. It comes in an answer that is
// signed as a whole: the zip is deflated once more and written in base64.
func (r *Rail) Bill(ctx context.Context, dayOn string) (gateways.BillReader, error) {
	day, err := time.ParseInLocation(time.DateOnly, dayOn, models.Shanghai)
	now := r.now()
	if err != nil || now.Sub(day) > billAge || day.After(now) {
		return nil, fmt.Errorf("unionpay: no settlement day that can be asked for: %w", gateways.ErrRefused)
	}
	got, err := r.ask(ctx, r.bills, r.file, map[string]string{
		"txnType": "76", "txnSubType": "01", "bizType": "000000", "fileType": "00",
		"txnTime": stamp(now), "settleDate": day.Format("0102"),
	})
	if err != nil { // nothing but the files is asked for there
		return nil, fmt.Errorf("%w: %w", gateways.ErrBillServer, err)
	}
	switch code := got.fields["respCode"]; {
	case code == codeNoFile:
		return nil, fmt.Errorf("unionpay: settlement file: %w", gateways.ErrBillNotYet)
	case code != "00":
		return nil, refusal(nameOfFile, code)
	case got.fields["merId"] != r.merID || got.fields["settleDate"] != "" && got.fields["settleDate"] != day.Format("0102"):
		return nil, otherOrder(nameOfFile)
	}
	packed, err := inflate(got.fields["fileContent"])
	if err != nil {
		return nil, err
	}
	return openBill(packed, r.merID, day.Add(12*time.Hour))
}

// inflate gives the zip that an answer holds.
func inflate(content string) ([]byte, error) {
	deflated, err := base64.StdEncoding.DecodeString(content)
	if err != nil || len(deflated) == 0 {
		return nil, unreadable("no base64")
	}
	stream, err := zlib.NewReader(bytes.NewReader(deflated))
	if err != nil {
		return nil, unreadable("not deflated")
	}
	defer stream.Close()
	packed, err := io.ReadAll(io.LimitReader(stream, maxPackedBytes+1))
	switch {
	case err != nil:
		return nil, unreadable("cut off: %v", err)
	case len(packed) > maxPackedBytes:
		return nil, unreadable("more than %d bytes", maxPackedBytes)
	}
	return packed, nil
}

func unreadable(why string, args ...any) error {
	return fmt.Errorf("unionpay: settlement file: "+why+": %w", append(args, gateways.ErrBillUnreadable)...)
}
