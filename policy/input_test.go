package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/term"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// fullRequest has something everywhere in the document.
func fullRequest() *Request {
	change := fullChange()
	change.Kind, change.Target.EntityType, change.Target.EntityID = KindBid, "keyword", "400"
	change.Before, change.After = MoneyValue(4_000_000, "EUR"), MoneyValue(4_500_000, "EUR")
	other := &Change{ID: "change-2", AtomicGroupID: "group-1", Kind: KindTargetROAS, Target: Target{Platform: "meta", EntityType: "campaign", EntityID: "7"},
		Before: RatioValue(4_000_000), After: RatioValue(3_000_000)}
	return &Request{
		Change: change,
		Group: []Leg{{Change: change, Experiments: []string{"e1"}}, {Change: other},
			{Change: &Change{ID: "change-3", Kind: KindStatus, Before: FlagValue(false), After: FlagValue(true)}},
			{Change: &Change{ID: "change-4", Kind: KindBidStrategy, Before: AbsentValue(), After: TextValue("MAXIMIZE \"CLICKS\" <&>")}},
			{Change: &Change{ID: "change-5", Kind: KindDailyBudget, Before: MoneyValue(math.MaxInt64, "COP"), After: UnlimitedValue()}}},
		Principal: Principal{Subject: "bidder@example.com", Roles: []Role{RoleAutomation, RoleAuditor}},
		Batch:     Batch{ID: "batch-1", Size: 10, Index: 3, SameField: 2, SameValue: 1},
		Mode:      ModeReduceOnly,
		Windows:   fullWindows(),
		Facts: map[string]Fact{
			"current_value": {Value: MoneyValue(4_100_000, "EUR"), ObservedAt: noon.Add(-90 * time.Second), Source: "connector"},
			"daily_budget":  {Value: UnlimitedValue(), Source: "own report", FromCaller: true},
			"spend_today":   {Value: MoneyValue(0, "EUR"), ObservedAt: noon.Add(time.Minute), Source: "a clock that is fast"},
		},
		Experiments: []Participation{{ID: "e1", Name: "Spring", Type: "ab", State: "running", Owner: "growth", Sync: true, Relation: Member, Arm: "trial",
			FrozenFields: []string{"bid", "status"}, Arms: []Arm{{Name: "base", Control: true, Campaigns: []string{"200"}}, {Name: "trial"}}}},
		Freezes: []OpenFreeze{{ID: "f1", Reason: "Black Friday", Effect: Approve, Until: noon.Add(time.Hour)},
			{ID: "f2", Effect: Blocks, Until: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}},
		Promos: []OpenPromo{{ID: "p1", Until: noon.Add(time.Hour)}},
		Now:    noon,
	}
}

// fullWindows has every scope, sums of amounts and of values, a problem and a sum that does not fit.
func fullWindows() Windows {
	windows := Windows{{Scope: "field", LastChange: noon.Add(-10 * time.Minute), Reverses: true, Sums: []WindowSums{
		{Window: "hour", AmountsKnown: true, Raised: 500_000, Lowered: 100_000, NetRise: 400_000, Count: 3, Reversals: 1, HeldOpen: 1,
			ValuesKnown: true, StartLow: 3_500_000, StartHigh: 3_600_000, Low: 3_400_000, Peak: 4_000_000},
		{Window: "day", AmountsKnown: true, Raised: math.MaxInt64 - 1, Lowered: 2, NetRise: math.MaxInt64 - 1, Count: 4},
	}}}
	for _, scope := range slices.Sorted(maps.Keys(scopeNames)) {
		if scope != "field" {
			windows = append(windows, ScopeWindows{Scope: scope, LastChange: noon.Add(time.Second), Sums: []WindowSums{
				{Window: "day", AmountsKnown: true, Raised: 1, Lowered: 2, NetFall: 1, Count: 2}}})
		}
	}
	windows[1].LastChange = time.Time{}
	windows[2].Sums = []WindowSums{{Window: "hour", Problem: "there is no rate from COP to USD", Count: 5}, {Window: "day", AmountsKnown: true}}
	return windows
}

