package policy

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// fullChange has something in every field.
func fullChange() *Change {
	return &Change{
		ID: "change-1", BatchID: "batch-1", AtomicGroupID: "group-1", Kind: KindDailyBudget,
		Target: Target{Platform: "google_ads", Account: "100", Channel: "search", Portfolio: "p", Campaign: "200", CampaignName: "Brand Ü",
			AdGroup: "300", EntityType: "campaign", EntityID: "200", Labels: map[string]string{"brand": "shoes", "market": "de"},
			Geos: []string{"2840", "2276"}, Audiences: []string{"buyers", "visitors"}},
		Before: MoneyValue(40_000_000, "EUR"), BeforeObservedAt: noon.Add(-time.Minute), After: MoneyValue(45_000_000, "EUR"),
		Actor:        Actor{Automation: "pacer", Version: "1.0", Run: "run-1"},
		Reason:       Reason{Code: "pacing", Text: "behind plan", Evidence: map[string]string{"gap": "12%"}},
		ExperimentID: "e1", PromoID: "p1", EffectiveAt: noon.Add(time.Hour), RevertAt: noon.Add(24*time.Hour + 5*time.Nanosecond),
		Facts: map[string]Fact{
			"spend_today": {Value: MoneyValue(12_000_000, "EUR"), ObservedAt: noon.Add(-time.Second), Source: "own report", FromCaller: true},
		},
		FieldMask: []string{"amount_micros", "status"}, ParentID: "change-0",
		Geos: []string{"2276", "2250"}, Audiences: []string{"visitors", "members"},
	}
}

// Decisions, approvals and idempotency keys rest on this form: a change of it makes every
// stored digest a stranger. Do not take over another value; give the form another version.
func TestDigestOfAChangeStaysWhatItIs(t *testing.T) {
	if got, want := fullChange().Digest(), "sha256:81ab7913fbc489478d5e17479eda0082bac04ea12382e497e8f651eed64cb6e2"; got != want {
		t.Errorf("the full change: got %s, want %s", got, want)
	}
	// As changes were before they could name regions and audiences.
	earlier := fullChange()
	earlier.Geos, earlier.Audiences, earlier.Target.Geos, earlier.Target.Audiences = nil, nil, nil, nil
	if got, want := earlier.Digest(), "sha256:8cf7ca9dff0c0a51049c013e92d14981ae4192da3f280139a555d2e1277c70c2"; got != want {
		t.Errorf("the change without them: got %s, want %s", got, want)
	}
	if got, want := (&Change{}).Digest(), "sha256:154859ccee8a175079ffbcb9a0a17fe3264927743ce9ab752f0ff692282b5fb8"; got != want {
		t.Errorf("the empty change: got %s, want %s", got, want)
	}
	if got, want := GroupDigest([]*Change{earlier, {}}), "sha256:db3acec576539812f7e7e176a44a8e6d0b2dcb72ab226b9808a1bbe2d1578c26"; got != want {
		t.Errorf("the group: got %s, want %s", got, want)
	}
}

// leftOut is what two changes may differ in and still be the same.
var leftOut = map[string]string{
	"BatchID":                 "a retry may travel another way",
	"Facts[].FromCaller":      "the facts of a change are always its caller's",
	"Facts[].CompleteThrough": "only connectors say it",
}

func TestDigestDependsOnEveryField(t *testing.T) {
	want := fullChange().Digest()
	seen := map[string]bool{}
	change := fullChange()
	mutate(t, reflect.ValueOf(change).Elem(), "", func(path string) {
		seen[path] = true
		_, free := leftOut[path]
		if same := change.Digest() == want; same != free {
			t.Errorf("another %s: the digest is the same: %v", path, same)
		}
	})
	if change.Digest() != want {
		t.Fatal("the test did not put everything back")
	}
	for path := range leftOut {
		if !seen[path] {
			t.Errorf("there is no %s any more", path)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d fields were changed", len(seen))
	}
}

// mutate changes one thing at a time, calls try with its path, and puts it back.
func mutate(t *testing.T, v reflect.Value, path string, try func(path string)) {
	t.Helper()
	with := func(path string, changed reflect.Value) {
		before := reflect.New(v.Type()).Elem()
		before.Set(v)
		v.Set(changed)
		try(path)
		v.Set(before)
	}
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		at := v.Interface().(time.Time)
		with(path, reflect.ValueOf(at.Add(time.Nanosecond)))
		with(path, reflect.ValueOf(at.Add(time.Second)))
		with(path, reflect.ValueOf(time.Time{}))
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			name := v.Type().Field(i).Name
			if path != "" {
				name = path + "." + name
			}
			mutate(t, v.Field(i), name, try)
		}
	case v.Kind() == reflect.String:
		with(path, reflect.ValueOf(v.String()+"x").Convert(v.Type()))
		if v.String() != "" {
			with(path, reflect.Zero(v.Type()))
		}
	case v.Kind() == reflect.Bool:
		with(path, reflect.ValueOf(!v.Bool()))
	case v.CanInt():
		with(path, reflect.ValueOf(v.Int()+1).Convert(v.Type()))
		with(path, reflect.ValueOf(-v.Int()-1).Convert(v.Type()))
	case v.CanUint():
		with(path, reflect.ValueOf(v.Uint()+1).Convert(v.Type()))
	case v.Kind() == reflect.Slice:
		if v.Len() < 2 {
			t.Fatalf("%s needs two members in fullChange", path)
		}
		swapped := reflect.ValueOf(slices.Clone(v.Interface().([]string)))
		first, second := swapped.Index(0).String(), swapped.Index(1).String()
		swapped.Index(0).SetString(second)
		swapped.Index(1).SetString(first)
		with(path, swapped)
		with(path, v.Slice(0, 1))
		with(path, reflect.Zero(v.Type()))
	case v.Kind() == reflect.Map:
		if v.Len() == 0 {
			t.Fatalf("%s is empty in fullChange", path)
		}
		with(path, reflect.Zero(v.Type()))
		key := v.MapKeys()[0]
		renamed := reflect.MakeMap(v.Type())
		for _, each := range v.MapKeys() {
			name := each
			if each.String() == key.String() {
				name = reflect.ValueOf(each.String() + "x")
			}
			renamed.SetMapIndex(name, v.MapIndex(each))
		}
		with(path, renamed)
		member := reflect.New(v.Type().Elem()).Elem()
		member.Set(v.MapIndex(key))
		mutate(t, member, path+"[]", func(path string) {
			was := v.MapIndex(key)
			v.SetMapIndex(key, member)
			try(path)
			v.SetMapIndex(key, was)
		})
	default:
		t.Fatalf("%s is a %s, which this test cannot change: teach it, and the digest", path, v.Type())
	}
}

