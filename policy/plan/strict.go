package plan

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/bidrail/bidrail/policy/term"
)

// How a strict program keeps account of what it was not told.
//
// A look-up that finds nothing in the input or in the data is noted where it happens. What becomes of the note follows how
// the rule goes on, so that at the end those are left of which it cannot be said that the rule would have come out the same with
// the value there:
//
//   - A path that stands alone in a body, `input.change.effective_at`, asks whether it is there and true. It is not noted.
//   - Under `not` the rule copes with absence: a note is excused. Under a `not` within that `not` it counts again, for there
//     absence makes the outer one fail in silence.
//   - Of several clauses of a function, or several definitions of a rule, those that did not hold do not matter where another
//     gave the value. `else` and `default` do not excuse: they are only reached because of what is not there.
//   - object.get does not look up through a statement, so its default answers and nothing is noted; but the object it
//     looks into must be there.
//   - Going through an empty collection is not a look-up.
//
// An ordering comparison between values of two types is a mistake wherever it stands, since Rego gives it an answer: every
// string is above every number.

// Absence is something that a rule read and that was not there, or that it compared with something of another type.
type Absence struct {
	File string
	// Where the expression begins and ends, both counted from 1; the end is not part of it.
	Line, Column, EndLine, EndColumn int
	Path                             string // such as input.facts.spend.micros; empty for a comparison
	Reason                           string
}

// site is where a statement comes from.
type site struct {
	file                      string
	row, column, endRow, endC int
	path                      string // what is looked up, where the plan says it
}

// absence is a note of a look-up that found nothing.
type absence struct {
	at       *site
	in, key  term.Value
	mismatch string
	excused  bool
}

func (r *run) noteAbsence(at *site, in, key term.Value) {
	r.absences = append(r.absences, absence{at: at, in: in, key: key})
}

func (r *run) noteMismatch(at *site, operator string, a, b term.Value) {
	r.absences = append(r.absences, absence{at: at, mismatch: fmt.Sprintf("%s compares a %s with a %s, and the one is always above the other", operator, a.Kind(), b.Kind())})
}

// excuse turns the notes since mark around: what counted is excused by a `not`, what was excused counts again.
func (r *run) excuse(mark int) {
	for i := mark; i < len(r.absences); i++ {
		r.absences[i].excused = !r.absences[i].excused
	}
}

// maxTold is how many absences of a document are told. One is enough to hold it up.
const maxTold = 8

// reportAbsences makes of the notes what is told of a document: that which it does not cope with.
func (r *run) reportAbsences(copes func(path string) bool) []Absence {
	var told []Absence
	for i := range r.absences {
		note := &r.absences[i]
		if len(told) == maxTold {
			break
		}
		if err := r.spend(1); err != nil {
			r.stop(err)
			return nil
		}
		if note.excused && note.mismatch == "" {
			continue
		}
		absence := Absence{File: note.at.file, Line: note.at.row, Column: note.at.column, EndLine: note.at.endRow, EndColumn: note.at.endC, Reason: note.mismatch}
		if note.mismatch == "" {
			within, ours := r.holderOf(note)
			// Who copes without the whole copes without a part of it, and then nothing need be written.
			if !ours || copes != nil && copes(within) {
				continue
			}
			path := within
			if note.at.path == "" {
				path += member(note.key)
			}
			if copes != nil && copes(path) {
				continue
			}
			absence.Path, absence.Reason = path, path+" is not there"
		}
		if !slices.Contains(told, absence) {
			told = append(told, absence)
		}
	}
	return told
}

// holderOf is the path of what was looked into, or of what was looked up where the plan says it. What a rule has put together
// itself is its own affair, and not ours.
func (r *run) holderOf(note *absence) (path string, ours bool) {
	if note.at.path != "" {
		return note.at.path, true
	}
	if within, ok := r.program.dataPaths[note.in.Identity()]; ok {
		return within, true
	}
	way, found := r.wayTo(r.input, note.in, r.way[:0])
	if !found {
		return "", false
	}
	r.way = way
	within := "input"
	for _, key := range way {
		within += member(key)
	}
	return within, true
}

// wayTo finds the very object or array in a document, with the keys on the way. A scalar is not found: it could be anywhere. Nothing
// is found when the run is over its budget.
func (r *run) wayTo(document, wanted term.Value, way []term.Value) ([]term.Value, bool) {
	if err := r.spend(1); err != nil {
		r.stop(err)
		return nil, false
	}
	if term.Same(document, wanted) {
		return way, true
	}
	if object := document.Map(); object != nil {
		for i := range object.Len() {
			key, value := object.At(i)
			if deeper, found := r.wayTo(value, wanted, append(way, key)); found || r.stopped != nil {
				return deeper, found
			}
		}
	}
	if list := document.List(); list != nil {
		for i := range list.Len() {
			if deeper, found := r.wayTo(list.At(i), wanted, append(way, term.Int(int64(i)))); found || r.stopped != nil {
				return deeper, found
			}
		}
	}
	return nil, false
}

// pathsOf is the path of each object and array of a document.
func pathsOf(at string, document term.Value, paths map[any]string) map[any]string {
	if identity := document.Identity(); identity != nil {
		paths[identity] = at
	}
	if object := document.Map(); object != nil {
		for i := range object.Len() {
			key, value := object.At(i)
			pathsOf(at+member(key), value, paths)
		}
	}
	if list := document.List(); list != nil {
		for i := range list.Len() {
			pathsOf(at+"["+strconv.Itoa(i)+"]", list.At(i), paths)
		}
	}
	return paths
}

// member is how a key is written behind what holds it.
func member(key term.Value) string {
	name, ok := key.Text()
	if !ok {
		return "[" + key.String() + "]"
	}
	for i, c := range []byte(name) {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return "[" + strconv.Quote(name) + "]"
		}
	}
	return "." + name
}
