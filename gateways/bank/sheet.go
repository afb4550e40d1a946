package bank

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

const (
	// maxPart is how large one part of a workbook may be when it is unpacked, and
	// maxUnpacked all parts that are read, in bytes.
	maxPart     = 48 << 20
	maxUnpacked = 64 << 20
	// maxParts is how many files a workbook may be made of.
	maxParts = 2000
	// maxShared is how many texts the cells may share.
	maxShared = 400_000
)

// book is a workbook: a zip of XML parts, each unpacked as it is read.
type book struct {
	parts  map[string]*zip.File
	left   int64 // bytes that may still be unpacked
	of1904 bool  // its days count from 1904
}

// errTooMuch: unpacked, the workbook is larger than any statement.
var errTooMuch = errors.New("bank: a workbook that unpacks to too much")

// readSheet reads the first sheet of an XLSX workbook. Dates stay the numbers
// that a spreadsheet keeps them as. Formulas count by the value kept beside them.
func readSheet(file []byte) ([]row, error) {
	rows, err := sheetRows(file)
	switch {
	case errors.Is(err, errTooMuch):
		return nil, refuse("error.statement.unpacks", nil)
	case err != nil && !isRefusal(err):
		return nil, refuse("error.statement.unreadable", nil)
	}
	return rows, err
}

func sheetRows(file []byte) ([]row, error) {
	archive, err := zip.NewReader(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	if len(archive.File) > maxParts {
		return nil, errTooMuch
	}
	b := &book{parts: map[string]*zip.File{}, left: maxUnpacked}
	for _, f := range archive.File {
		b.parts[strings.TrimPrefix(f.Name, "/")] = f
	}
	first, err := b.firstSheet()
	if err != nil {
		return nil, err
	}
	shared, err := b.sharedTexts()
	if err != nil {
		return nil, err
	}
	return b.rows(first, shared)
}

// bounded counts what is unpacked.
type bounded struct {
	io.Reader
	book *book
}

func (r bounded) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if r.book.left -= int64(n); r.book.left < 0 {
		return 0, errTooMuch
	}
	return n, err
}

// part reads one part through a function.
func (b *book) part(name string, read func(*xml.Decoder) error) error {
	f, ok := b.parts[name]
	if !ok {
		return errors.New("bank: a workbook without " + name)
	}
	if f.UncompressedSize64 > maxPart {
		return errTooMuch
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	return read(xml.NewTokenDecoder(&shallow{Decoder: xml.NewDecoder(bounded{in, b})}))
}

// maxDepth is how many elements may stand within each other: each costs memory
// until its end, and few bytes write many.
const maxDepth = 100

// shallow reads elements of a bounded depth.
type shallow struct {
	*xml.Decoder
	depth int
}

// Token gives the next token as it is written.
func (s *shallow) Token() (xml.Token, error) {
	token, err := s.RawToken()
	switch token.(type) {
	case xml.StartElement:
		s.depth++
	case xml.EndElement:
		s.depth--
	}
	if s.depth > maxDepth {
		return nil, errTooMuch
	}
	return token, err
}

// each hands the elements of a part to take, until its end.
func each(d *xml.Decoder, take func(xml.StartElement) error) error {
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if start, ok := token.(xml.StartElement); ok {
			if err := take(start); err != nil {
				return err
			}
		}
	}
}

