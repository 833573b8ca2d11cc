package policy

import (
	"math"
	"time"

	"github.com/bidrail/bidrail/policy/term"
)

// The forms of the objects of a document that are always there.
var (
	documentForm = newForm([]string{"account", "actor", "batch", "calendar", "change", "experiments", "facts", "group", "limits", "mode", "now", "unknown", "windows"})
	accountForm  = newForm([]string{"currency", "known", "time_zone"})
	actorForm    = newForm([]string{"automation", "roles", "run", "subject", "version"})
	batchForm    = newForm([]string{"id", "index", "same_field", "same_value", "size"})
	calendarForm = newForm([]string{"freezes", "promos", "reverts"})
	changeForm   = newForm([]string{"after", "audiences", "before", "before_age_s", "direction", "effective_at", "experiment_id", "field_mask", "geos", "id", "kind",
		"parent_id", "promo_id", "reason", "revert_at", "target"},
		[]string{"before"}, []string{"before_age_s"}, []string{"effective_at"}, []string{"revert_at"})
	reasonForm = newForm([]string{"code", "text"})
	targetForm = newForm([]string{"account", "ad_group", "audiences", "campaign", "campaign_name", "channel", "entity_id", "entity_type", "geos", "labels",
		"platform", "portfolio"})
	groupForm = newForm([]string{"id", "legs"})
	legForm   = newForm([]string{"after", "before", "change_id", "direction", "experiments", "kind", "target"}, []string{"before"})
)

// The forms of the objects that there can be any number of.
var (
	valueForm = newForm([]string{"currency", "flag", "micros", "ppm", "text", "type"},
		[]string{"currency", "micros"}, []string{"flag"}, []string{"ppm"}, []string{"text"})
	factForm = newForm([]string{"age_s", "caller", "complete_through", "currency", "flag", "micros", "observed_at", "ppm", "source", "text", "type"},
		[]string{"age_s", "observed_at"}, []string{"complete_through"}, []string{"currency", "micros"}, []string{"flag"}, []string{"ppm"}, []string{"text"})
	unknownForm       = newForm([]string{"age_s", "maximum_age_s", "name", "source", "why"}, []string{"age_s", "maximum_age_s", "source"})
	participationForm = newForm([]string{"arm", "arms", "ends", "envelope", "frozen_fields", "holdout_audiences", "holdout_geos", "id", "minimum_ends",
		"name", "owner", "relation", "starts", "state", "sync", "type"})
	armForm      = newForm([]string{"campaigns", "control", "name", "split_ppm"})
	envelopeForm = newForm([]string{"kind", "most", "share_ppm"}, []string{"most"}, []string{"share_ppm"})
	freezeForm   = newForm([]string{"effect", "id", "reason", "until"})
	promoForm    = newForm([]string{"id", "raise_ppm", "until"})
	revertForm   = newForm([]string{"baseline", "decision_id", "due", "promo_id"})
)

// document builds the input document of a request, straight into the values that rules see: int64 stays an
// integer. A round trip through protojson would turn it into a string, and in Rego every string
// is above every number.
func (e *Engine) document(request *Request) term.Value {
	change := request.Change
	account, known := e.accounts[accountKey{change.Target.Platform, change.Target.Account}]
	b := newBuilder(e.forms, request)
	edited := b.change(request)
	return b.object(documentForm,
		b.object(accountForm, term.Text(account.currency), term.Bool(known), term.Text(account.timeZone)),
		b.object(actorForm, term.Text(change.Actor.Automation), b.roles(request.Principal.Roles), term.Text(change.Actor.Run),
			term.Text(request.Principal.Subject), term.Text(change.Actor.Version)),
		b.object(batchForm, term.Text(request.Batch.ID), term.Int(int64(request.Batch.Index)), term.Int(int64(request.Batch.SameField)),
			term.Int(int64(request.Batch.SameValue)), term.Int(int64(request.Batch.Size))),
		b.object(calendarForm, b.freezes(request.Freezes), b.promos(request.Promos), b.reverts(request.Reverts)),
		edited,
		b.participations(request.Experiments),
		b.facts(request),
		b.object(groupForm, term.Text(change.AtomicGroupID), b.legs(request, edited)),
		e.limitsOf(change),
		term.Text(request.Mode.String()),
		nanoseconds(request.Now),
		b.unknown(e.facts, request),
		b.windows(request.Windows, request.Now),
	)
}