func TestInputDocument(t *testing.T) {
	engine := compileSmall(t, nil)
	outcome := engine.Evaluate(t.Context(), fullRequest())
	var indented bytes.Buffer
	if err := json.Indent(&indented, outcome.Input, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/input.golden.json", indented.String()+"\n")
	// Digests of documents are on record, so it is about each byte.
	var compact bytes.Buffer
	if err := json.Compact(&compact, indented.Bytes()); err != nil || !bytes.Equal(compact.Bytes(), outcome.Input) {
		t.Errorf("there is space in it, or %v: %s", err, outcome.Input)
	}
	if found := engine.shape.check(engine.document(fullRequest())); len(found) > 0 {
		t.Errorf("it does not have its own shape: %v", found)
	}
	if outcome.Verdict != Allow {
		t.Errorf("got %s with %+v", outcome.Verdict, outcome.Findings)
	}
}

func TestAChangeWithoutAGroupIsItsOwnOnlyLeg(t *testing.T) {
	engine := compileSmall(t, nil)
	request := bidRequest(func(r *Request) {
		for _, state := range experimentStates {
			r.Experiments = append(r.Experiments, Participation{ID: state, Type: "ab", State: state, Relation: Member})
		}
	})
	var document struct {
		Group struct {
			ID   string
			Legs []struct {
				ChangeID    string `json:"change_id"`
				Experiments []string
			}
		}
	}
	if err := json.Unmarshal(engine.Evaluate(t.Context(), request).Input, &document); err != nil {
		t.Fatal(err)
	}
	legs := document.Group.Legs
	if document.Group.ID != "" || len(legs) != 1 || legs[0].ChangeID != "change-1" {
		t.Fatalf("got %+v", document.Group)
	}
	if diff := cmp.Diff([]string{"baseline", "running", "cooldown"}, legs[0].Experiments); diff != "" {
		t.Errorf("the live experiments (-want +got):\n%s", diff)
	}
}

// requests are those a caller can send: every kind, every form, odd text, amounts to the ends of int64.
func requests() *rapid.Generator[*Request] {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "google_ads", "example", "100", "search", "200", "x\ny", "<&>", "ü€😀"}), rapid.String())
	amount := rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 100_000_000), rapid.SampledFrom([]int64{0, 1, math.MaxInt64, math.MinInt64, 1<<53 + 1}))
	currency := rapid.SampledFrom([]string{"USD", "USD", "EUR", "COP", "JPY", "GBP"})
	value := rapid.Custom(func(t *rapid.T) Value {
		switch Form(rapid.Uint8Range(uint8(Money), uint8(Absent)).Draw(t, "form")) {
		case Money:
			return MoneyValue(amount.Draw(t, "micros"), currency.Draw(t, "currency"))
		case Ratio:
			return RatioValue(amount.Draw(t, "ppm"))
		case Text:
			return TextValue(text.Draw(t, "text"))
		case Flag:
			return FlagValue(rapid.Bool().Draw(t, "flag"))
		case Unlimited:
			return UnlimitedValue()
		default:
			return AbsentValue()
		}
	})
	at := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "known") {
			return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
		}
		return time.Time{}
	})
	change := rapid.Custom(func(t *rapid.T) *Change {
		kind := rapid.SampledFrom(Kinds()).Draw(t, "kind")
		before, after := value.Draw(t, "before"), value.Draw(t, "after")
		if rapid.Bool().Draw(t, "fit") { // else the engine stops before the rules, most of the time
			fit := value.Filter(func(v Value) bool { return slices.Contains(kindForms(kind), v.Form) })
			before, after = fit.Draw(t, "before"), fit.Draw(t, "after")
			after.Currency = map[bool]string{true: before.Currency, false: after.Currency}[before.Form == Money && after.Form == Money]
		}
		return &Change{
			ID: text.Draw(t, "id"), AtomicGroupID: text.Draw(t, "group"), Kind: kind,
			Target: Target{Platform: text.Draw(t, "platform"), Account: text.Draw(t, "account"), Channel: text.Draw(t, "channel"), Portfolio: text.Draw(t, "portfolio"),
				Campaign: text.Draw(t, "campaign"), CampaignName: text.Draw(t, "campaign name"), AdGroup: text.Draw(t, "ad group"),
				EntityType: text.Draw(t, "type"), EntityID: text.Draw(t, "entity"), Labels: rapid.MapOfN(text, text, 0, 3).Draw(t, "labels"),
				Geos: rapid.SliceOfN(text, 0, 2).Draw(t, "geos"), Audiences: rapid.SliceOfN(text, 0, 2).Draw(t, "audiences")},
			Before: before, BeforeObservedAt: at.Draw(t, "observed"), After: after,
			Actor:  Actor{Automation: text.Draw(t, "automation"), Version: text.Draw(t, "version"), Run: text.Draw(t, "run")},
			Reason: Reason{Code: text.Draw(t, "code"), Text: text.Draw(t, "reason")}, ExperimentID: text.Draw(t, "experiment"), PromoID: text.Draw(t, "promo"),
			EffectiveAt: at.Draw(t, "effective"), RevertAt: at.Draw(t, "revert"), FieldMask: rapid.SliceOfN(text, 0, 3).Draw(t, "mask"), ParentID: text.Draw(t, "parent"),
			Geos: rapid.SliceOfN(text, 0, 2).Draw(t, "touched geos"), Audiences: rapid.SliceOfN(text, 0, 2).Draw(t, "touched audiences"),
		}
	})
	fact := rapid.Custom(func(t *rapid.T) Fact {
		return Fact{Value: value.Draw(t, "value"), ObservedAt: at.Draw(t, "observed"), Source: text.Draw(t, "source"), FromCaller: rapid.Bool().Draw(t, "caller"),
			CompleteThrough: at.Draw(t, "complete")}
	})
	return rapid.Custom(func(t *rapid.T) *Request {
		request := &Request{Change: change.Draw(t, "change"), Principal: Principal{Subject: text.Draw(t, "subject"), Roles: []Role{RoleAutomation}},
			Batch: Batch{ID: text.Draw(t, "batch"), Size: rapid.Int().Draw(t, "size"), Index: rapid.Int().Draw(t, "index"),
				SameField: rapid.IntRange(0, 3).Draw(t, "same field"), SameValue: rapid.IntRange(0, 3).Draw(t, "same value")},
			Mode:  rapid.SampledFrom([]Mode{ModeActive, ModeReduceOnly, ModeHalted}).Draw(t, "mode"),
			Facts: rapid.MapOfN(rapid.SampledFrom(slices.Sorted(maps.Keys(factNames))), fact, 0, 3).Draw(t, "facts"), Now: at.Draw(t, "now")}
		for range rapid.IntRange(0, 2).Draw(t, "legs") {
			request.Group = append(request.Group, Leg{Change: change.Draw(t, "leg"), Experiments: rapid.SliceOfN(text, 0, 2).Draw(t, "live")})
		}
		for range rapid.IntRange(0, 2).Draw(t, "experiments") {
			request.Experiments = append(request.Experiments, Participation{ID: text.Draw(t, "id"), Name: text.Draw(t, "name"),
				Type: rapid.SampledFrom(experimentTypes).Draw(t, "type"), State: rapid.SampledFrom(experimentStates).Draw(t, "state"),
				Owner: text.Draw(t, "owner"), Sync: rapid.Bool().Draw(t, "sync"), Relation: rapid.SampledFrom([]Relation{Member, Reach, Unclear}).Draw(t, "relation"),
				Envelope:    []Envelope{{Kind: rapid.SampledFrom(Kinds()).Draw(t, "enveloped").String(), SharePPM: rapid.Int64Range(0, 2).Draw(t, "share"), Most: value.Draw(t, "most")}},
				HoldoutGeos: rapid.SliceOfN(text, 0, 2).Draw(t, "holdout"), Starts: at.Draw(t, "starts"), Ends: at.Draw(t, "ends"), MinimumEnds: at.Draw(t, "minimum"),
				Arm: text.Draw(t, "arm"), FrozenFields: rapid.SliceOfN(text, 0, 2).Draw(t, "frozen"),
				Arms: []Arm{{Name: text.Draw(t, "arm name"), Control: rapid.Bool().Draw(t, "control"), Campaigns: rapid.SliceOfN(text, 0, 2).Draw(t, "campaigns"), SplitPPM: rapid.Int64Range(0, 1_000_000).Draw(t, "split")}}})
		}
		request.Windows = windowsOf().Draw(t, "windows")
		for range rapid.IntRange(0, 1).Draw(t, "open") {
			request.Freezes = []OpenFreeze{{ID: text.Draw(t, "freeze"), Reason: text.Draw(t, "why"), Effect: rapid.SampledFrom([]Effect{Approve, Blocks}).Draw(t, "effect"), Until: at.Draw(t, "until")}}
			request.Promos = []OpenPromo{{ID: text.Draw(t, "promo"), Until: at.Draw(t, "until"), RaisePPM: rapid.Int64Range(0, 3).Draw(t, "raise")}}
			request.Reverts = []Revert{{DecisionID: text.Draw(t, "decision"), PromoID: text.Draw(t, "promo"), Baseline: value.Draw(t, "baseline"), Due: at.Draw(t, "due")}}
			request.Stale = []StaleFact{{Name: "spend_today", Source: text.Draw(t, "stale source"), ObservedAt: at.Draw(t, "stale at"), MaximumAge: time.Duration(rapid.Int64Range(0, 1<<40).Draw(t, "age"))}}
		}
		return request
	})
}

