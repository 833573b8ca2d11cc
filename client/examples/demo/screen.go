package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"google.golang.org/grpc/status"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// screen prints what the demo shows, in colour where somebody looks at it.
type screen struct {
	to     io.Writer
	colour bool
	all    bool // every row, not only a screenful of each scene
}

// A scene takes at most so many lines of rows, of at most so many columns.
const (
	screenful = 36
	width     = 118
)

func newScreen(file *os.File, all bool) *screen {
	info, err := file.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	_, plain := os.LookupEnv("NO_COLOR")
	return &screen{to: file, colour: terminal && !plain, all: all}
}

func (s *screen) say(lines ...string) {
	for _, line := range lines {
		fmt.Fprintln(s.to, line)
	}
}

// The colours of terminals.
const (
	green  = "32"
	yellow = "33"
	red    = "31"
	dim    = "2"
	bold   = "1"
)

func (s *screen) paint(text, colour string) string {
	if !s.colour || colour == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// show prints a scene: its rows, or a choice of them.
func (s *screen) show(played scene) {
	s.say("", s.paint(played.intro[0], bold))
	s.say(played.intro[1:]...)
	s.say("")
	shown := played.rows
	if !s.all {
		shown = choose(played.rows, screenful)
	}
	columns := widths(shown)
	var above []string
	for _, row := range shown {
		if row.label != "" {
			s.say("  " + row.label)
			above = nil
		}
		s.say(s.cells(row, columns))
		// The legs of a group often share their reason.
		lines := reason(row)
		if row.when != "" || !slices.Equal(lines, above) {
			for _, line := range lines {
				s.say(s.paint(line, dim))
			}
		}
		above = lines
	}
	if rest := len(played.rows) - len(shown); rest > 0 {
		s.say(fmt.Sprintf("  ... and %d more like these; --all prints every row", rest))
	}
	s.say(played.after...)
}

// choose picks rows for so many lines: the first of each sort, then the second of each, and so on, and shows them in their order. A sort
// is a verdict with its first reason, so that nothing rare is lost among what is common.
func choose(rows []row, lines int) []row {
	rank := map[string]int{}
	type candidate struct{ position, rank int }
	candidates := make([]candidate, len(rows))
	for i, row := range rows {
		sort := row.decision.GetVerdict().String()
		if reasons := row.decision.Reasons(); len(reasons) > 0 {
			sort += reasons[0].GetRule()
		}
		candidates[i] = candidate{i, rank[sort]}
		// A what-if is a sort of its own.
		if row.when != "" {
			rank[sort]++
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return a.rank - b.rank })
	var positions []int
	for _, candidate := range candidates {
		row := rows[candidate.position]
		if lines -= 1 + len(reason(row)); lines < 0 && row.when != "" {
			break
		}
		positions = append(positions, candidate.position)
	}
	slices.Sort(positions)
	chosen := make([]row, len(positions))
	for i, position := range positions {
		chosen[i] = rows[position]
	}
	return chosen
}

// cells are the columns of a row before they are padded.
func cells(row row) []string {
	target := row.change.GetTarget()
	return []string{
		row.when,
		target.GetPlatform() + " " + target.GetEntityType() + " " + target.GetEntityId(),
		kindName(row.change.GetKind()),
		client.Describe(row.change.GetBefore()) + " → " + client.Describe(row.change.GetAfter()),
		percent(row.change.GetBefore(), row.change.GetAfter()),
	}
}

func widths(rows []row) []int {
	var widths []int
	for _, row := range rows {
		for i, cell := range cells(row) {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	return widths
}

func (s *screen) cells(row row, widths []int) string {
	word, colour := verdict(row)
	var line strings.Builder
	line.WriteString("  " + s.paint(fmt.Sprintf("%-8s", word), colour))
	for i, cell := range cells(row) {
		if widths[i] > 0 {
			fmt.Fprintf(&line, "  %-*s", widths[i], cell)
		}
	}
	return strings.TrimRight(line.String(), " ")
}

func verdict(row row) (word, colour string) {
	switch row.decision.GetVerdict() {
	case bidrailv1.Verdict_VERDICT_ALLOW:
		return "ALLOW", green
	case bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL:
		return "APPROVAL", yellow
	case bidrailv1.Verdict_VERDICT_BLOCK:
		return "BLOCK", red
	default:
		return "ERROR", red
	}
}

// reason is the first finding of a change that is not allowed, with the other rules that stand in its way, or its error; folded to the
// width.
func reason(row row) []string {
	const indent = "            "
	var text string
	switch reasons := row.decision.Reasons(); {
	case row.err != nil:
		text = said(row.err)
	case row.decision.GetReplayed():
		text = "replayed: decision " + row.decision.GetDecisionId()
	case row.decision.Allowed() || len(reasons) == 0:
		return nil
	default:
		text = reasons[0].GetRule() + ": " + reasons[0].GetMessage()
		var others []string
		for _, other := range reasons[1:] {
			if rule := other.GetRule(); other.GetEffect() >= bidrailv1.Effect_EFFECT_APPROVE && rule != reasons[0].GetRule() && !slices.Contains(others, rule) {
				others = append(others, rule)
			}
		}
		if len(others) > 0 {
			text += " (also " + strings.Join(others, ", ") + ")"
		}
	}
	var lines []string
	line := indent
	for _, word := range strings.Fields(text) {
		if utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width && line != indent {
			lines, line = append(lines, line), indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// said is the service's own message in an error.
func said(err error) string {
	var refused interface{ GRPCStatus() *status.Status }
	if errors.As(err, &refused) {
		return refused.GRPCStatus().Message()
	}
	return err.Error()
}

func kindName(kind bidrailv1.Kind) string {
	return strings.ToLower(strings.TrimPrefix(kind.String(), "KIND_"))
}

// percent says how far a change goes, for people: +12.5%, or ×100 where a percentage would be hard to read.
func percent(before, after *bidrailv1.Value) string {
	from, to := before.GetMoney().GetMicros(), after.GetMoney().GetMicros()
	if before.GetMoney().GetCurrency() != after.GetMoney().GetCurrency() || from == 0 {
		return ""
	}
	if to/10 >= from {
		return fmt.Sprintf("×%d", to/from)
	}
	sign, distance := "+", to-from
	if distance < 0 {
		sign, distance = "-", -distance
	}
	thousandths := (distance*1000 + from/2) / from
	return fmt.Sprintf("%s%d.%d%%", sign, thousandths/10, thousandths%10)
}
