package gateways

import (
	"context"
	"errors"
	"io"

	"ztc-portal/models"
)

var (
	// ErrBillNotYet: the gateway has not made the bill of this day, or the day
	// had no trades and never gets one.
	ErrBillNotYet = errors.New("gateways: no bill yet")
	// ErrBillEmpty: the gateway says that the day had no trades.
	ErrBillEmpty = errors.New("gateways: nothing on the bill")
	// ErrBillUnreadable: what was sent is not a bill, or not all of it.
	ErrBillUnreadable = errors.New("gateways: bill can't be read")
	// ErrNoStatement: no imported statement holds the whole day. Waiting changes
	// nothing; the next import that does asks for the day by itself.
	ErrNoStatement = errors.New("gateways: no statement of this day")
	// ErrBillServer, beside ErrUnavailable: the server that holds the files is away,
	// which is another than the one that takes payments.
	ErrBillServer = errors.New("gateways: bill server away")
)

// Biller is a rail that issues a bill for each day.
type Biller interface {
	// Bill fetches the bill of a day in Asia/Shanghai (YYYY-MM-DD). ErrBillNotYet
	// and ErrBillEmpty are answers, not failures; ErrUnavailable, ErrRefused.
	Bill(ctx context.Context, dayOn string) (BillReader, error)
}

// BillReader hands a bill out line by line.
type BillReader interface {
	// Next gives the next line, io.EOF after the last one: only then was the bill
	// whole. ErrBillUnreadable names the line that can't be read.
	Next() (models.BillLine, error)
	Close() error
}

// stated is the bill of a rail whose bank's statements were imported.
type stated []models.BillLine

func (s *stated) Next() (models.BillLine, error) {
	if len(*s) == 0 {
		return models.BillLine{}, io.EOF
	}
	line := (*s)[0]
	*s = (*s)[1:]
	return line, nil
}

func (*stated) Close() error { return nil }
