package ledger

// ShelfOf is a Shelf that lets fewer entries wait.
func ShelfOf(most int64) Shelf { return Shelf{most: most} }
