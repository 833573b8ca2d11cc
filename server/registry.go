package server

import (
	"fmt"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/calendar"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/policy/registry"
	"github.com/bidrail/bidrail/store"
)

// records is what the registry holds, as of an epoch. It does not change.
type records struct {
	epoch       int64
	entries     []registry.Entry
	experiments []experiment.Experiment
	tests       *experiment.Index // of these
	calendar    *calendar.Calendar
}

// noRecords is an empty registry.
var noRecords = &records{tests: experiment.NewIndex(nil), calendar: &calendar.Calendar{}}

// readRegistry reads the registry, or nothing but its epoch when it is known. An entry that cannot be read, as one that a newer
// version has put, is a policy.ErrUnavailable: what it holds still is not known.
func (s *Server) readRegistry(r store.RegistryReader) (*records, error) {
	epoch, err := r.RegistryEpoch()
	if err != nil {
		return nil, err
	}
	if epoch == 0 {
		return noRecords, nil
	}
	if known := s.registry.Load(); known != nil && known.epoch == epoch {
		return known, nil
	}
	entries, err := r.RegistryEntries()
	if err != nil {
		return nil, err
	}
	read := &records{epoch: epoch, entries: entries, calendar: &calendar.Calendar{}}
	for _, entry := range entries {
		if entry.Removed {
			continue
		}
		switch entry.Kind {
		case registry.Experiment:
			each, err := experiment.DecodeEntry(entry.ID, entry.Body)
			if err != nil {
				return nil, unreadable(entry, err)
			}
			read.experiments = append(read.experiments, each)
		case registry.Calendar:
			if err := read.calendar.AddEntry(entry.ID, entry.Body, entry.At); err != nil {
				return nil, unreadable(entry, err)
			}
		}
	}
	read.tests = experiment.NewIndex(read.experiments)
	// As with modes: what an Update sees may yet be undone.
	if _, writing := r.(store.RegistryWriter); !writing {
		s.registry.Store(read)
	}
	return read, nil
}

// unreadable is not what the caller did wrong, whatever the entry has wrong.
func unreadable(entry registry.Entry, err error) error {
	return fmt.Errorf("%w: version %d of the %s %s in the registry cannot be read: %v", policy.ErrUnavailable, entry.Version, entry.Kind, entry.ID, err)
}
