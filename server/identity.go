package server

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/bidrail/bidrail/policy"
)

// checkNames refuses names that could stand for the same thing in more than one way. Limits, freezes
// and tests are found by name: "Keyword", "77 " or an invisible character would get past them.
func checkNames(index int, change *policy.Change) error {
	target := change.Target
	for _, word := range []struct {
		field, text string
		required    bool
	}{
		{"target.platform", target.Platform, true}, {"target.entity_type", target.EntityType, true}, {"target.channel", target.Channel, false},
	} {
		if !isWord(word.text, "_") && (word.required || word.text != "") {
			return fieldError(index, word.field, "is %q; write lower-case letters, digits and _ only", word.text)
		}
	}
	for _, name := range []struct{ field, text string }{
		{"change_id", change.ID}, {"batch_id", change.BatchID}, {"atomic_group_id", change.AtomicGroupID},
		{"target.account", target.Account}, {"target.portfolio", target.Portfolio}, {"target.campaign", target.Campaign},
		{"target.ad_group", target.AdGroup}, {"target.entity_id", target.EntityID},
		{"experiment_id", change.ExperimentID}, {"promo_id", change.PromoID}, {"parent_id", change.ParentID},
		{"before.text", change.Before.Text}, {"after.text", change.After.Text},
	} {
		if problem := unclear(name.text); problem != "" {
			return fieldError(index, name.field, "%q %s", name.text, problem)
		}
	}
	for _, names := range []struct {
		field string
		texts []string
	}{
		{"target.geos", target.Geos}, {"target.audiences", target.Audiences}, {"geos", change.Geos}, {"audiences", change.Audiences},
	} {
		for i, text := range names.texts {
			if problem := unclear(text); problem != "" {
				return fieldError(index, fmt.Sprintf("%s[%d]", names.field, i), "%q %s", text, problem)
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(target.Labels)) {
		if !isWord(key, "_-.:/") {
			return fieldError(index, "target.labels", "the key %q has other characters than lower-case letters, digits and _-.:/", key)
		}
		if problem := unclear(target.Labels[key]); problem != "" {
			return fieldError(index, fmt.Sprintf("target.labels[%q]", key), "%q %s", target.Labels[key], problem)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(change.Facts)) {
		if !isWord(name, "_") {
			return fieldError(index, "facts", "the name %q has other characters than lower-case letters, digits and _", name)
		}
	}
	return nil
}

// isWord reports whether text is of lower-case letters, digits and the others, and not empty.
func isWord(text, others string) bool {
	return text != "" && !strings.ContainsFunc(text, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && !strings.ContainsRune(others, r)
	})
}

// unclear says what makes a name look like another, or is empty.
func unclear(text string) string {
	switch {
	case text != strings.TrimSpace(text):
		return "begins or ends with a blank"
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return "holds a character that cannot be seen"
	default:
		return ""
	}
}