// What the schema promises to rules, the document keeps, whatever is asked.
func TestEveryDocumentHasTheShapeOfItsSchema(t *testing.T) {
	engine := shippedEngine(t)
	rapid.Check(t, func(t *rapid.T) {
		request := requests().Draw(t, "request")
		document := engine.document(request)
		if found := engine.shape.check(document); len(found) > 0 {
			t.Fatalf("%v", found)
		}
		// Exact integers: neither text nor floats.
		for name, value := range map[string]Value{"before": request.Change.Before, "after": request.Change.After} {
			for member, form := range map[string]Form{"micros": Money, "ppm": Ratio} {
				got := under(document, []string{"change", name, member})
				if value.Form != form {
					continue
				}
				if number, ok := got.Int(); !ok || number != value.Amount {
					t.Fatalf("%s.%s is %v (%s), want the integer %d", name, member, got, got.Kind(), value.Amount)
				}
			}
		}
	})
}

// A decision is derived again from its record: the same document gives the same findings.
func TestADecisionIsDerivedAgainFromItsRecord(t *testing.T) {
	engine := shippedEngine(t)
	var verdicts [4]int
	rapid.Check(t, func(t *rapid.T) {
		first := engine.Evaluate(t.Context(), requests().Draw(t, "request"))
		again, err := engine.EvaluateInput(t.Context(), first.Input)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Fatalf("(-first +again):\n%s", diff)
		}
		document, err := term.ParseJSON(first.Input)
		if err != nil {
			t.Fatal(err)
		}
		if written := document.AppendJSON(nil); !bytes.Equal(written, first.Input) {
			t.Fatalf("written again the document differs:\n%s\n%s", first.Input, written)
		}
		if !json.Valid(first.Input) {
			t.Fatalf("not JSON: %s", first.Input)
		}
		verdicts[first.Verdict]++
	})
	if verdicts[VerdictNone] > 0 || verdicts[Block] == 0 {
		t.Errorf("the verdicts were %v", verdicts)
	}
}

