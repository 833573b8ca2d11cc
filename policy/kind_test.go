package policy

import (
	"errors"
	"strings"
	"testing"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

func TestKindsHaveTheNumbersAndNamesOfTheAPI(t *testing.T) {
	names := bidrailv1.Kind_name
	if got, want := len(Kinds()), len(names)-1; got != want {
		t.Errorf("there are %d kinds here and %d in the API", got, want)
	}
	for number, name := range names {
		kind := Kind(number)
		want := strings.ToLower(strings.TrimPrefix(name, "KIND_"))
		if number == 0 {
			want = "unknown"
		}
		if kind.String() != want {
			t.Errorf("kind %d is %s here and %s in the API", number, kind, name)
		}
		if kind.Known() != (number != 0) {
			t.Errorf("Kind(%d).Known() = %v", number, kind.Known())
		}
	}
}

func TestVerdictsAndEffectsHaveTheNumbersOfTheAPI(t *testing.T) {
	for number, name := range bidrailv1.Verdict_name {
		want := strings.TrimPrefix(name, "VERDICT_")
		if number == 0 {
			want = "NONE"
		}
		if got := Verdict(number).String(); got != want {
			t.Errorf("verdict %d is %s here and %s in the API", number, got, name)
		}
	}
	for number, name := range bidrailv1.Effect_name {
		want := strings.ToLower(strings.TrimPrefix(name, "EFFECT_"))
		if number == 0 {
			want = "none"
		}
		if got := Effect(number).String(); got != want {
			t.Errorf("effect %d is %s here and %s in the API", number, got, name)
		}
	}
}

func TestKindsRoundTripAsText(t *testing.T) {
	for _, kind := range Kinds() {
		text, err := kind.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Kind
		if err := back.UnmarshalText(text); err != nil || back != kind {
			t.Errorf("%s reads back as %v, %v", text, back, err)
		}
	}
}

func TestUnknownKindsAreNotRead(t *testing.T) {
	for _, name := range []string{"", "unknown", "Bid", "bid ", "unknown(22)", "budget"} {
		if kind, err := ParseKind(name); !errors.Is(err, ErrInvalid) || kind != KindUnknown {
			t.Errorf("ParseKind(%q) = %v, %v; want an ErrInvalid", name, kind, err)
		}
	}
	for _, kind := range []Kind{KindUnknown, kindCount, 255} {
		if kind.Known() {
			t.Errorf("%s is known", kind)
		}
	}
}

func TestEveryKindHasFormsAndUnknownOnesHaveNone(t *testing.T) {
	for _, kind := range Kinds() {
		if len(kindForms(kind)) == 0 {
			t.Errorf("no value is fit for %s, so each of its changes is blocked", kind)
		}
	}
	if forms := kindForms(kindCount); forms != nil {
		t.Errorf("an unknown kind takes %v", forms)
	}
}
