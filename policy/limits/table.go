package limits

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Columns of a table that are neither a field to match nor a limit.
const (
	idColumn     = "id"     // for people: a row is known by its line
	sourceColumn = "source" // for people
	hardColumn   = "hard"
	labelPrefix  = "label:"
)

// use says what is done with the cells of a column.
type use uint8

const (
	ignore use = iota
	matchField
	matchLabel
	setLimit
	markHard
)

// column is what a column of a table gives a row.
type column struct {
	name       string
	use        use
	field      int          // of matchField
	label      string       // of matchLabel
	definition definitionID // of setLimit
}

// ReadTable reads a CSV table of entries, a row at a time. The header names match fields, label:NAME and limits, and
// may have the columns id, source and hard. Every cell of a match column has to be filled: rows that match on other
// fields belong in another table. An empty cell of a limit means that the row does not set it. Money in a second
// currency is a second row.
//
// Errors name file, line and column. After twenty of them the rest of the table is not read.
func (b *Builder) ReadTable(r io.Reader, file string) error {
	records := csv.NewReader(r)
	records.ReuseRecord = true
	t := tableReader{builder: b, file: file, records: records}
	t.read()
	b.problems = append(b.problems, t.problems...)
	return errors.Join(t.problems...)
}

// tableReader reads one table.
type tableReader struct {
	builder  *Builder
	file     string
	records  *csv.Reader
	columns  []column
	row      row // used again for every line
	problems []error
}

func (t *tableReader) fail(line int, column string, err error) {
	if column != "" {
		column = "column " + column
	}
	t.problems = append(t.problems, &Error{Source: Source{File: t.file, Line: line}, Field: column, Err: err})
}

func (t *tableReader) read() {
	header, err := t.records.Read()
	if errors.Is(err, io.EOF) {
		t.fail(1, "", errors.New("the table is empty: write a header with the fields to match and the limits to set"))
		return
	}
	if err != nil {
		t.unreadable(err)
		return
	}
	t.header(header)
	if len(t.problems) > 0 {
		return // no row could be read
	}
	for len(t.problems) < maxProblems {
		cells, err := t.records.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			if !t.unreadable(err) {
				return
			}
			continue
		}
		line, _ := t.records.FieldPos(0)
		t.line(line, cells)
	}
}

// unreadable reports what the CSV reader could not read, and whether the lines after it can be read.
func (t *tableReader) unreadable(err error) bool {
	parse := (*csv.ParseError)(nil)
	if !errors.As(err, &parse) {
		t.fail(0, "", fmt.Errorf("read the table: %w", err))
		return false
	}
	if errors.Is(err, csv.ErrFieldCount) {
		t.fail(parse.StartLine, "", fmt.Errorf("the row does not have the %d columns of the header: "+
			"fill in what is missing, and quote cells that contain a comma", len(t.columns)))
		return true
	}
	t.fail(parse.StartLine, "", fmt.Errorf("%w: quote the whole cell and double the quotes in it", parse.Err))
	return false
}

// header reads what the columns mean.
func (t *tableReader) header(names []string) {
	uses := map[use]int{}
	for i, name := range names {
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff") // spreadsheets begin a file with it
		}
		name = strings.Clone(name) // the record is used again
		if slices.ContainsFunc(t.columns, func(c column) bool { return c.name == name }) {
			t.fail(1, name, errors.New("is there twice: keep one"))
		}
		c, err := t.column(name)
		if err != nil {
			t.fail(1, name, err)
		}
		uses[c.use]++
		t.columns = append(t.columns, c)
	}
	switch {
	case len(t.problems) > 0:
	case uses[setLimit] == 0:
		t.fail(1, "", errors.New("no column is a limit: add one named after a definition, such as bid.ceiling"))
	case uses[matchField]+uses[matchLabel] == 0:
		t.fail(1, "", fmt.Errorf("no column is matched: add a field (%s) or label:NAME", acceptedFields))
	}
}

// column reads the name of one column.
func (t *tableReader) column(name string) (column, error) {
	c := column{name: name}
	if definition, ok := t.builder.byName[name]; ok {
		c.use, c.definition = setLimit, definition
		return c, nil
	}
	if field, ok := fieldNamed(name); ok {
		c.use, c.field = matchField, field
		return c, nil
	}
	if key, ok := strings.CutPrefix(name, labelPrefix); ok {
		c.use, c.label = matchLabel, key
		if err := checkText(key); err != nil {
			return c, fmt.Errorf("write label: and the label's name: %w", err)
		}
		return c, nil
	}
	switch name {
	case hardColumn:
		c.use = markHard
	case idColumn, sourceColumn:
	default:
		return c, fmt.Errorf("unknown column: write a field (%s), label:NAME, id, source, hard or a limit that is defined",
			acceptedFields)
	}
	return c, nil
}

// line reads one row.
func (t *tableReader) line(line int, cells []string) {
	before := len(t.problems)
	r := &t.row
	*r = row{source: Source{File: t.file, Line: line}, labels: r.labels[:0], set: r.set[:0]}
	for i, cell := range cells {
		c := &t.columns[i]
		if err := t.cell(r, c, cell); err != nil {
			t.fail(line, c.name, err)
		}
	}
	if len(t.problems) > before {
		return
	}
	slices.SortFunc(r.labels, func(a, b label) int { return strings.Compare(a.key, b.key) })
	if err := t.builder.add(r); err != nil {
		t.fail(line, "", err)
	}
}

func (t *tableReader) cell(r *row, c *column, cell string) error {
	switch c.use {
	case setLimit:
		if cell == "" {
			return nil
		}
		value, err := ParseValue(t.builder.definitions[c.definition].Type, cell)
		if err != nil {
			return err
		}
		r.set = append(r.set, assignment{c.definition, value})
	case markHard:
		hard, err := ParseValue(Flag, cell)
		if err != nil {
			return err
		}
		r.hard = hard.Amount == 1
	case matchField, matchLabel:
		if cell == "" {
			return errors.New("is empty: fill it in, or put rows that match on other fields in a table of their own")
		}
		if err := checkText(cell); err != nil {
			return err
		}
		if c.use == matchLabel {
			r.labels = append(r.labels, label{c.label, cell})
		} else {
			r.values[c.field] = cell
		}
	}
	return nil
}