// Whatever stands in a place where something else belongs, the answer is BLOCK. A string in the place of a
// number is the classic: in Rego it is above every number.
func TestAWrongTypeAnywhereBlocks(t *testing.T) {
	engine := compileSmall(t, nil)
	document := engine.document(fullRequest())
	wrong := []term.Value{term.Text("4500000"), term.Int(1), term.Decimal("0.1"), term.Decimal("1e3"), term.Decimal("1.0"), term.Bool(true), term.NullValue(), noItems, noMembers,
		term.NewSet()}
	tried := 0
	for _, path := range removable(engine.shape, document) {
		at := "input." + strings.Join(path, ".")
		was := under(document, path)
		for _, value := range wrong {
			number, isNumber := value.Number()
			if was.Kind() == value.Kind() && (!isNumber || isInteger(number)) {
				continue
			}
			tried++
			findings := engine.evaluateDocument(t.Context(), replace(document, path, value), nil).Findings
			if Decide(findings) != Block || findings[0].Rule != FindingSchema || !strings.HasPrefix(findings[0].Message, "input.") {
				t.Errorf("%v for %s: %s with %+v", value, at, Decide(findings), findings)
			}
		}
	}
	if tried < 300 {
		t.Errorf("only %d were tried", tried)
	}
}

func TestAnythingThatIsNotPartOfTheDocumentBlocks(t *testing.T) {
	engine := compileSmall(t, nil)
	for _, path := range []string{"extra", "change.extra", "change.after.ppmm", "limits.bid.cieling", "limits.extra", "facts.extra", "actor.admin"} {
		findings := engine.evaluateDocument(t.Context(), replace(engine.document(fullRequest()), strings.Split(path, "."), noMembers), nil).Findings
		if Decide(findings) != Block || findings[0].Message != "input."+path+" is not part of the input document" {
			t.Errorf("%s: %s with %+v", path, Decide(findings), findings)
		}
	}
}

