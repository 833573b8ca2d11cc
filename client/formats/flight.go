package formats

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// A flight is one value of two fields, its first and its last day: START/END, as ISO 8601 writes an interval. A side that there is none
// of is empty. A payload that writes one side keeps the other as the context says it is.

// flight reads the dates that a payload writes, which are those of paths. A date that is not there is cleared.
func (r *reader) flight(of entity, paths []string, startPath, endPath string, present map[string]*node) ([]edit, error) {
	first, last, _ := strings.Cut(r.holds(of.key, bidrailv1.Kind_KIND_FLIGHT_DATES), "/")
	var written []string
	for _, path := range paths {
		if path != startPath && path != endPath {
			continue
		}
		date, err := day(present[path])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		if path == endPath {
			last = date
		} else if first = date; first == "" {
			return nil, fmt.Errorf("%s: it would be taken away, and what the platform makes of that is not known", path)
		}
		written = append(written, path)
	}
	if len(written) == 0 {
		return nil, nil
	}
	return []edit{{of, bidrailv1.Kind_KIND_FLIGHT_DATES, text(first + "/" + last), written}}, nil
}

func day(n *node) (string, error) {
	if n == nil || n.kind == 'n' {
		return "", nil
	}
	if n.kind != '"' {
		return "", fmt.Errorf("it is %s and not a text", n.what())
	}
	if len(n.text) < len("20260301") || len(n.text) > 40 || strings.Trim(n.text, "0123456789-:+TZ. ") != "" {
		return "", fmt.Errorf("%q is not a date", shorten(n.text))
	}
	return n.text, nil
}

// writeFlight writes the sides of a flight that a change is of, both where its mask does not say, and returns the paths that it writes.
// A last day that there is none of is written as none; where that is "" it is left out.
func writeFlight(into *object, change *bidrailv1.Change, startPath, endPath, none string) ([]string, error) {
	first, last, both := strings.Cut(change.GetAfter().GetText(), "/")
	if !both {
		return nil, errors.New("dates are written as START/END, such as 2026-03-01/2026-03-31")
	}
	var paths []string
	for _, side := range []struct{ path, date string }{{startPath, first}, {endPath, last}} {
		if mask := change.GetFieldMask(); len(mask) > 0 && !slices.Contains(mask, side.path) {
			continue
		}
		if side.date == "" && side.path == startPath {
			if len(change.GetFieldMask()) > 0 {
				return nil, fmt.Errorf("%s cannot be taken away", startPath)
			}
			continue
		}
		paths = append(paths, side.path)
		json := none
		if side.date != "" {
			json = quote(side.date)
		}
		if json == "" {
			continue
		}
		if err := into.set(side.path, json); err != nil {
			return nil, err
		}
	}
	if len(paths) == 0 {
		return nil, errors.New("the change writes neither the first nor the last day")
	}
	return paths, nil
}
