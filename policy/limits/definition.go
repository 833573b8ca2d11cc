package limits

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Tighter says which of two values of a limit is the stricter one.
type Tighter uint8

// Unordered is the zero value: such a limit cannot be hard, and two entries of equal precedence may not both set it.
const (
	Unordered Tighter = iota
	Lower             // a ceiling
	Higher            // a floor, or a flag that protects
)

// String is the word the definitions use, empty for Unordered.
func (t Tighter) String() string {
	switch t {
	case Lower:
		return "lower"
	case Higher:
		return "higher"
	}
	return ""
}

// ParseTighter reads "lower" or "higher".
func ParseTighter(word string) (Tighter, error) {
	switch word {
	case "lower":
		return Lower, nil
	case "higher":
		return Higher, nil
	}
	return Unordered, fmt.Errorf("unknown direction %q: write lower or higher", word)
}

// tighter tells whether the amount a is stricter than b. Unlimited is the loosest there is, whatever the direction.
func (t Tighter) tighter(a int64, aUnlimited bool, b int64, bUnlimited bool) bool {
	switch {
	case aUnlimited:
		return false
	case bUnlimited:
		return t != Unordered
	case t == Lower:
		return a < b
	case t == Higher:
		return a > b
	}
	return false
}

// Definition declares a limit: entries may set nothing else.
type Definition struct {
	Name    string // group and name, as in bid.ceiling
	Type    Type
	Tighter Tighter
	Kinds   []string // the kinds of change it is resolved for; none means all
	About   string   // what the limit is, for people
	Source  string   // where the idea or the number comes from
}

func (d *Definition) check() error {
	group, name, _ := strings.Cut(d.Name, ".")
	switch {
	case !isWord(group) || !isWord(name):
		return fmt.Errorf("%q is not a limit's name: write a group and a name in lower case, such as bid.ceiling", d.Name)
	case !d.Type.valid():
		return errors.New("no type: write money, ratio, count, duration or flag")
	case d.Tighter > Higher:
		return fmt.Errorf("unknown direction %d: write lower or higher", d.Tighter)
	}
	for i, kind := range d.Kinds {
		if err := checkText(kind); err != nil {
			return fmt.Errorf("kinds: %w", err)
		}
		if slices.Contains(d.Kinds[:i], kind) {
			return fmt.Errorf("kinds: %q is there twice: keep one", kind)
		}
	}
	return nil
}

// concerns tells whether the limit is resolved for changes of a kind.
func (d *Definition) concerns(kind string) bool {
	return len(d.Kinds) == 0 || slices.Contains(d.Kinds, kind)
}

// isWord tells whether text can stand between the dots of a path in Rego.
func isWord(text string) bool {
	for i := range len(text) {
		c := text[i]
		letter := c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return text != ""
}

// concerning answers which definitions concern a kind, without a look at each.
type concerning struct {
	kinds map[string]definitionSet
	other definitionSet // for kinds that no definition names
}

func newConcerning(definitions []Definition) concerning {
	c := concerning{kinds: map[string]definitionSet{}}
	set := func(kind string) definitionSet {
		members := make(definitionSet, (len(definitions)+63)/64)
		for i := range definitions {
			if definitions[i].concerns(kind) {
				members[i/64] |= 1 << (i % 64)
			}
		}
		return members
	}
	for _, d := range definitions {
		for _, kind := range d.Kinds {
			if _, ok := c.kinds[kind]; !ok {
				c.kinds[kind] = set(kind)
			}
		}
	}
	c.other = set("") // no kind is empty, so only definitions for all kinds are left
	return c
}

func (c *concerning) kind(kind string) definitionSet {
	if members, ok := c.kinds[kind]; ok {
		return members
	}
	return c.other
}

// definitionSet has a bit for every definition.
type definitionSet []uint64

func (s definitionSet) has(i definitionID) bool { return s[i/64]&(1<<(i%64)) != 0 }
