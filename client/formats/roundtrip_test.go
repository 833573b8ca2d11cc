package formats

import (
	cmpkg "cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/timestamppb"
	"pgregory.net/rapid"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// One currency of each class of exponents, and one whose three exponents are three.
var classes = []string{"USD", "EUR", "JPY", "KRW", "HUF", "TWD", "IDR", "COP", "BHD", "JOD", "KWD"}

// written is what a platform has of one entity: what it is, and what can be written of it.
type written struct {
	resource *resource
	target   func(t *rapid.T) *bidrailv1.Target
	key      func(target *bidrailv1.Target) string
}

func ids(t *rapid.T, label string) string {
	return strconv.FormatUint(rapid.Uint64Range(1, math.MaxUint64).Draw(t, label), 10)
}

// writable is everything that a format can write.
func writable(format Format) []written {
	var all []written
	switch format {
	case GoogleAds:
		for _, each := range googleResources {
			all = append(all, written{&each.resource, func(t *rapid.T) *bidrailv1.Target {
				id := ids(t, "id")
				if each.parts == 2 {
					id += "~" + ids(t, "criterion")
				}
				_, target, err := googleAds{}.entity("customers/1234567890/"+each.collection+"/"+id, "1234567890")
				if err != nil {
					t.Fatal(err)
				}
				if target.Campaign == "" {
					target.Campaign = ids(t, "campaign")
				}
				return target
			}, func(target *bidrailv1.Target) string {
				return "customers/1234567890/" + each.collection + "/" + target.GetEntityId()
			}})
		}
	case AmazonSP:
		placement := &resource{entityType: "placement", fields: []field{amazonPlacement}}
		placement.fields[0].path = amazonPlacements
		for _, each := range append([]*amazonList{{resource: *placement}}, amazonLists...) {
			all = append(all, plain("amazon_ads", &each.resource))
		}
	case Meta:
		for _, each := range append([]*resource{{entityType: metaCapType, fields: []field{metaCap}}}, metaResources...) {
			all = append(all, plain("meta", each))
		}
	case Microsoft:
		for _, each := range microsoftLists {
			all = append(all, plain("microsoft", &each.resource))
		}
	case TikTok:
		for _, each := range tiktokResources {
			all = append(all, plain("tiktok", each))
		}
	}
	return all
}

func plain(platform string, understood *resource) written {
	return written{understood, func(t *rapid.T) *bidrailv1.Target {
		target := &bidrailv1.Target{Platform: platform, EntityType: understood.entityType, EntityId: ids(t, "id"), Campaign: ids(t, "campaign"), AdGroup: "5"}
		switch understood.entityType {
		case "campaign", metaCapType:
			target.Campaign, target.AdGroup = target.EntityId, ""
		case "placement":
			target.EntityId, target.AdGroup = target.Campaign+"/PLACEMENT_TOP", ""
		case "ad_group", "ad_set":
			target.AdGroup = target.EntityId
		}
		if platform == "microsoft" && understood.entityType == "ad_group" {
			target.Campaign = "4" // one call is for one campaign
		}
		return target
	}, func(target *bidrailv1.Target) string { return target.GetEntityType() + "/" + target.GetEntityId() }}
}

// amount draws a value that the field can be written with.
func (f *field) draw(t *rapid.T, u units, label string) *bidrailv1.Value {
	unit := map[form]int64{micros: u.google, decimal: u.iso, minor: u.meta, minorCap: u.meta, percentOver: 10_000, tenThousandths: 100}[f.form]
	if unit == 0 {
		unit = 1
	}
	var choices []*rapid.Generator[*bidrailv1.Value]
	switch f.form {
	case word:
		choices = append(choices, rapid.Map(rapid.SampledFrom([]string{"PAUSED", "ENABLED", "Paused", "ARCHIVED", "BUDGET_MODE_DAY"}), text))
	case name:
		choices = append(choices, rapid.Map(rapid.StringN(1, 20, 60).Filter(func(s string) bool { return !strings.ContainsRune(s, 0xfffd) }), text))
	case percentOver:
		choices = append(choices, rapid.Map(rapid.Int64Range(0, 900), func(n int64) *bidrailv1.Value { return ratio((100 + n) * unit) }))
	default:
		least := int64(1)
		if f.zero == itself {
			least = 0
		}
		most := math.MaxInt64 / unit
		choices = append(choices, rapid.Map(rapid.OneOf(rapid.Int64Range(least, most), rapid.Just(least), rapid.Just(most), rapid.Int64Range(least, 10_000)), func(n int64) *bidrailv1.Value {
			if f.isRatio() {
				return ratio(n * unit)
			}
			return money(n*unit, u.code)
		}))
	}
	if f.null == isAbsent || f.zero == isAbsent {
		choices = append(choices, rapid.Just(absent()))
	}
	if f.null == isNoLimit || f.zero == isNoLimit || f.form == minorCap {
		choices = append(choices, rapid.Just(unlimited()))
	}
	return rapid.OneOf(choices...).Draw(t, label)
}

func TestRoundTrip(t *testing.T) {
	for _, format := range Formats() {
		t.Run(string(format), func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) { roundTrip(t, format) })
		})
	}
}