func TestManyViolationsAreCut(t *testing.T) {
	engine := compileSmall(t, nil)
	facts := map[string]Fact{}
	for i := range 100 {
		facts[fmt.Sprint("fact_", i)] = Fact{Value: AbsentValue()}
	}
	if outcome := engine.Evaluate(t.Context(), bidRequest(func(r *Request) { r.Facts = facts })); len(outcome.Findings) != 20 || outcome.Verdict != Block {
		t.Errorf("%s with %d findings", outcome.Verdict, len(outcome.Findings))
	}
}

func TestSchemaOfTheShippedPackIsWhatIsPublished(t *testing.T) {
	const name = "../rego/schemas/input.json"
	schema, err := shippedEngine(t).Revision().Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.MkdirAll("../rego/schemas", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, name, string(schema))
	var decoded map[string]any
	if err := json.Unmarshal(schema, &decoded); err != nil || decoded["additionalProperties"] != false {
		t.Errorf("the schema is not a closed object: %v", err)
	}
}

// placed says where the rules find each field of the API's Change, or why they do not see it.
var placed = map[string]string{
	"change_id": "input.change.id", "batch_id": "input.batch.id", "atomic_group_id": "input.group.id", "kind": "input.change.kind",
	"target.platform": "input.change.target.platform", "target.account": "input.change.target.account", "target.channel": "input.change.target.channel",
	"target.portfolio": "input.change.target.portfolio", "target.campaign": "input.change.target.campaign", "target.campaign_name": "input.change.target.campaign_name",
	"target.ad_group": "input.change.target.ad_group", "target.entity_type": "input.change.target.entity_type", "target.entity_id": "input.change.target.entity_id",
	"target.labels":       "input.change.target.labels",
	"before.money.micros": "input.change.before.micros", "before.money.currency": "input.change.before.currency", "before.ratio_ppm": "input.change.before.ppm",
	"before.text": "input.change.before.text", "before.flag": "input.change.before.flag", "before.unlimited": "input.change.before.type", "before.absent": "input.change.before.type",
	"before_observed_at": "input.change.before_age_s",
	"after.money.micros": "input.change.after.micros", "after.money.currency": "input.change.after.currency", "after.ratio_ppm": "input.change.after.ppm",
	"after.text": "input.change.after.text", "after.flag": "input.change.after.flag", "after.unlimited": "input.change.after.type", "after.absent": "input.change.after.type",
	"actor.automation": "input.actor.automation", "actor.version": "input.actor.version", "actor.run": "input.actor.run",
	"reason.code": "input.change.reason.code", "reason.text": "input.change.reason.text",
	"reason.evidence": "left out: free text for people; what rules judge by is a fact",
	"experiment_id":   "input.change.experiment_id", "promo_id": "input.change.promo_id", "effective_at": "input.change.effective_at", "revert_at": "input.change.revert_at",
	"facts": "input.facts.current_value", "field_mask": "input.change.field_mask", "parent_id": "input.change.parent_id",
	"target.geos": "input.change.target.geos", "target.audiences": "input.change.target.audiences", "geos": "input.change.geos", "audiences": "input.change.audiences",
}

func TestEveryFieldOfAChangeIsSeenByRulesOrLeftOutOnPurpose(t *testing.T) {
	root := inputShape(nil, factNames, nil)
	seen := map[string]bool{}
	var walk func(message protoreflect.MessageDescriptor, at string)
	walk = func(message protoreflect.MessageDescriptor, at string) {
		for i := range message.Fields().Len() {
			field := message.Fields().Get(i)
			name := at + string(field.Name())
			if inner := field.Message(); inner != nil && !field.IsMap() && inner.Fields().Len() > 0 && inner.ParentFile().Package() == message.ParentFile().Package() {
				walk(inner, name+".")
				continue
			}
			seen[name] = true
			place, ok := placed[name]
			if !ok {
				t.Errorf("%s is a new field of the API: let rules see it, or say here why not", name)
				continue
			}
			if strings.HasPrefix(place, "left out: ") {
				continue
			}
			shape := root
			for _, part := range strings.Split(place, ".")[1:] {
				if shape = shape.properties[part]; shape == nil {
					t.Errorf("%s: there is no %s in the document", name, place)
					break
				}
			}
		}
	}
	walk((&bidrailv1.Change{}).ProtoReflect().Descriptor(), "")
	for name := range placed {
		if !seen[name] {
			t.Errorf("the API has no %s any more", name)
		}
	}
}
