package sqlstore

import (
	"fmt"
	"slices"
	"testing"
)

func TestRebind(t *testing.T) {
	for query, want := range map[string]string{
		"":                                   "",
		"SELECT 1":                           "SELECT 1",
		"a = ? AND b IN (" + list(2) + ")":   "a = $1 AND b IN ($2,$3)",
		values(5, 2) + " RETURNING seq, id ": "($1,$2),($3,$4),($5,$6),($7,$8),($9,$10) RETURNING seq, id ",
	} {
		if got := (&Dialect{Numbered: true}).rebind(query); got != want {
			t.Errorf("rebind(%q): got %q, want %q", query, got, want)
		}
		if got := (&Dialect{}).rebind(query); got != query {
			t.Errorf("rebind(%q) without numbers: got %q", query, got)
		}
	}
}

func TestInPortions(t *testing.T) {
	for count := range 300 {
		at := 0
		err := inPortions(count, func(from, to int) error {
			if from != at || !slices.Contains(portions[:], to-from) {
				t.Errorf("%d: got the range %d to %d after %d", count, from, to, at)
			}
			at = to
			return nil
		})
		if err != nil || at != count {
			t.Errorf("%d: ended at %d with error %v", count, at, err)
		}
	}
}

func TestInLookups(t *testing.T) {
	for _, count := range []int{0, 1, 2, 8, 9, 10, 64, 65, 511, 512, 513, 521, 1300} {
		var wanted, got []any
		for n := range count {
			wanted = append(wanted, fmt.Sprint(n))
		}
		err := inLookups(wanted, func(some []any) error {
			if !slices.Contains(lookups[:], len(some)) {
				t.Errorf("%d: got a list of %d", count, len(some))
			}
			for _, each := range some {
				if each != "" {
					got = append(got, each)
				}
			}
			return nil
		})
		if err != nil || !slices.Equal(got, wanted) {
			t.Errorf("%d: looked up %d, error %v", count, len(got), err)
		}
	}
}