// roundTrip draws changes and what holds before them, writes them as a payload, and reads it back.
func roundTrip(t *rapid.T, format Format) {
	context := &Context{
		Account: "1234567890", Currency: rapid.SampledFrom(classes).Draw(t, "currency"), Channel: "search", Run: "run",
		ObservedAt: time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "observed"), 0).UTC(),
		Facts:      map[string]*bidrailv1.Fact{"spend_today": {Value: money(5, "USD")}},
	}
	u, err := unitsOf(context)
	if err != nil {
		t.Fatal(err)
	}
	all := writable(format)
	sort := rapid.SampledFrom(all).Draw(t, "sort")
	var changes []*bidrailv1.Change
	seen := map[string]bool{}
	for i := range rapid.IntRange(1, 4).Draw(t, "operations") {
		if format == Meta || format == GoogleAds || format == TikTok { // others take one sort a call
			sort = rapid.SampledFrom(all).Draw(t, "sort")
		}
		target := sort.target(t)
		if seen[sort.key(target)] || (format == AmazonSP || format == Meta) && (seen[target.GetCampaign()] || seen[target.GetEntityId()]) {
			continue
		}
		seen[sort.key(target)], seen[target.GetCampaign()], seen[target.GetEntityId()] = true, true, true
		target.Account, target.Channel = context.Account, context.Channel
		resource := &Resource{Type: target.GetEntityType(), ID: target.GetEntityId(), Campaign: target.GetCampaign(), AdGroup: target.GetAdGroup(), Before: map[bidrailv1.Kind]*bidrailv1.Value{}}
		if format == GoogleAds {
			resource.Name, resource.Type, resource.ID = sort.key(target), "", ""
		}
		operation := legs(t, format, u, sort, target, resource, context)
		for _, leg := range operation {
			if len(operation) > 1 {
				leg.AtomicGroupId = fmt.Sprintf("run/%d", i)
			}
		}
		changes = append(changes, operation...)
		context.Resources = append(context.Resources, resource)
	}
	payload, err := Write(format, changes, context)
	if err != nil {
		t.Fatalf("write: %v\n%v", err, changes)
	}
	read, err := Read(format, payload, context)
	if err != nil {
		t.Fatalf("read: %v\n%s", err, payload)
	}
	ignored := protocmp.IgnoreFields(&bidrailv1.Change{}, "change_id", "batch_id", "actor", "atomic_group_id")
	order := func(a, b *bidrailv1.Change) int { // of the fields of one operation, which is the platform's
		return cmpkg.Compare(a.GetTarget().GetEntityType()+a.GetTarget().GetEntityId()+a.GetKind().String(), b.GetTarget().GetEntityType()+b.GetTarget().GetEntityId()+b.GetKind().String())
	}
	if diff := cmp.Diff(slices.SortedFunc(slices.Values(changes), order), slices.SortedFunc(slices.Values(read.Changes()), order), protocmp.Transform(), ignored); diff != "" {
		t.Fatalf("they come back as others (-sent +read):\n%s\n%s", diff, payload)
	}
	again, err := Write(format, read.Changes(), context)
	if err != nil || string(again) != string(payload) {
		t.Fatalf("written again: %v\n%s\n%s", err, payload, again)
	}
}

// legs draws the changes of one operation: fields of one entity that can be written together.
func legs(t *rapid.T, format Format, u units, sort written, target *bidrailv1.Target, known *Resource, context *Context) []*bidrailv1.Change {
	var drawn []*bidrailv1.Change
	kinds, paths, scheme := map[bidrailv1.Kind]bool{}, map[string]bool{}, ""
	for range rapid.IntRange(1, 3).Draw(t, "fields") {
		field := rapid.SampledFrom(sort.resource.fields).Draw(t, "field")
		first, _, nested := strings.Cut(field.path, ".")
		if kinds[field.kind] || paths[field.path] || field.kind == bidrailv1.Kind_KIND_FLIGHT_DATES || field.path == microsoftStrategy ||
			format == GoogleAds && nested && scheme != "" && scheme != first {
			continue
		}
		isBudget := field.kind == bidrailv1.Kind_KIND_DAILY_BUDGET || field.kind == bidrailv1.Kind_KIND_LIFETIME_BUDGET
		if isBudget && (kinds[bidrailv1.Kind_KIND_DAILY_BUDGET] || kinds[bidrailv1.Kind_KIND_LIFETIME_BUDGET]) && format != GoogleAds {
			continue
		}
		kinds[field.kind], paths[field.path] = true, true
		if format == GoogleAds && nested {
			scheme = first
			known.Before[bidrailv1.Kind_KIND_BID_STRATEGY] = text(googleStrategies[scheme])
		}
		if format == Microsoft && first == "BiddingScheme" {
			known.Before[bidrailv1.Kind_KIND_BID_STRATEGY] = text("MaxConversions")
		}
		change := &bidrailv1.Change{
			Kind: field.kind, Target: target, Before: field.draw(t, u, "before"), BeforeObservedAt: timestamppb.New(context.ObservedAt),
			After: field.draw(t, u, "after"), Facts: context.Facts, FieldMask: []string{field.path},
		}
		if format == TikTok && field.path == "budget" && change.After.GetUnlimited() != nil && rapid.Bool().Draw(t, "mode") {
			change.FieldMask = []string{tiktokMode}
		}
		known.Before[field.kind] = change.Before
		drawn = append(drawn, change)
	}
	if len(drawn) == 0 { // dates are all that was drawn
		return legs(t, format, u, sort, target, known, context)
	}
	return drawn
}
