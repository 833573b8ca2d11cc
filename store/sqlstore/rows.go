package sqlstore

import (
	"cmp"
	"slices"
	"strings"
)

// A statement is prepared for a fixed number of rows, so many rows are written or asked for in
// portions of these sizes: large ones, because each statement has its price, and few, because
// each size is one more statement to keep prepared. Eight and nine are the scopes of one change.
var portions = [...]int{64, 9, 8, 4, 2, 1}

// inPortions calls do with consecutive ranges that cover count.
func inPortions(count int, do func(from, to int) error) error {
	from := 0
	for _, size := range portions {
		for ; count-from >= size; from += size {
			if err := do(from, from+size); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookups are the sizes of lists that rows are looked up by. A list is filled up to its size with empty texts,
// which nothing is stored under: a single change has eight or nine scopes and takes one query.
var lookups = [...]int{1, 9, 64, 512}

// inLookups calls do with lists, of one of those sizes each, that together have all of wanted.
func inLookups(wanted []any, do func(some []any) error) error {
	for len(wanted) > 0 {
		some := wanted[:min(len(wanted), lookups[len(lookups)-1])]
		wanted = wanted[len(some):]
		if err := do(padded(some)); err != nil {
			return err
		}
	}
	return nil
}

// padded is a list filled up to one of those sizes, or to a multiple of the largest.
func padded(some []any) []any {
	largest := lookups[len(lookups)-1]
	size := (len(some) + largest - 1) / largest * largest
	for _, smaller := range lookups {
		if smaller >= len(some) {
			size = smaller
			break
		}
	}
	full := append(make([]any, 0, size), some...)
	for len(full) < size {
		full = append(full, "")
	}
	return full
}

// words is texts as arguments, each once.
func words(texts []string) []any {
	arguments := make([]any, 0, len(texts))
	seen := make(map[string]bool, len(texts))
	for _, text := range texts {
		if !seen[text] {
			seen[text] = true
			arguments = append(arguments, text)
		}
	}
	return arguments
}

// lastFirst is the sequences of what was found, the last stored first.
func lastFirst[Record any](found map[int64]Record) []int64 {
	sequences := make([]int64, 0, len(found))
	for sequence := range found {
		sequences = append(sequences, sequence)
	}
	slices.SortFunc(sequences, func(a, b int64) int { return cmp.Compare(b, a) })
	return sequences
}

// values is "(?,?),(?,?)" for so many rows and columns.
func values(rows, columns int) string {
	row := "(" + list(columns) + ")"
	return row + strings.Repeat(","+row, rows-1)
}

// list is "?,?" for so many values.
func list(count int) string { return "?" + strings.Repeat(",?", count-1) }