func attribute(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// firstSheet finds the part of the first sheet that is not hidden.
func (b *book) firstSheet() (name string, err error) {
	id := ""
	err = b.part("xl/workbook.xml", func(d *xml.Decoder) error {
		return each(d, func(e xml.StartElement) error {
			if e.Name.Local == "workbookPr" {
				of1904 := attribute(e, "date1904")
				b.of1904 = of1904 == "1" || of1904 == "true"
			}
			if e.Name.Local == "sheet" && id == "" && attribute(e, "state") != "hidden" && attribute(e, "state") != "veryHidden" {
				for _, a := range e.Attr { // r:id, which is not the sheet's own sheetId
					if a.Name.Local == "id" {
						id = a.Value
					}
				}
			}
			return nil
		})
	})
	if err != nil {
		return "", err
	}
	err = b.part("xl/_rels/workbook.xml.rels", func(d *xml.Decoder) error {
		return each(d, func(e xml.StartElement) error {
			if e.Name.Local == "Relationship" && attribute(e, "Id") == id {
				name = attribute(e, "Target")
			}
			return nil
		})
	})
	if strings.HasPrefix(name, "/") {
		return strings.TrimPrefix(path.Clean(name), "/"), err
	}
	return path.Join("xl", name), err
}

// sharedTexts are the texts that cells name by number.
func (b *book) sharedTexts() (shared []string, err error) {
	const name = "xl/sharedStrings.xml"
	if b.parts[name] == nil {
		return nil, nil
	}
	err = b.part(name, func(d *xml.Decoder) error {
		return each(d, func(e xml.StartElement) error {
			if e.Name.Local != "si" {
				return nil
			}
			if len(shared) >= maxShared {
				return errTooMuch
			}
			text, err := textOf(d)
			shared = append(shared, text)
			return err
		})
	})
	return shared, err
}

// textOf reads the text of an element that holds <t> or runs of them, without
// what is only said of how it is spoken.
func textOf(d *xml.Decoder) (string, error) {
	var b strings.Builder
	depth, in, spoken := 1, false, 0
	for depth > 0 {
		token, err := d.Token()
		if err != nil {
			return "", err
		}
		switch t := token.(type) {
		case xml.StartElement:
			depth++
			if in = t.Name.Local == "t"; t.Name.Local == "rPh" {
				spoken = depth
			}
		case xml.EndElement:
			if depth == spoken {
				spoken = 0
			}
			depth--
			in = false
		case xml.CharData:
			if in && spoken == 0 && b.Len() < maxCell {
				b.Write(t)
			}
		}
	}
	return plain(b.String()), nil
}

// rows reads a sheet's rows.
func (b *book) rows(name string, shared []string) (rows []row, err error) {
	err = b.part(name, func(d *xml.Decoder) error {
		one := row{}
		flush := func() (err error) {
			rows, err = appended(rows, one)
			return err
		}
		err := each(d, func(e xml.StartElement) error {
			switch e.Name.Local {
			case "row":
				if err := flush(); err != nil {
					return err
				}
				no, err := strconv.Atoi(attribute(e, "r"))
				if err != nil || no <= one.no {
					no = one.no + 1
				}
				one = row{no: no}
			case "c":
				at := columnOf(attribute(e, "r"), len(one.cells))
				c, err := cellOf(d, attribute(e, "t"), shared)
				if err != nil || at >= maxColumns {
					return err
				}
				for len(one.cells) <= at {
					one.cells = append(one.cells, cell{})
				}
				c.of1904 = b.of1904
				one.cells[at] = c
			}
			return nil
		})
		if err != nil {
			return err
		}
		return flush()
	})
	return rows, err
}

// columnOf reads the column of an address such as AB12, from 0; next where the
// cell has no address.
func columnOf(address string, next int) int {
	at := 0
	for i, r := range address {
		if r < 'A' || r > 'Z' || i > 3 {
			break
		}
		at = at*26 + int(r-'A') + 1
	}
	if at == 0 {
		return next
	}
	return at - 1
}

// notComputed stands for a formula without its value: nothing, where an amount
// or a day is wanted, and no empty cell either.
const notComputed = "=?"

// cellOf reads one cell up to its end.
func cellOf(d *xml.Decoder, kind string, shared []string) (c cell, err error) {
	var value strings.Builder
	formula := false
	for in, depth := "", 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return c, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if t.Name.Local == "is" {
				if c.text, err = textOf(d); err != nil {
					return c, err
				}
				continue
			}
			in = t.Name.Local
			formula = formula || in == "f"
			depth++
		case xml.EndElement:
			in = ""
			depth--
		case xml.CharData:
			if in == "v" && value.Len() < maxCell {
				value.Write(t)
			}
		}
	}
	switch kind {
	case "inlineStr":
	case "s":
		n, err := strconv.Atoi(strings.TrimSpace(value.String()))
		if err != nil || n < 0 || n >= len(shared) {
			return c, errors.New("bank: a cell that names no text")
		}
		c.text = shared[n]
	case "str", "b", "e", "d":
		c.text = plain(value.String())
	default:
		c.text = plain(value.String())
		c.number = c.text != ""
		if formula && !c.number {
			c.text = notComputed
		}
	}
	return c, nil
}
