package sqlstore

import (
	"fmt"

	"github.com/bidrail/bidrail/policy/audit"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/store"
)

// Contaminations is described in store.ContaminationReader. Each is an event of its test: nothing else is kept of it.
func (r *reader) Contaminations(experimentID string) ([]experiment.Contamination, error) {
	events, err := r.Events(audit.Contamination, experimentID)
	if err != nil {
		return nil, err
	}
	var found []experiment.Contamination
	for _, event := range events {
		each, err := experiment.DecodeContamination(event.Record)
		if err == nil && (each.Experiment != experimentID || each.Number != event.Version) {
			err = fmt.Errorf("it is number %d of %q", each.Number, each.Experiment)
		}
		if err != nil {
			return nil, fmt.Errorf("contamination %d of the experiment %s is damaged: %v; stop the server and run bidrail audit verify",
				event.Version, experimentID, err)
		}
		found = append(found, each)
	}
	return found, nil
}

// InsertContaminations is described in store.ContaminationWriter.
func (w *writer) InsertContaminations(contaminations []experiment.Contamination) error {
	if len(contaminations) == 0 {
		return nil
	}
	last, added := map[string]int64{}, map[string]int64{} // of each test: the newest number, and how many come after it
	events, leaves := make([]store.Event, len(contaminations)), make([]audit.Leaf, len(contaminations))
	for i, each := range contaminations {
		if err := each.Validate(); err != nil {
			return w.refuse(err)
		}
		number, known := last[each.Experiment]
		if !known {
			var err error
			if number, err = w.lastVersion(audit.Contamination, each.Experiment); err != nil {
				return err
			}
			last[each.Experiment] = number
		}
		added[each.Experiment]++
		each.Number = number + added[each.Experiment]
		var err error
		if events[i], leaves[i], err = store.ContaminationEvent(each); err != nil {
			return w.refuse(err)
		}
	}
	first, err := w.appendLeaves(leaves)
	if err != nil {
		return err
	}
	// Behind the head of the log, which whoever else records one has to move as well.
	for id, number := range last {
		switch now, err := w.lastVersion(audit.Contamination, id); {
		case err != nil:
			return err
		case now != number:
			return w.refuse(fmt.Errorf("contaminations of the experiment %s are being recorded by somebody else: %w", id, store.ErrConflict))
		}
	}
	return w.insertEvents(first, events)
}
