package sqlstore

import "strings"

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
		size := lookups[len(lookups)-1]
		for _, larger := range lookups {
			if larger >= len(wanted) {
				size = larger
				break
			}
		}
		some := wanted[:min(size, len(wanted))]
		wanted = wanted[len(some):]
		if len(some) < size {
			some = append(make([]any, 0, size), some...)
			for len(some) < size {
				some = append(some, "")
			}
		}
		if err := do(some); err != nil {
			return err
		}
	}
	return nil
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

// values is "(?,?),(?,?)" for so many rows and columns.
func values(rows, columns int) string {
	row := "(" + list(columns) + ")"
	return row + strings.Repeat(","+row, rows-1)
}

// list is "?,?" for so many values.
func list(count int) string { return "?" + strings.Repeat(",?", count-1) }
