package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/term"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// The rules of output: results go to stdout, everything about the run goes to stderr. Colours and
// cut-off columns are for a terminal; what is piped is plain and whole. Text from outside never
// carries control characters to a terminal.

// screen is a writer with what is known of it.
type screen struct {
	io.Writer
	terminal bool
	width    int
}

func newScreen(w io.Writer, env environment) screen {
	s := screen{Writer: w, width: 120}
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return s
	}
	s.terminal = true
	for _, pair := range env.environ {
		if strings.HasPrefix(pair, "NO_COLOR=") && pair != "NO_COLOR=" || pair == "TERM=dumb" {
			s.terminal = false
		}
	}
	if width, _, err := term.GetSize(int(file.Fd())); err == nil && width > 40 {
		s.width = width
	}
	return s
}

const (
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	dim    = "\x1b[2m"
)

func (s screen) colour(colour, text string) string {
	if !s.terminal {
		return text
	}
	return colour + text + "\x1b[0m"
}

func (s screen) verdict(verdict bidrailv1.Verdict) string {
	switch verdict {
	case bidrailv1.Verdict_VERDICT_ALLOW:
		return s.colour(green, "ALLOW")
	case bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL:
		return s.colour(yellow, "APPROVAL")
	default:
		return s.colour(red, "BLOCK")
	}
}

// clean makes text from outside safe for a terminal and for one line.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069:
			return '\uFFFD'
		}
		return r
	}, text)
}

// table writes rows under a heading, each column as wide as its widest cell. On a terminal the last
// column is cut to the width of the screen.
func (s screen) table(heading []string, rows [][]string) error {
	widths := make([]int, len(heading))
	for _, row := range append([][]string{heading}, rows...) {
		for i, cell := range row {
			widths[i] = max(widths[i], visible(cell))
		}
	}
	var out strings.Builder
	write := func(row []string, decorate func(string) string) {
		var line strings.Builder
		used := 0
		for i, cell := range row {
			last := i == len(row)-1
			if last && s.terminal && used+visible(cell) > s.width {
				cell = cutTo(cell, s.width-used)
			}
			line.WriteString(decorate(cell))
			if !last {
				line.WriteString(strings.Repeat(" ", widths[i]-visible(cell)+2))
				used += widths[i] + 2
			}
		}
		out.WriteString(strings.TrimRight(line.String(), " "))
		out.WriteByte('\n')
	}
	write(heading, func(cell string) string { return s.colour(dim, cell) })
	for _, row := range rows {
		write(row, func(cell string) string { return cell })
	}
	_, err := io.WriteString(s, out.String())
	return err
}

// visible is how many characters a cell shows: colours take none.
func visible(cell string) int {
	count := 0
	for {
		before, after, coloured := strings.Cut(cell, "\x1b[")
		count += utf8.RuneCountInString(before)
		if !coloured {
			return count
		}
		_, cell, _ = strings.Cut(after, "m")
	}
}

func cutTo(text string, width int) string {
	if width < 2 {
		return ""
	}
	runes := []rune(text)
	if len(runes) <= width {
		return text
	}
	return string(runes[:width-1]) + "…"
}

// plural writes "1 change", "2 changes".
func plural(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}
