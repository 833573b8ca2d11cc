// Package recorded reads what people and programs once changed in real ad accounts, from the histories that the platforms export.
// Start with [Read].
//
// A history holds versions: all settings of an entity as they were from one time on. Two consecutive versions of one entity that
// differ in a field make one [Edit] of that field, from the older value to the newer. A first version that was recorded at the very
// time of the entity's creation makes an edit too, from "not set". A field that an export leaves empty was not exported; it makes no
// edit, because nobody can tell what it was.
package recorded

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Edit is one change that was made on a platform, in the past and without Bidrail.
type Edit struct {
	Target *bidrailv1.Target
	Kind   bidrailv1.Kind
	Before *bidrailv1.Value
	After  *bidrailv1.Value
	At     time.Time // when the newer version was recorded
	File   string    // the file that has it
	Facts  map[string]*bidrailv1.Value
}

// History is what one file recorded.
type History struct {
	File     string
	Versions int
	Entities int
	Edits    []Edit
	// Unknown counts the fields that a newer version has and the older one leaves empty.
	Unknown int
}

// Read returns the histories of all platforms.
func Read() ([]History, error) {
	var histories []History
	for _, source := range sources {
		versions, err := source.read()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", source.file, err)
		}
		histories = append(histories, compare(source.file, versions))
	}
	addBudgets(histories)
	return histories, nil
}

// Edits returns the edits of all histories in the order in which they were made.
func Edits(histories []History) []Edit {
	var edits []Edit
	for _, history := range histories {
		edits = append(edits, history.Edits...)
	}
	slices.SortStableFunc(edits, func(a, b Edit) int { return a.At.Compare(b.At) })
	return edits
}

// Change proposes the edit anew, as if the value before it had been read at the given time. When it really was made goes into the
// evidence of its reason.
func (e Edit) Change(observed time.Time) *bidrailv1.Change {
	at := e.At.Format(time.RFC3339)
	field := strings.ToLower(strings.TrimPrefix(e.Kind.String(), "KIND_"))
	id := strings.Join([]string{"recorded", e.Target.GetPlatform(), e.Target.GetEntityType(), e.Target.GetEntityId(), field, at}, "/")
	change := client.NewChange(id, e.Kind, proto.CloneOf(e.Target), client.Seen(e.Before, observed), e.After)
	change.Actor = &bidrailv1.Actor{Automation: "recorded-history", Run: e.File}
	change.Reason = &bidrailv1.Reason{
		Code:     "recorded",
		Text:     "this change was made on the platform in the past",
		Evidence: map[string]string{"effective_at": at, "file": e.File},
	}
	for name, value := range e.Facts {
		if change.Facts == nil {
			change.Facts = map[string]*bidrailv1.Fact{}
		}
		change.Facts[name] = &bidrailv1.Fact{Value: value, ObservedAt: timestamppb.New(observed), Source: e.File}
	}
	return change
}

// version is one state of an entity. A field that the export leaves empty is not in it.
type version struct {
	target  *bidrailv1.Target
	at      time.Time
	created time.Time // zero: the export does not say
	fields  map[bidrailv1.Kind]*bidrailv1.Value
}

// compare puts the versions of each entity in order and makes edits of their differences.
func compare(file string, versions []version) History {
	history := History{File: file, Versions: len(versions)}
	entities := map[string][]version{}
	for _, each := range versions {
		entities[each.target.GetEntityId()] = append(entities[each.target.GetEntityId()], each)
	}
	history.Entities = len(entities)
	for _, id := range slices.Sorted(maps.Keys(entities)) {
		entity := entities[id]
		slices.SortStableFunc(entity, func(a, b version) int { return a.at.Compare(b.at) })
		if first := entity[0]; first.at.Equal(first.created) {
			history.add(first, nil)
		}
		for i, newer := range entity[1:] {
			history.add(newer, &entity[i])
		}
	}
	slices.SortStableFunc(history.Edits, func(a, b Edit) int { return a.At.Compare(b.At) })
	return history
}

// add makes the edits that lead from the older version, or from nothing, to the newer.
func (h *History) add(newer version, older *version) {
	for _, kind := range slices.SortedFunc(maps.Keys(newer.fields), cmp.Compare) {
		after := newer.fields[kind]
		var before *bidrailv1.Value
		if older == nil {
			// An entity comes with a name and a status; only what it may spend is worth asking about.
			if kind == bidrailv1.Kind_KIND_NAME || kind == bidrailv1.Kind_KIND_STATUS {
				continue
			}
			before = client.Absent()
		} else if before = older.fields[kind]; before == nil {
			h.Unknown++
			continue
		}
		if !proto.Equal(before, after) {
			h.Edits = append(h.Edits, Edit{Target: newer.target, Kind: kind, Before: before, After: after, At: newer.at, File: h.File})
		}
	}
}
