package plan

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/bidrail/bidrail/policy/term"
)

// texts are two arguments that are strings, read.
func (b *budget) texts(arguments []term.Value) (first, second string, ok bool, err error) {
	first, isText := arguments[0].Text()
	second, areTexts := arguments[1].Text()
	if !isText || !areTexts {
		return "", "", false, nil
	}
	return first, second, true, b.read(first, second)
}

func startsWith(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, prefix, ok, err := b.texts(arguments)
	return term.Bool(strings.HasPrefix(text, prefix)), ok, err
}

func endsWith(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, suffix, ok, err := b.texts(arguments)
	return term.Bool(strings.HasSuffix(text, suffix)), ok, err
}

func contains(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, part, ok, err := b.texts(arguments)
	return term.Bool(strings.Contains(text, part)), ok, err
}

func occurrences(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, part, ok, err := b.texts(arguments)
	return term.Int(int64(strings.Count(text, part))), ok, err
}

// indexOf counts in characters. What is not valid UTF-8, and the error about looking for nothing, are left to OPA.
func indexOf(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, part, ok, err := b.texts(arguments)
	if !ok || err != nil || part == "" || !utf8.ValidString(text) || !utf8.ValidString(part) {
		return term.Value{}, false, err
	}
	at := strings.Index(text, part)
	if at > 0 {
		at = utf8.RuneCountInString(text[:at])
	}
	return term.Int(int64(at)), true, nil
}

// anyAffix is whether a text has an affix. Either may be many, and then one that fits is enough; both being many is left to OPA's, which
// sorts them.
func anyAffix(fits func(text, affix string) bool) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		text, isText := arguments[0].Text()
		affix, isAffix := arguments[1].Text()
		many := arguments[1]
		switch {
		case isText && isAffix:
			return term.Bool(fits(text, affix)), true, b.read(affix, "")
		case isAffix:
			many = arguments[0]
		case !isText:
			return leave()
		}
		all, ok, err := b.collected(many)
		if !ok || err != nil || !areTexts(all) {
			return term.Value{}, false, err
		}
		for _, each := range all {
			one, _ := each.Text()
			if isText {
				affix = one
			} else {
				text = one
			}
			if err := b.read(affix, ""); err != nil {
				return term.Value{}, false, err
			}
			if fits(text, affix) {
				return term.Bool(true), true, nil
			}
		}
		return term.Bool(false), true, nil
	}
}

func areTexts(values []term.Value) bool {
	for _, value := range values {
		if value.Kind() != term.String {
			return false
		}
	}
	return true
}

// inCase writes a text in one case. What is no ASCII can become up to three times as long.
func inCase(written func(string) string) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		text, ok := arguments[0].Text()
		if !ok {
			return leave()
		}
		err := b.read(text, "")
		if err == nil {
			err = b.grow(3 * int64(len(text)))
		}
		if err != nil {
			return term.Value{}, false, err
		}
		return term.Text(written(text)), true, nil
	}
}

func split(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, between, ok, err := b.texts(arguments)
	if !ok || err != nil {
		return term.Value{}, false, err
	}
	parts := strings.Count(text, between) + 1
	if err := b.make(parts); err != nil {
		return term.Value{}, false, err
	}
	items := make([]term.Value, 0, parts)
	for part := range strings.SplitSeq(text, between) {
		items = append(items, term.Text(part))
	}
	return term.NewList(items...), true, nil
}

// substring counts in characters; a length below zero is all there is. A start below zero is an error, which is left to OPA, as is what
// is not valid UTF-8.
func substring(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, isText := arguments[0].Text()
	start, startFits := arguments[1].Int()
	length, lengthFits := arguments[2].Int()
	if !isText || !startFits || !lengthFits || start < 0 {
		return leave()
	}
	if err := b.read(text, ""); err != nil {
		return term.Value{}, false, err
	}
	if !utf8.ValidString(text) {
		return leave()
	}
	rest := text[offset(text, start):]
	if length >= 0 {
		rest = rest[:offset(rest, length)]
	}
	return term.Text(rest), true, nil
}

// offset is where the character of a number begins, or the end of the text.
func offset(text string, characters int64) int {
	for at := range text {
		if characters == 0 {
			return at
		}
		characters--
	}
	return len(text)
}

// trimmed cuts something off the ends of a text. A set of characters that is no ASCII is looked through for each character of the text.
func trimmed(cut func(text, what string) string) builtin {
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		text, what, ok, err := b.texts(arguments)
		if ok && err == nil && utf8.RuneCountInString(what) < len(what) {
			err = b.spend(int64(len(text)/textPerStep) * int64(len(what)))
		}
		if !ok || err != nil {
			return term.Value{}, false, err
		}
		return term.Text(cut(text, what)), true, nil
	}
}

func trimSpace(b *budget, arguments []term.Value) (term.Value, bool, error) {
	text, ok := arguments[0].Text()
	if !ok {
		return leave()
	}
	return term.Text(strings.TrimSpace(text)), true, b.read(text, "")
}

func formatInt(_ *budget, arguments []term.Value) (term.Value, bool, error) {
	number, fits := arguments[0].Int()
	base, baseFits := arguments[1].Int()
	if !fits || !baseFits || base != 2 && base != 8 && base != 10 && base != 16 {
		return leave()
	}
	return term.Text(strconv.FormatInt(number, int(base))), true, nil
}
