package models

import "context"

// NoteQueueActs puts what staff do to the job queue on the audit trail, one row
// a subject ("job:7", "queue:default"), all or none. The queue's own page acts in
// transactions of its own: the trail says "asked" before it may, and is told once
// more where the queue refused.
func (s *Store) NoteQueueActs(ctx context.Context, by Actor, action string, subjects []string, before, after string) error {
	return s.inTx(ctx, func(t *tx) error {
		for _, subject := range subjects {
			if err := t.audit(by, action, toValid(subject), before, after); err != nil {
				return err
			}
		}
		return nil
	})
}
