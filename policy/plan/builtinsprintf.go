package plan

import (
	"fmt"
	"strings"

	"github.com/bidrail/bidrail/policy/term"
)

// sprintf writes integers and strings as they are and anything else in OPA's words. Numbers that are no int64 are left to OPA's, once what
// it takes to write them is off the budget.
func sprintf(b *budget, arguments []term.Value) (term.Value, bool, error) {
	format, ok := arguments[0].Text()
	list := arguments[1].List()
	if !ok || list == nil {
		return leave()
	}
	values := make([]any, list.Len())
	var all, longest, widest int64
	done := true
	for i, item := range list.Items() {
		room := int64(numberRoom)
		if integer, fits := item.Int(); fits {
			values[i] = integer
			widest = max(widest, integer, -integer)
		} else if text, isText := item.Text(); isText {
			values[i], room = text, int64(len(text))
		} else if item.Kind() == term.Number {
			done = false
			room += int64(len(item.String()))
		} else {
			written, err := b.written(item)
			if err != nil {
				return term.Value{}, false, err
			}
			values[i], room = written, int64(len(written))
		}
		all, longest = all+room, max(longest, room)
	}
	verbs, padding := formatRoom(format, widest)
	room := int64(len(format)) + verbs*longest*expansion + padding + all + 32*int64(list.Len())
	if room < small {
		room = int64(len(format)) + all // near enough
	}
	err := b.spend(room / textPerStep)
	if err == nil {
		err = b.grow(room)
	}
	if err != nil || !done {
		return term.Value{}, false, err
	}
	return term.Text(fmt.Sprintf(format, values...)), true, nil
}

const (
	numberRoom = 330     // the most digits that a number has without a width: a float of 1e308
	expansion  = 5       // what %q and %x make of one byte, at most
	maxWidth   = 1 << 20 // package fmt takes no width that is larger
	small      = 1 << 14
)

// formatRoom is how many verbs there are in a format, and how much their widths and precisions add at most.
func formatRoom(format string, widest int64) (verbs, padding int64) {
	for {
		_, rest, found := strings.Cut(format, "%")
		if !found {
			return verbs, padding
		}
		verbs++
		end := strings.IndexFunc(rest, func(c rune) bool { return !strings.ContainsRune("+-# 0123456789.*[]", c) })
		if end < 0 {
			end = len(rest)
		}
		var number int64
		for _, c := range rest[:end] + "." {
			switch {
			case '0' <= c && c <= '9':
				number = min(10*number+int64(c-'0'), maxWidth)
			case c == '*':
				padding += min(widest, maxWidth)
			default:
				padding, number = padding+number, 0
			}
		}
		format = strings.TrimPrefix(rest[end:], "%")
	}
}

// written is a value as OPA writes it.
func (b *budget) written(value term.Value) (string, error) {
	weight, err := b.weighed(value)
	if err == nil {
		err = b.grow((weight + 1) * (astRoom + textPerStep*expansion))
	}
	if err != nil {
		return "", err
	}
	return value.AST().String(), nil
}
