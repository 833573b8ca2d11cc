package approval

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/util"

	"github.com/bidrail/bidrail/policy"
)

// document reads a data file as a revision does.
func document(t testing.TB, text string) any {
	t.Helper()
	var value any
	if err := util.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func decodedDirectory(t testing.TB, text string) *Directory {
	t.Helper()
	d, err := DecodeDirectory(document(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

const registered = `
people:
  - {id: ines, subjects: [ines@example.com, ines-laptop], groups: [budget_owners, growth]}
  - {id: max, groups: [growth, growth]}
  - {id: tom}
automations:
  - {subject: pacer, owners: [max, ines], on_behalf_of: ines-laptop}
  - {subject: bidder}
fallback: [leads, directors]
`

func TestDirectoryPeople(t *testing.T) {
	d := decodedDirectory(t, registered)
	ines := Person{ID: "ines", Human: true, Groups: []string{"budget_owners", "growth"}}
	for subject, want := range map[string]Person{
		"ines@example.com": ines,
		"ines-laptop":      ines,
		"ines":             {}, // she does not sign in by it, so whoever does is somebody else
		"max":              {ID: "max", Human: true, Groups: []string{"growth"}},
		"tom":              {ID: "tom", Human: true},
		"pacer":            {ID: "pacer"},
		"bidder":           {ID: "bidder"},
		"nobody":           {},
		"":                 {},
	} {
		if diff := cmp.Diff(want, d.Person(subject)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", subject, diff)
		}
	}
	roster := d.Roster()
	ids := func(group string) []string {
		return mapped(roster.Members(group), func(person Person) string { return person.ID })
	}
	if diff := cmp.Diff([]string{"ines", "max"}, ids("growth")); diff != "" {
		t.Errorf("a person with two subjects is one member (-want +got):\n%s", diff)
	}
	if got := ids("nobody"); len(got) != 0 {
		t.Errorf("of a group that nobody is in: %v", got)
	}
	if diff := cmp.Diff([]string{"directors", "leads"}, roster.Fallback); diff != "" {
		t.Errorf("fallback (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(d.Person("max"), roster.People("max")); diff != "" {
		t.Errorf("the roster knows the same people (-want +got):\n%s", diff)
	}
}

// Owners and whom it acts for come by subjects that the directory knows as those people, however they are written.
func TestDirectoryAutomations(t *testing.T) {
	d := decodedDirectory(t, registered)
	if diff := cmp.Diff([]string{"ines@example.com", "max"}, d.Owners("pacer")); diff != "" {
		t.Errorf("owners (-want +got):\n%s", diff)
	}
	if got := d.OnBehalfOf("pacer"); got != "ines-laptop" {
		t.Errorf("it acts for %q", got)
	}
	for _, none := range []string{"bidder", "max", "nobody"} {
		if len(d.Owners(none)) != 0 || d.OnBehalfOf(none) != "" {
			t.Errorf("%s has owners %v and acts for %q", none, d.Owners(none), d.OnBehalfOf(none))
		}
	}
	a := Approval{Automation: "pacer", OnBehalfOf: d.OnBehalfOf("pacer"), Owners: d.Owners("pacer")}
	for subject, want := range map[string]string{
		"ines@example.com": stakeOwner, "ines-laptop": stakeBehalf, "max": stakeOwner, "pacer": stakeProposer, "tom": "",
	} {
		if got := a.Stake(subject, d.Person); got != want {
			t.Errorf("%s: stake %q, want %q", subject, got, want)
		}
	}
}

func TestDirectoryEmpty(t *testing.T) {
	for text, want := range map[string]bool{
		"":                                true,
		"people: []":                      true,
		"{people: , automations: }":       true,
		"fallback: [leads]":               true,
		"people: [{id: ines}]":            false,
		"automations: [{subject: pacer}]": false,
	} {
		d := decodedDirectory(t, text)
		if d.Empty() != want {
			t.Errorf("%q: empty is %t", text, d.Empty())
		}
		if person := d.Person("stranger"); person.ID != "" || person.Human {
			t.Errorf("%q: a stranger is %+v", text, person)
		}
	}
}

func TestDirectoryRefused(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"no object":            {`people`, "people/data.yaml"},
		"unknown part":         {`persons: []`, "persons"},
		"unknown field":        {`people: [{id: max}, {id: ines, group: [growth]}]`, `people[1]: json: unknown field "group"`},
		"no id":                {`people: [{groups: [growth]}]`, "people[0]: it has no id"},
		"nothing":              {`people: [null]`, "people[0]: it has no id"},
		"same id":              {`people: [{id: ines, subjects: [a]}, {id: ines, subjects: [b]}]`, "people[1]: ines: the name ines is taken by ines"},
		"same subject":         {`people: [{id: ines, subjects: [a, x]}, {id: max, subjects: [b, x]}]`, "people[1]: max: the name x is taken by ines"},
		"id and subject":       {`people: [{id: ines, subjects: [a]}, {id: max, subjects: [ines]}]`, "people[1]: max: the name ines is taken by ines"},
		"empty subject":        {`people: [{id: ines, subjects: [""]}]`, "people[0]: ines: a subject or a group has no name"},
		"empty group":          {`people: [{id: ines, groups: [""]}]`, "people[0]: ines: a subject or a group has no name"},
		"number":               {`people: [{id: 7}]`, "people[0]: json"},
		"automation is person": {`{people: [{id: ines, subjects: [pacer]}], automations: [{subject: pacer}]}`, "automations[0]: the name pacer is taken by ines"},
		"automation is an id":  {`{people: [{id: pacer, subjects: [ines]}], automations: [{subject: pacer}]}`, "automations[0]: the name pacer is taken by pacer"},
		"automation twice":     {`automations: [{subject: pacer}, {subject: pacer}]`, "automations[1]: the name pacer is taken by the automation pacer"},
		"no subject":           {`automations: [{owners: []}]`, "automations[0]: it has no subject"},
		"unknown owner":        {`automations: [{subject: pacer, owners: [ines]}]`, `automations[0]: pacer: people has no "ines", the owner`},
		"empty owner":          {`{people: [{id: ines}], automations: [{subject: pacer, owners: [""]}]}`, `people has no "", the owner`},
		"owned by automation":  {`automations: [{subject: bidder}, {subject: pacer, owners: [bidder]}]`, `people has no "bidder", the owner`},
		"unknown principal":    {`automations: [{subject: pacer, on_behalf_of: ines}]`, `people has no "ines", the person it acts for`},
		"misspelt owners":      {`automations: [{subject: pacer, owner: [ines]}]`, `automations[0]: json: unknown field "owner"`},
		"empty fallback":       {`fallback: [leads, ""]`, "fallback: a group has no name"},
	} {
		d, err := DecodeDirectory(document(t, test.text))
		if !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), test.want) || d != nil {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func TestDirectorySaysEverythingThatIsWrong(t *testing.T) {
	_, err := DecodeDirectory(document(t, `
people: [{id: ines}, {id: ines}, {groups: [growth]}]
automations: [{subject: ines}, {subject: pacer, owners: [max], on_behalf_of: eve}]
fallback: [""]`))
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"people[1]", "people[2]", "automations[0]", `"max"`, `"eve"`, "fallback"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("it does not say %s:\n%v", want, err)
		}
	}
}