// newBuilder is a builder with room for the request's document while little has moved in its windows.
func newBuilder(forms *forms, request *Request) *builder {
	legs, scopes := len(request.Group), len(request.Windows)
	values := 120 + 24*legs + 11*len(request.Facts) + 3*scopes
	for i := range request.Windows {
		values += len(request.Windows[i].Sums)
	}
	return &builder{forms: forms, values: make([]term.Value, 0, values), maps: make([]term.Map, 0, 20+4*legs+len(request.Facts)+scopes)}
}

func (b *builder) change(request *Request) term.Value {
	change := request.Change
	var before, age, effective, revert term.Value
	// A baseline that was never sent leaves its place empty: the schema demands it.
	if change.Before.Form != Missing {
		before = b.value(change.Before)
	}
	if !change.BeforeObservedAt.IsZero() {
		age = term.Int(ageSeconds(request.Now, change.BeforeObservedAt))
	}
	if !change.EffectiveAt.IsZero() {
		effective = nanoseconds(change.EffectiveAt)
	}
	if !change.RevertAt.IsZero() {
		revert = nanoseconds(change.RevertAt)
	}
	return b.object(changeForm,
		b.value(change.After), b.texts(change.Audiences), before, age,
		term.Text(direction(change, request.Contradicted).String()),
		effective,
		term.Text(change.ExperimentID),
		b.texts(change.FieldMask), b.texts(change.Geos),
		term.Text(change.ID), term.Text(change.Kind.String()), term.Text(change.ParentID), term.Text(change.PromoID),
		b.object(reasonForm, term.Text(change.Reason.Code), term.Text(change.Reason.Text)),
		revert,
		b.target(change.Target),
	)
}

func (b *builder) target(target Target) term.Value {
	var space [8]member
	labels := space[:0]
	for key, label := range target.Labels {
		labels = append(labels, member{key, term.Text(label)})
	}
	return b.object(targetForm, term.Text(target.Account), term.Text(target.AdGroup), b.texts(target.Audiences), term.Text(target.Campaign),
		term.Text(target.CampaignName), term.Text(target.Channel), term.Text(target.EntityID), term.Text(target.EntityType), b.texts(target.Geos), b.named(labels),
		term.Text(target.Platform), term.Text(target.Portfolio))
}

func (b *builder) value(value Value) term.Value {
	currency, flag, micros, ppm, text := valueMembersOf(value)
	return b.object(valueForm, currency, flag, micros, ppm, text, term.Text(value.Form.String()))
}

// valueMembersOf are the members that a value has besides its type, undefined where it has none.
func valueMembersOf(value Value) (currency, flag, micros, ppm, text term.Value) {
	switch value.Form {
	case Money:
		currency, micros = term.Text(value.Currency), term.Int(value.Amount)
	case Ratio:
		ppm = term.Int(value.Amount)
	case Text:
		text = term.Text(value.Text)
	case Flag:
		flag = term.Bool(value.Flag)
	}
	return currency, flag, micros, ppm, text
}

// legs are the legs of the group. The change among them is written once.
func (b *builder) legs(request *Request, change term.Value) term.Value {
	if len(request.Group) > 0 {
		return b.list(len(request.Group), func(i int) term.Value { return b.leg(&request.Group[i]) })
	}
	var live []string
	for _, participation := range request.Experiments {
		if participation.Holds() {
			live = append(live, participation.ID)
		}
	}
	return b.list(1, func(int) term.Value {
		return b.object(legForm, change.Field("after"), change.Field("before"), change.Field("id"), change.Field("direction"),
			b.texts(live), change.Field("kind"), change.Field("target"))
	})
}

func (b *builder) leg(leg *Leg) term.Value {
	var before term.Value
	if leg.Change.Before.Form != Missing {
		before = b.value(leg.Change.Before)
	}
	return b.object(legForm, b.value(leg.Change.After), before, term.Text(leg.Change.ID),
		term.Text(direction(leg.Change, leg.Contradicted).String()), b.texts(leg.Experiments), term.Text(leg.Change.Kind.String()),
		b.target(leg.Change.Target))
}

// Holds reports whether the target is in the experiment, and that is live.
func (p Participation) Holds() bool { return p.Relation == Member && p.Live() }

// Live reports whether the experiment is in a state in which a change could spoil it.
func (p Participation) Live() bool {
	return p.State == "baseline" || p.State == "running" || p.State == "cooldown"
}

