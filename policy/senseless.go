package policy

import (
	"maps"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// refuseSenseless complains of comparisons that cannot mean what their author meant, and that Rego
// lets pass without a word: an order between values that are not numbers, and a comparison with a
// word that the place never holds.
func (c *compilation) refuseSenseless(root *shape) {
	for _, name := range slices.Sorted(maps.Keys(c.modules)) {
		module := c.modules[name]
		if isTest(name, module) {
			continue
		}
		ast.WalkExprs(module, func(expression *ast.Expr) bool {
			if terms, ok := expression.Terms.([]*ast.Term); ok && expression.IsCall() {
				c.refuseOperands(root, terms, expression.Location)
			}
			return false
		})
		ast.WalkTerms(module, func(term *ast.Term) bool {
			if call, ok := term.Value.(ast.Call); ok {
				c.refuseOperands(root, call, term.Location)
			}
			return false
		})
	}
}

func (c *compilation) refuseOperands(root *shape, terms []*ast.Term, location *ast.Location) {
	if len(terms) < 3 {
		return
	}
	switch terms[0].Value.String() {
	case "lt", "lte", "gt", "gte", "plus", "mul", "rem":
		for _, operand := range terms[1:3] {
			if what := notNumber(root, operand); what != "" {
				c.refuse("%s: %s is %s and not a number: every number is below every text and object, so the comparison says nothing; did you mean a member such as .micros or .ppm?",
					where(location), operand, what)
			}
		}
	case "equal", "eq", "neq", "assign":
		c.refuseStrangeWord(root, terms[1], terms[2], location)
		c.refuseStrangeWord(root, terms[2], terms[1], location)
	}
}

// notNumber says what a term is when it is known not to be a number.
func notNumber(root *shape, term *ast.Term) string {
	switch value := term.Value.(type) {
	case ast.String:
		return "text"
	case ast.Boolean:
		return "true or false"
	case ast.Ref:
		if at := root.at(value); at != nil && at.form != formInteger {
			return map[string]string{formObject: "an object", formValue: "a value with a type", formArray: "a list",
				formString: "text", formBoolean: "true or false"}[at.form]
		}
	}
	return ""
}

// refuseStrangeWord complains where a place with a fixed set of words is compared with another.
func (c *compilation) refuseStrangeWord(root *shape, place, word *ast.Term, location *ast.Location) {
	reference, ok := place.Value.(ast.Ref)
	text, constant := word.Value.(ast.String)
	if !ok || !constant {
		return
	}
	if at := root.at(reference); at != nil && len(at.enum) > 0 && !slices.Contains(at.enum, string(text)) {
		c.refuse("%s: %s is never %q; it is one of %s", where(location), reference, string(text), strings.Join(at.enum, ", "))
	}
}

// at is the shape of the place that a reference under input names, nil where it is not known.
func (s *shape) at(reference ast.Ref) *shape {
	if !reference[0].Equal(ast.InputRootDocument) {
		return nil
	}
	for _, part := range reference[1:] {
		if name, constant := part.Value.(ast.String); constant && s.properties[string(name)] != nil {
			s = s.properties[string(name)]
		} else if s.members != nil {
			s = s.members
		} else {
			return nil
		}
	}
	return s
}
