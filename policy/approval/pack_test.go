package approval

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/rego"
)

// shippedFile is a data file of the shipped pack as it is, and the example that its comments give.
func shippedFile(t *testing.T, name string) (text, example string) {
	t.Helper()
	content, err := fs.ReadFile(rego.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	started := false
	for line := range strings.Lines(string(content)) {
		code, indented := strings.CutPrefix(line, "#   ")
		started = started || indented && (strings.HasPrefix(code, "people:") || strings.HasPrefix(code, "routes:"))
		if started && indented {
			example += code
		}
	}
	if example == "" {
		t.Fatalf("%s gives no example", name)
	}
	return string(content), example
}

// The pack knows nobody and asks one approver, and whoever uncomments its examples gets what they say.
func TestShippedPeople(t *testing.T) {
	text, example := shippedFile(t, "people/data.yaml")
	if !decodedDirectory(t, text).Empty() {
		t.Error("the shipped pack names somebody")
	}
	d := decodedDirectory(t, example)
	if ines := d.Person("ines-laptop"); ines.ID != "ines" || !ines.Human {
		t.Errorf("ines-laptop is %+v", ines)
	}
	if d.OnBehalfOf("pacer@example.com") != "max" || len(d.Roster().Members("finance")) != 1 {
		t.Errorf("got %+v", d)
	}
}

func TestShippedRoutes(t *testing.T) {
	text, example := shippedFile(t, "routes/data.yaml")
	small, large := budget(usd(100), usd(200)), budget(usd(100), usd(20_000))
	for name, test := range map[string]struct {
		text   string
		change policy.Change
		want   string
	}{
		"shipped":           {text, large, "review+approvers"},
		"the example":       {example, large, "owners++budget_owners finance+finance"},
		"below the example": {example, small, "review+approvers"},
	} {
		got, err := decodedRoutes(t, test.text).Require(&test.change, policy.Finding{Rule: "budget.step_up", Effect: policy.Approve})
		if err != nil || people(got) != test.want {
			t.Errorf("%s: asks for %s, %v; want %s", name, people(got), err, test.want)
		}
	}
	if shipped := decodedRoutes(t, text); shipped.Waits() != DefaultWaits || shipped.Lives() != DefaultLives || shipped.Suppress() != DefaultSuppress {
		t.Errorf("the shipped times are not the defaults: %+v", shipped)
	}
}

// The policy guide gives an example of each file.
func TestPolicyGuide(t *testing.T) {
	guide, err := os.ReadFile("../../docs/policy-guide.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := map[string]string{}
	for _, block := range regexp.MustCompile("(?s)`([a-z]+/data\\.yaml)`\n\n```yaml\n(.*?)```").FindAllSubmatch(guide, -1) {
		examples[string(block[1])] = string(block[2])
	}
	d, routes := decodedDirectory(t, examples["people/data.yaml"]), decodedRoutes(t, examples["routes/data.yaml"])
	if d.Empty() || len(d.Roster().Members("finance")) != 1 {
		t.Errorf("the guide's people are %+v", d)
	}
	change := budget(usd(100), usd(20_000))
	for rule, want := range map[string]string{"budget.step_up": "owners+budget_owners finance+finance", "calendar.freeze": "owners++budget_owners finance+finance"} {
		got, err := routes.Require(&change, policy.Finding{Rule: rule, Effect: policy.Approve})
		if err != nil || people(got) != want {
			t.Errorf("%s asks for %s, %v; want %s", rule, people(got), err, want)
		}
	}
}