func TestDigestDoesNotDependOnHowAMapWasBuiltOrWhereATimeIs(t *testing.T) {
	one, other := fullChange(), fullChange()
	other.Target.Labels = map[string]string{}
	other.Target.Labels["market"] = "de"
	other.Target.Labels["brand"] = "shoes"
	other.EffectiveAt = other.EffectiveAt.In(time.FixedZone("elsewhere", 3600))
	if one.Digest() != other.Digest() {
		t.Error("the same change has two digests")
	}
	empty := &Change{Facts: map[string]Fact{}, FieldMask: []string{}}
	if empty.Digest() != (&Change{}).Digest() {
		t.Error("nothing and an empty list have two digests")
	}
}

// Text that ends one field must not be able to begin the next.
func TestDigestTellsAdjacentFieldsApart(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("a1:\n .-")), 0, 6, -1)
	rapid.Check(t, func(t *rapid.T) {
		draw := func(change *Change) []*string {
			return []*string{&change.ID, &change.AtomicGroupID, &change.Target.Platform, &change.Target.Account, &change.Target.Channel,
				&change.Target.Portfolio, &change.Target.Campaign, &change.Target.CampaignName, &change.Target.AdGroup,
				&change.Target.EntityType, &change.Target.EntityID, &change.Before.Currency, &change.Before.Text,
				&change.After.Currency, &change.After.Text, &change.Actor.Automation, &change.Actor.Version, &change.Actor.Run,
				&change.Reason.Code, &change.Reason.Text, &change.ExperimentID, &change.PromoID, &change.ParentID}
		}
		var one, other Change
		from, to := draw(&one), draw(&other)
		for i := range from {
			*from[i] = text.Draw(t, "text")
			*to[i] = *from[i]
		}
		at := rapid.IntRange(0, len(to)-2).Draw(t, "field")
		whole := *to[at]
		cut := rapid.IntRange(0, len(whole)).Draw(t, "cut")
		*to[at], *to[at+1] = whole[:cut], whole[cut:]+*to[at+1]
		if same := one.Digest() == other.Digest(); same != (cut == len(whole)) {
			t.Fatalf("%q was moved to the next field, and the digest is the same: %v", whole[cut:], same)
		}
	})
}

func TestDigestTellsKeysAndValuesApart(t *testing.T) {
	text := rapid.StringOfN(rapid.SampledFrom([]rune("a1:\n")), 0, 3, -1)
	rapid.Check(t, func(t *rapid.T) {
		one := rapid.MapOfN(text, text, 0, 3).Draw(t, "one")
		other := rapid.MapOfN(text, text, 0, 3).Draw(t, "other")
		a := &Change{Target: Target{Labels: one}}
		b := &Change{Target: Target{Labels: other}}
		if same := a.Digest() == b.Digest(); same != reflect.DeepEqual(one, other) {
			t.Fatalf("%q and %q: the digest is the same: %v", one, other, same)
		}
		// Labels and evidence stand in different places.
		if c := (&Change{Reason: Reason{Evidence: one}}); len(one) > 0 && c.Digest() == a.Digest() {
			t.Fatalf("%q as labels and as evidence have one digest", one)
		}
	})
}

func TestGroupDigestDoesNotDependOnTheOrderOfLegs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfNDistinct(rapid.String(), 2, 6, rapid.ID).Draw(t, "ids")
		legs := make([]*Change, len(ids))
		for i, id := range ids {
			legs[i] = &Change{ID: id}
		}
		want := GroupDigest(legs)
		if got := GroupDigest(rapid.Permutation(legs).Draw(t, "order")); got != want {
			t.Fatalf("in another order the digest is %s instead of %s", got, want)
		}
		if GroupDigest(legs[1:]) == want || GroupDigest(append(legs, legs[0])) == want {
			t.Fatal("a leg less or a leg more makes no difference")
		}
	})
}
