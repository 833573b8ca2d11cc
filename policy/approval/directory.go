package approval

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy"
)

// Directory is who is who: which subjects are one person, who is in which group, and which subjects are automations. It
// is data of a revision (data.people), so that who may approve what has a digest and a history, as the rules have:
//
//	people:
//	  - {id: ines, subjects: [ines, ines-laptop], groups: [budget_owners]}   # subjects: [id] when they are left out
//	automations:
//	  - {subject: pacer, owners: [ines], on_behalf_of: ines}
//	fallback: [governance_leads]
//
// Whoever is not in it is nobody, and counts for nothing. It does not change once decoded.
type Directory struct {
	subjects    map[string]Person
	members     map[string][]Person // by group, in the order of the document
	automations map[string]automationRecord
	fallback    []string
}

type personRecord struct {
	ID       string   `json:"id"`
	Subjects []string `json:"subjects"`
	Groups   []string `json:"groups"`
}

type automationRecord struct {
	Subject    string   `json:"subject"`
	Owners     []string `json:"owners"`
	OnBehalfOf string   `json:"on_behalf_of"`
}

// DecodeDirectory reads data.people; nil is nobody. The error says everything that is wrong with it, and where.
//
// An id is taken as a subject is, even where the person does not sign in by it: neither another person nor an automation
// can have it, or a name would mean two.
func DecodeDirectory(document any) (*Directory, error) {
	d := &Directory{subjects: map[string]Person{}, members: map[string][]Person{}, automations: map[string]automationRecord{}}
	var lists struct {
		People      []json.RawMessage `json:"people"`
		Automations []json.RawMessage `json:"automations"`
		Fallback    []string          `json:"fallback"`
	}
	if err := decodeStrictly(document, &lists); err != nil {
		return nil, fmt.Errorf("%w: people/data.yaml: %v", policy.ErrInvalid, err)
	}
	var problems problems
	names := map[string]string{} // whose each name is
	subjects := map[string]string{}
	for i, encoded := range lists.People {
		problems.at("people[%d]", i).check(d.addPerson(encoded, names, subjects))
	}
	for i, encoded := range lists.Automations {
		problems.at("automations[%d]", i).check(d.addAutomation(encoded, names, subjects))
	}
	if slices.Contains(lists.Fallback, "") {
		problems.at("fallback").check([]error{errors.New("a group has no name")})
	}
	d.fallback = sortedSet(lists.Fallback)
	if err := problems.err("people/data.yaml"); err != nil {
		return nil, err
	}
	return d, nil
}

// addPerson adds one person, and to subjects by which subject the others name them.
func (d *Directory) addPerson(encoded []byte, names, subjects map[string]string) []error {
	var record personRecord
	if err := decodeStrictly(json.RawMessage(encoded), &record); err != nil {
		return []error{err}
	}
	if record.ID == "" {
		return []error{errors.New("it has no id: what do others call this person?")}
	}
	if len(record.Subjects) == 0 {
		record.Subjects = []string{record.ID}
	}
	var wrong []error
	if slices.Contains(record.Subjects, "") || slices.Contains(record.Groups, "") {
		wrong = append(wrong, fmt.Errorf("%s: a subject or a group has no name", record.ID))
	}
	person := Person{ID: record.ID, Human: true, Groups: sortedSet(record.Groups)}
	for _, name := range sortedSet(append([]string{record.ID}, record.Subjects...)) {
		if other, taken := names[name]; taken {
			wrong = append(wrong, fmt.Errorf("%s: the name %s is taken by %s; one name is one person", record.ID, name, other))
			continue
		}
		names[name] = record.ID
		subjects[name] = record.Subjects[0]
		if slices.Contains(record.Subjects, name) {
			d.subjects[name], subjects[name] = person, name
		}
	}
	for _, group := range person.Groups {
		d.members[group] = append(d.members[group], person)
	}
	return wrong
}

func (d *Directory) addAutomation(encoded []byte, names, subjects map[string]string) []error {
	var record automationRecord
	if err := decodeStrictly(json.RawMessage(encoded), &record); err != nil {
		return []error{err}
	}
	if record.Subject == "" {
		return []error{errors.New("it has no subject: as whom does the automation sign in?")}
	}
	var wrong []error
	if other, taken := names[record.Subject]; taken {
		wrong = append(wrong, fmt.Errorf("the name %s is taken by %s; an automation is nobody else", record.Subject, other))
	}
	names[record.Subject] = "the automation " + record.Subject
	known := func(name, what string) string {
		subject, found := subjects[name]
		if !found {
			wrong = append(wrong, fmt.Errorf("%s: people has no %q, the %s; whom nobody knows nobody keeps from approving", record.Subject, name, what))
		}
		return subject
	}
	for i, owner := range record.Owners {
		record.Owners[i] = known(owner, "owner")
	}
	if record.OnBehalfOf != "" {
		record.OnBehalfOf = known(record.OnBehalfOf, "person it acts for")
	}
	record.Owners = sortedSet(record.Owners)
	d.automations[record.Subject] = record
	d.subjects[record.Subject] = Person{ID: record.Subject}
	return wrong
}

// Person is who a subject is. It is a [People].
func (d *Directory) Person(subject string) Person { return d.subjects[subject] }

// Roster is what requirements are frozen against.
func (d *Directory) Roster() Roster {
	return Roster{People: d.Person, Members: func(group string) []Person { return d.members[group] }, Fallback: d.fallback}
}

// Owners is who answers for the automation, each by one of their subjects.
func (d *Directory) Owners(automation string) []string { return d.automations[automation].Owners }

// OnBehalfOf is a subject of whom the automation acts for; "": nobody.
func (d *Directory) OnBehalfOf(automation string) string {
	return d.automations[automation].OnBehalfOf
}

// Empty reports whether the directory names nobody, no automation either.
func (d *Directory) Empty() bool { return len(d.subjects) == 0 }

// decodeStrictly reads a document of a revision's data, or a part of one. What it does not know is an error.
func decodeStrictly(document, into any) error {
	encoded, err := json.Marshal(document)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// problems is everything that is wrong with a document.
type problems []error

// place is where in a document something may be wrong.
type place struct {
	problems *problems
	name     string
}

func (p *problems) at(format string, arguments ...any) place {
	return place{p, fmt.Sprintf(format, arguments...)}
}

func (p place) check(wrong []error) {
	for _, err := range wrong {
		*p.problems = append(*p.problems, fmt.Errorf("%s: %w", p.name, err))
	}
}

// err is all of them as one; nil when there are none.
func (p problems) err(file string) error {
	if len(p) == 0 {
		return nil
	}
	return fmt.Errorf("%w: %s: %w", policy.ErrInvalid, file, errors.Join(p...))
}
