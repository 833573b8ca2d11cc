package formats

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// node is one value of a JSON document, with where it stands. Numbers stay the text that they are: nothing here goes through a float.
//
// The standard decoder is not used because it takes the last of two members with one name, and finds members whatever their case. Two
// readers of one payload could then see two different bids.
type node struct {
	kind    byte   // { [ " 0 t f n
	start   int    // in the document
	raw     []byte // as it is written there
	text    string
	members []member
	items   []*node
}

type member struct {
	name  string
	value *node
}

// The deepest that a payload may nest, far beyond what platforms take.
const maxDepth = 32

type scanner struct {
	data []byte
	at   int
}

// parse reads a whole document.
func parse(data []byte) (*node, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	if !json.Valid(data) {
		return nil, syntax(data)
	}
	s := scanner{data: data}
	return s.value(0)
}

// syntax says where a document stops being JSON.
func syntax(data []byte) error {
	var any json.RawMessage
	err := json.Unmarshal(data, &any)
	var wrong *json.SyntaxError
	if errors.As(err, &wrong) {
		line := 1 + strings.Count(string(data[:min(int(wrong.Offset), len(data))]), "\n")
		return fmt.Errorf("it is not JSON: line %d: %w", line, err)
	}
	return errors.New("it is not JSON")
}

// The document is known to be JSON from here on, so every step ahead is there.

func (s *scanner) space() {
	for s.at < len(s.data) {
		switch s.data[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *scanner) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it nests deeper than %d", maxDepth)
	}
	s.space()
	n := &node{kind: s.data[s.at], start: s.at}
	var err error
	switch n.kind {
	case '{':
		err = s.object(n, depth)
	case '[':
		err = s.list(n, depth)
	case '"':
		n.text, err = s.string()
	case 't', 'n':
		s.at += 4
	case 'f':
		s.at += 5
	default:
		for s.at < len(s.data) && strings.IndexByte("+-.0123456789eE", s.data[s.at]) >= 0 {
			s.at++
		}
		n.kind, n.text = '0', string(s.data[n.start:s.at])
	}
	n.raw = s.data[n.start:s.at]
	return n, err
}

func (s *scanner) object(n *node, depth int) error {
	for s.at++; ; s.at++ { // past the brace, then past each comma
		s.space()
		if s.data[s.at] == '}' {
			s.at++
			return nil
		}
		name, err := s.string()
		if err != nil {
			return err
		}
		s.space()
		s.at++ // the colon
		value, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		n.members = append(n.members, member{name, value})
		s.space()
		if s.data[s.at] == '}' {
			s.at++
			return unique(n.members)
		}
	}
}

func unique(members []member) error {
	if len(members) <= 16 {
		for i := range members {
			for j := range i {
				if members[i].name == members[j].name {
					return fmt.Errorf("%q is there twice in one object", members[i].name)
				}
			}
		}
		return nil
	}
	seen := make(map[string]bool, len(members))
	for _, each := range members {
		if seen[each.name] {
			return fmt.Errorf("%q is there twice in one object", each.name)
		}
		seen[each.name] = true
	}
	return nil
}

func (s *scanner) list(n *node, depth int) error {
	for s.at++; ; s.at++ {
		s.space()
		if s.data[s.at] == ']' {
			s.at++
			return nil
		}
		value, err := s.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, value)
		s.space()
		if s.data[s.at] == ']' {
			s.at++
			return nil
		}
	}
}

func (s *scanner) string() (string, error) {
	start, plain := s.at, true
	for s.at++; s.data[s.at] != '"'; s.at++ {
		if s.data[s.at] == '\\' {
			plain = false
			s.at++
		}
	}
	s.at++
	raw := s.data[start:s.at]
	if plain {
		return string(raw[1 : len(raw)-1]), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", err
	}
	// Half of a surrogate pair: every reader makes something else of it.
	if strings.ContainsRune(text, utf8.RuneError) {
		return "", fmt.Errorf("the text %s has half a character in it", raw)
	}
	return text, nil
}

// get returns the member of that exact name; nil: it is not there.
func (n *node) get(name string) *node {
	for _, each := range n.members {
		if each.name == name {
			return each.value
		}
	}
	return nil
}

// number is the text of a number, or of a string that has one in it, as protojson and Meta write large integers.
func (n *node) number() (string, error) {
	switch n.kind {
	case '0', '"':
		return n.text, nil
	default:
		return "", fmt.Errorf("it is %s and not a number", n.what())
	}
}

// id is the text of an identifier, which may be written as a string or as an integer.
func (n *node) id() (string, error) {
	if n == nil {
		return "", errors.New("it is not there")
	}
	switch n.kind {
	case '"':
		if n.text == "" || len(n.text) > 200 || strings.ContainsFunc(n.text, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
			return "", fmt.Errorf("%s is not an id", strconv.Quote(n.text))
		}
		return n.text, nil
	case '0':
		if !digits(n.text) {
			return "", fmt.Errorf("%s is not an id", n.text)
		}
		return n.text, nil
	default:
		return "", fmt.Errorf("it is %s and not an id", n.what())
	}
}

func (n *node) end() int { return n.start + len(n.raw) }

func (n *node) what() string {
	switch n.kind {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a text"
	case '0':
		return "a number"
	case 'n':
		return "null"
	default:
		return "yes or no"
	}
}

func digits(text string) bool { return text != "" && strings.Trim(text, "0123456789") == "" }

// quote writes a text as JSON, as it is: <, > and & are not escaped.
func quote(text string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil {
		panic(err) // unreachable: a string can always be written
	}
	return strings.TrimSuffix(out.String(), "\n")
}
