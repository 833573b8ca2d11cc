package main

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bidrail/bidrail/policy/calendar"
)

// What docs/calendar.md and the comment of the shipped calendar say to write can be written.
func TestExamplesOfCalendars(t *testing.T) {
	guide, err := os.ReadFile("../../docs/calendar.md")
	if err != nil {
		t.Fatal(err)
	}
	shipped, err := os.ReadFile("../../rego/calendar/data.yaml")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	_, comment, _ := strings.Cut(string(shipped), "#\n#   freezes:")
	comment, _, _ = strings.Cut("#   freezes:"+comment, "\nfreezes: []")
	texts := []string{strings.ReplaceAll(comment, "#   ", "")}
	for _, block := range blocks {
		texts = append(texts, block[1])
	}
	if len(texts) < 5 {
		t.Fatalf("there are %d examples", len(texts))
	}
	for _, text := range texts {
		document, err := decodeYAML([]byte(text))
		if err != nil {
			t.Errorf("%v:\n%s", err, text)
			continue
		}
		if entries, err := calendar.DecodeEntries(document); err != nil || len(entries) == 0 {
			t.Errorf("%d entries, %v:\n%s", len(entries), err, text)
		}
	}
}

// Records that are added, changed and taken away are shown field by field, and those that stay are not shown.
func TestPrintEdits(t *testing.T) {
	var out bytes.Buffer
	count, err := printEdits(screen{Writer: &out}, []edit{
		{noun: "freeze", id: "new", after: []field{{"effect", "block"}, {"reason", ""}}},
		{noun: "freeze", id: "same", before: []field{{"effect", "block"}}, after: []field{{"effect", "block"}}},
		{noun: "freeze", id: "other", before: []field{{"effect", "block"}, {"scope", "all"}, {"gone", "x"}}, after: []field{{"effect", "approve"}, {"scope", ""}, {"raise", "5%"}}},
		{noun: "promo", id: "old\x1b", before: []field{{"raise", "5%"}}},
	})
	want := "+ freeze new\n    effect     block\n~ freeze other\n    effect     block -> approve\n    scope      all -> (none)\n    raise      (none) -> 5%\n    gone       x -> (none)\n- promo old\uFFFD\n"
	if err != nil || count != 3 || out.String() != want {
		t.Errorf("got %d, %v:\n%s\nwant\n%s", count, err, &out, want)
	}
}
