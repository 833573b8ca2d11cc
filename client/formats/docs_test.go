package formats

import (
	"os"
	"strings"
	"testing"
)

// The guide's example is a context, and every field that is understood is in the guide.
func TestDocs(t *testing.T) {
	content, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	guide := string(content)
	_, example, _ := strings.Cut(guide, "```json\n")
	example, _, _ = strings.Cut(example, "```")
	context, err := ParseContext([]byte(example))
	if err != nil {
		t.Fatalf("the guide's context: %v", err)
	}
	if len(context.Resources) != 2 || len(context.Campaigns) != 1 || len(context.Facts) != 1 {
		t.Errorf("the guide's context is read as %+v", context)
	}
	for _, format := range Formats() {
		_, section, there := strings.Cut(guide, "\n### "+string(format)+"\n")
		if !there {
			t.Errorf("there is no section about %s", format)
			continue
		}
		if end := strings.Index(section, "\n##"); end >= 0 {
			section = section[:end]
		}
		for _, each := range writable(format) {
			if !strings.Contains(section, "`"+each.resource.entityType+"`") {
				t.Errorf("%s: the section has no %s", format, each.resource.entityType)
			}
			for _, field := range each.resource.fields {
				if last := field.path[strings.LastIndexByte(field.path, '.')+1:]; !strings.Contains(section, field.path) && !strings.Contains(section, last+"`") {
					t.Errorf("%s: the section has no %s", format, field.path)
				}
			}
		}
	}
}