func (b *builder) facts(request *Request) term.Value {
	var space [16]member
	facts := space[:0]
	for name, fact := range request.Facts {
		currency, flag, micros, ppm, text := valueMembersOf(fact.Value)
		var age, observed, complete term.Value
		if !fact.ObservedAt.IsZero() {
			age, observed = term.Int(ageSeconds(request.Now, fact.ObservedAt)), nanoseconds(fact.ObservedAt)
		}
		if !fact.CompleteThrough.IsZero() {
			complete = nanoseconds(fact.CompleteThrough)
		}
		facts = append(facts, member{name, b.object(factForm, age, term.Bool(fact.FromCaller), complete, currency, flag, micros, observed, ppm,
			term.Text(fact.Source), text, term.Text(fact.Value.Form.String()))})
	}
	return b.named(facts)
}

func (b *builder) participations(participations []Participation) term.Value {
	return b.list(len(participations), func(i int) term.Value {
		p := &participations[i]
		arms := b.list(len(p.Arms), func(j int) term.Value {
			return b.object(armForm, b.texts(p.Arms[j].Campaigns), term.Bool(p.Arms[j].Control), term.Text(p.Arms[j].Name), term.Int(p.Arms[j].SplitPPM))
		})
		envelope := b.list(len(p.Envelope), func(j int) term.Value {
			var most, share term.Value
			if p.Envelope[j].Most.Form != Missing {
				most = b.value(p.Envelope[j].Most)
			}
			if p.Envelope[j].SharePPM > 0 {
				share = term.Int(p.Envelope[j].SharePPM)
			}
			return b.object(envelopeForm, term.Text(p.Envelope[j].Kind), most, share)
		})
		return b.object(participationForm, term.Text(p.Arm), arms, nanoseconds(p.Ends), envelope, b.texts(p.FrozenFields), b.texts(p.HoldoutAudiences),
			b.texts(p.HoldoutGeos), term.Text(p.ID), nanoseconds(p.MinimumEnds), term.Text(p.Name), term.Text(p.Owner), term.Text(string(p.Relation)),
			nanoseconds(p.Starts), term.Text(p.State), term.Bool(p.Sync), term.Text(p.Type))
	})
}

// unknown is what is not known and should be, or is no more.
func (b *builder) unknown(definitions []FactDefinition, request *Request) term.Value {
	missing := missingFacts(definitions, request)
	stale := len(request.Stale)
	return b.list(stale+len(missing), func(i int) term.Value {
		if i >= stale {
			return b.object(unknownForm, term.Value{}, term.Value{}, term.Text(missing[i-stale].name), term.Value{}, term.Text(missing[i-stale].why))
		}
		fact := &request.Stale[i]
		return b.object(unknownForm, term.Int(ageSeconds(request.Now, fact.ObservedAt)), term.Int(int64(fact.MaximumAge/time.Second)), term.Text(fact.Name),
			term.Text(fact.Source), term.Text(whyStale))
	})
}

func (b *builder) freezes(freezes []OpenFreeze) term.Value {
	return b.list(len(freezes), func(i int) term.Value {
		return b.object(freezeForm, term.Text(freezes[i].Effect.String()), term.Text(freezes[i].ID), term.Text(freezes[i].Reason),
			nanoseconds(freezes[i].Until))
	})
}

func (b *builder) promos(promos []OpenPromo) term.Value {
	return b.list(len(promos), func(i int) term.Value {
		return b.object(promoForm, term.Text(promos[i].ID), term.Int(promos[i].RaisePPM), nanoseconds(promos[i].Until))
	})
}

func (b *builder) reverts(reverts []Revert) term.Value {
	return b.list(len(reverts), func(i int) term.Value {
		return b.object(revertForm, b.value(reverts[i].Baseline), term.Text(reverts[i].DecisionID), nanoseconds(reverts[i].Due), term.Text(reverts[i].PromoID))
	})
}

func (b *builder) roles(roles []Role) term.Value {
	return b.list(len(roles), func(i int) term.Value { return term.Text(string(roles[i])) })
}

// nanoseconds holds a time outside of what nanoseconds in an int64 can say (1678 to 2262) at the
// nearer end: a freeze until 9999 is open for as long as there is a clock.
func nanoseconds(at time.Time) term.Value {
	switch {
	case at.After(time.Unix(0, math.MaxInt64)):
		return term.Int(math.MaxInt64)
	case at.Before(time.Unix(0, math.MinInt64)):
		return term.Int(math.MinInt64)
	}
	return term.Int(at.UnixNano())
}

// ageSeconds is never negative: something observed in the future is as fresh as it can be, and the
// clock that says so is not the service's.
func ageSeconds(now, observed time.Time) int64 {
	return max(0, int64(now.Sub(observed)/time.Second))
}
