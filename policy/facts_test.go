package policy

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const expectations = `conversions_30d:
  about: conversions of the last 30 days
  type: ratio
  maximum_age: 36h
  expected: [bid]
  platforms: [google_ads]
  connector_only: true
`

// What should be known and is not, or is no more, is said in input.unknown, whichever way it is missing.
func TestUnknownFacts(t *testing.T) {
	engine := compileSmall(t, files{"facts/data.yaml": expectations})
	observed := func(caller bool) map[string]Fact {
		return map[string]Fact{"conversions_30d": {Value: RatioValue(12_000_000), ObservedAt: noon, Source: "report", FromCaller: caller}}
	}
	stale := []StaleFact{{Name: "conversions_30d", Source: "report", ObservedAt: noon.Add(-48 * time.Hour), MaximumAge: 36 * time.Hour}}
	for _, test := range []struct {
		name string
		edit func(*Request)
		want string
	}{
		{"missing", func(*Request) {}, `[{"name":"conversions_30d","why":"missing"}]`},
		{"a connector's", func(r *Request) { r.Facts = observed(false) }, `[]`},
		{"the caller's", func(r *Request) { r.Facts = observed(true) }, `[{"name":"conversions_30d","why":"caller"}]`},
		{"stale", func(r *Request) { r.Stale = stale }, `[{"age_s":172800,"maximum_age_s":129600,"name":"conversions_30d","source":"report","why":"stale"}]`},
		{"stale, and the caller says so", func(r *Request) { r.Stale, r.Facts = stale, observed(true) },
			`[{"age_s":172800,"maximum_age_s":129600,"name":"conversions_30d","source":"report","why":"stale"}]`},
		{"of another kind", func(r *Request) { r.Change.Kind = KindDefaultBid }, `[]`},
		{"on another platform", func(r *Request) { r.Change.Target.Platform = "meta" }, `[]`},
	} {
		document := engine.document(bidRequest(test.edit))
		if difference := cmp.Diff(test.want, string(document.Field("unknown").AppendJSON(nil))); difference != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, difference)
		}
		if found := engine.shape.check(document); len(found) > 0 {
			t.Errorf("%s: %v", test.name, found)
		}
	}
}

// Everything that data.facts says of a fact is read.
func TestFactDefinitions(t *testing.T) {
	engine := compileSmall(t, files{"facts/data.yaml": expectations + "margin: what is left\nclicks_30d: {about: clicks, own: true}\n"})
	definitions, err := engine.revision.FactDefinitions()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []FactDefinition{
		{Name: "conversions_30d", About: "conversions of the last 30 days", Form: Ratio, MaximumAge: 36 * time.Hour, Expected: []Kind{KindBid}, Platforms: []string{"google_ads"}, ConnectorOnly: true},
		{Name: "margin", About: "what is left"}, {Name: "clicks_30d", About: "clicks", Own: true}, factNames["current_value"],
	} {
		if difference := cmp.Diff(want, definitions[want.Name]); difference != "" {
			t.Errorf("%s (-want +got):\n%s", want.Name, difference)
		}
	}
}
