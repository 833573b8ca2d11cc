package sqlstore

import "strings"

// A statement is prepared for a fixed number of rows, so many rows are written or asked for in
// portions of these sizes: large ones, because each statement has its price, and few, because
// each size is one more statement to keep prepared.
var portions = [...]int{64, 8, 4, 2, 1}

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

// values is "(?,?),(?,?)" for so many rows and columns.
func values(rows, columns int) string {
	row := "(" + list(columns) + ")"
	return row + strings.Repeat(","+row, rows-1)
}

// list is "?,?" for so many values.
func list(count int) string { return "?" + strings.Repeat(",?", count-1) }
