// Package data holds the recorded account data that the examples read, and reads it as tables. Where each file comes from is in the
// README beside it. Start with [Read].
package data

import (
	"embed"
	"encoding/csv"
	"fmt"
	"time"
)

//go:embed *.csv
var files embed.FS

// Row is one row of a file: its cells by the name of their column.
type Row struct {
	columns map[string]int
	cells   []string
}

// Read returns the rows of a file, such as amazon_campaign_history.csv. The file must have every column that is named.
func Read(file string, columns ...string) ([]Row, error) {
	opened, err := files.Open(file)
	if err != nil {
		return nil, err
	}
	defer opened.Close()
	records, err := csv.NewReader(opened).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	if len(records) == 0 {
		return nil, fmt.Errorf("%s: no header", file)
	}
	positions := map[string]int{}
	for position, column := range records[0] {
		positions[column] = position
	}
	for _, column := range columns {
		if _, found := positions[column]; !found {
			return nil, fmt.Errorf("%s: no column %s", file, column)
		}
	}
	rows := make([]Row, len(records)-1)
	for i, record := range records[1:] {
		rows[i] = Row{positions, record}
	}
	return rows, nil
}

// Cell returns the text in a column that was named to [Read]. A column that the file does not have is empty.
func (r Row) Cell(column string) string {
	position, found := r.columns[column]
	if !found {
		return ""
	}
	return r.cells[position]
}

// The ways in which the exports write a time. They are in UTC where they say so, and taken to be where they do not.
var layouts = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", time.DateOnly}

// Time reads the time or the day in a column.
func (r Row) Time(column string) (time.Time, error) {
	text := r.Cell(column)
	for _, layout := range layouts {
		if at, err := time.Parse(layout, text); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("column %s: %q is not a time", column, text)
}
