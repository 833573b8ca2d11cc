package plan

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gobwas/glob"
	"github.com/gobwas/glob/syntax"

	"github.com/bidrail/bidrail/policy/term"
)

// globMatch compiles the pattern once where it and the delimiters are constant, and else at each call.
func globMatch(constants []term.Value) builtin {
	var compiled *pattern
	if constants[0].Defined() && constants[1].Defined() {
		if text, delimiters, ok := patternOf(constants); ok {
			compiled, _ = newPattern(text, delimiters)
		}
	}
	return func(b *budget, arguments []term.Value) (term.Value, bool, error) {
		match := compiled
		text, isText := arguments[2].Text()
		if !isText {
			return leave()
		}
		if match == nil {
			source, delimiters, ok := patternOf(arguments)
			if !ok {
				return leave()
			}
			err := b.spend(1 + int64(len(source)))
			if err == nil {
				err = b.grow(patternRoom * int64(len(source)))
			}
			if err != nil {
				return term.Value{}, false, err
			}
			if match, err = newPattern(source, delimiters); err != nil {
				return leave() // OPA's says what is wrong with it
			}
		}
		matches, err := match.matches(b, text)
		return term.Bool(matches), true, err
	}
}

// patternRoom is about what a compiled pattern takes up for each byte that it is written with.
const patternRoom = 256

// patternOf is the pattern and the delimiters of a call. No delimiters at all are null; an empty list is the dot.
func patternOf(arguments []term.Value) (text string, delimiters []rune, ok bool) {
	text, ok = arguments[0].Text()
	if arguments[1].Kind() == term.Null {
		return text, nil, ok
	}
	list := arguments[1].List()
	if !ok || list == nil {
		return "", nil, false
	}
	if list.Len() == 0 {
		return text, []rune{'.'}, true
	}
	for _, item := range list.Items() {
		one, isText := item.Text()
		character, size := utf8.DecodeRuneInString(one)
		if !isText || one == "" || size != len(one) {
			return "", nil, false
		}
		delimiters = append(delimiters, character)
	}
	return text, delimiters, true
}

// pattern is a glob pattern. The library that OPA uses goes back and tries again, which for some patterns takes time that grows with a
// power of the text's length: eight stars and thirty characters are half a second. It is used where that cannot be, since it is
// faster; other patterns are matched by the regular expression that says the same, which takes time in proportion to the text.
type pattern struct {
	glob       *glob.Pattern
	expression *regexp.Regexp // nil where the library will do for every text
	upTo       int            // how many bytes of text the library will do for
	size       int64
}

func newPattern(text string, delimiters []rune) (*pattern, error) {
	compiled, err := glob.Compile(text, delimiters...)
	if err != nil {
		return nil, err
	}
	result := &pattern{glob: compiled, size: int64(len(text))}
	expression, stars, branches := expressionOf(text, delimiters)
	switch {
	case stars <= 1 && branches <= 1:
		return result, nil
	case stars == 2 && branches == 0:
		result.upTo = 256
	}
	result.expression, err = regexp.Compile(expression)
	return result, err
}

func (p *pattern) matches(b *budget, text string) (bool, error) {
	looks := int64(len(text)) * (1 + p.size)
	if p.expression == nil || len(text) <= p.upTo {
		if err := b.spend(looks / textPerStep); err != nil {
			return false, err
		}
		return p.glob.Match(text), nil
	}
	if err := b.spend(looks / 4); err != nil {
		return false, err
	}
	return p.expression.MatchString(text), nil
}

// expressionOf is a valid glob pattern as a regular expression, with what makes the library go back: how many stars and branches it has.
func expressionOf(text string, delimiters []rune) (expression string, stars, branches int) {
	one := `.`
	if len(delimiters) > 0 {
		one = "[^" + class(delimiters) + "]"
	}
	var written strings.Builder
	written.WriteString(`(?s)\A(?:`)
	for lexer, inClass := syntax.NewLexer(text), false; ; {
		token := lexer.Next()
		switch token.Type {
		case syntax.EOF, syntax.Error: // there is no error in a pattern that is valid
			return written.String() + `)\z`, stars, branches
		case syntax.Text:
			if inClass {
				written.WriteString(class([]rune(token.Data)))
			} else {
				written.WriteString(regexp.QuoteMeta(token.Data))
			}
		case syntax.Single:
			written.WriteString(one)
		case syntax.Any:
			written.WriteString(one + "*")
			stars++
		case syntax.Super:
			written.WriteString(".*")
			stars++
		case syntax.RangeOpen:
			written.WriteString("[")
			inClass = true
		case syntax.Not:
			written.WriteString("^")
		case syntax.RangeLo, syntax.RangeHi:
			written.WriteString(class([]rune(token.Data)))
		case syntax.RangeBetween:
			written.WriteString("-")
		case syntax.RangeClose:
			written.WriteString("]")
			inClass = false
		case syntax.TermsOpen:
			written.WriteString("(?:")
			branches++
		case syntax.TermSeparator:
			written.WriteString("|")
		case syntax.TermsClose:
			written.WriteString(")")
		}
	}
}

// class writes characters for the inside of a character class.
func class(characters []rune) string {
	var written strings.Builder
	for _, character := range characters {
		fmt.Fprintf(&written, `\x{%x}`, character)
	}
	return written.String()
}
