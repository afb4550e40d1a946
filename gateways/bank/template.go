package bank

import _ "embed"

//go:embed template.csv
var template []byte

// Template is our own layout, for a bank whose file can't be read: a CSV with
// its titles, marked as UTF-8 so that spreadsheets read it as such.
func Template() []byte {
	return append([]byte("\xEF\xBB\xBF"), template...)
}
