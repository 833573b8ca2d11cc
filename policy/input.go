package policy

import (
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/bidrail/bidrail/policy/limits"
)

// document builds the input document of a request, straight into OPA's values: int64 stays an
// integer. A round trip through protojson would turn it into a string, and in Rego every string
// is above every number.
func (e *Engine) document(request *Request) ast.Object {
	change := request.Change
	account, known := e.accounts[accountKey{change.Target.Platform, change.Target.Account}]
	return ast.NewObject(
		item("now", nanoseconds(request.Now)),
		item("mode", str(request.Mode.String())),
		item("actor", members(
			item("subject", str(request.Principal.Subject)),
			item("roles", roleList(request.Principal.Roles)),
			item("automation", str(change.Actor.Automation)),
			item("version", str(change.Actor.Version)),
			item("run", str(change.Actor.Run)),
		)),
		item("account", members(
			item("known", ast.InternedTerm(known)),
			item("currency", str(account.currency)),
			item("time_zone", str(account.timeZone)),
		)),
		item("change", changeTerm(request)),
		item("group", members(
			item("id", str(change.AtomicGroupID)),
			item("legs", legList(request)),
		)),
		item("batch", members(
			item("id", str(request.Batch.ID)),
			item("size", num(int64(request.Batch.Size))),
			item("index", num(int64(request.Batch.Index))),
			item("same_field", num(int64(request.Batch.SameField))),
			item("same_value", num(int64(request.Batch.SameValue))),
		)),
		item("limits", e.limitsTerm(change)),
		item("facts", factsTerm(request)),
		item("windows", windowsTerm(request.Windows, request.Now)),
		item("experiments", participationList(request.Experiments)),
		item("calendar", members(
			item("freezes", freezeList(request.Freezes)),
			item("promos", promoList(request.Promos)),
		)),
	)
}

func changeTerm(request *Request) *ast.Term {
	change := request.Change
	fields := ast.NewObject(
		item("id", str(change.ID)),
		item("kind", str(change.Kind.String())),
		item("direction", str(direction(change, request.Contradicted).String())),
		item("target", targetTerm(change.Target)),
		item("after", valueTerm(change.After)),
		item("reason", members(item("code", str(change.Reason.Code)), item("text", str(change.Reason.Text)))),
		item("experiment_id", str(change.ExperimentID)),
		item("promo_id", str(change.PromoID)),
		item("parent_id", str(change.ParentID)),
		item("field_mask", stringList(change.FieldMask)),
	)
	// A baseline that was never sent leaves its place empty: the schema demands it.
	if change.Before.Form != Missing {
		fields.Insert(str("before"), valueTerm(change.Before))
	}
	if !change.BeforeObservedAt.IsZero() {
		fields.Insert(str("before_age_s"), num(ageSeconds(request.Now, change.BeforeObservedAt)))
	}
	if !change.EffectiveAt.IsZero() {
		fields.Insert(str("effective_at"), nanoseconds(change.EffectiveAt))
	}
	if !change.RevertAt.IsZero() {
		fields.Insert(str("revert_at"), nanoseconds(change.RevertAt))
	}
	return ast.NewTerm(fields)
}

func targetTerm(target Target) *ast.Term {
	labels := ast.InternedEmptyObject
	if len(target.Labels) > 0 {
		object := ast.NewObject()
		for _, key := range slices.Sorted(maps.Keys(target.Labels)) {
			object.Insert(str(key), str(target.Labels[key]))
		}
		labels = ast.NewTerm(object)
	}
	return members(
		item("platform", str(target.Platform)),
		item("account", str(target.Account)),
		item("channel", str(target.Channel)),
		item("portfolio", str(target.Portfolio)),
		item("campaign", str(target.Campaign)),
		item("campaign_name", str(target.CampaignName)),
		item("ad_group", str(target.AdGroup)),
		item("entity_type", str(target.EntityType)),
		item("entity_id", str(target.EntityID)),
		item("labels", labels),
	)
}

func valueItems(value Value, more ...[2]*ast.Term) [][2]*ast.Term {
	items := make([][2]*ast.Term, 0, 3+len(more))
	items = append(items, item("type", str(value.Form.String())))
	switch value.Form {
	case Money:
		items = append(items, item("micros", num(value.Amount)), item("currency", str(value.Currency)))
	case Ratio:
		items = append(items, item("ppm", num(value.Amount)))
	case Text:
		items = append(items, item("text", str(value.Text)))
	case Flag:
		items = append(items, item("flag", ast.InternedTerm(value.Flag)))
	}
	return append(items, more...)
}

func valueTerm(value Value) *ast.Term { return members(valueItems(value)...) }

func legList(request *Request) *ast.Term {
	legs := request.Group
	if len(legs) == 0 {
		leg := Leg{Change: request.Change, Contradicted: request.Contradicted}
		for _, participation := range request.Experiments {
			if participation.Live() {
				leg.Experiments = append(leg.Experiments, participation.ID)
			}
		}
		legs = []Leg{leg}
	}
	terms := make([]*ast.Term, len(legs))
	for i, leg := range legs {
		object := ast.NewObject(
			item("change_id", str(leg.Change.ID)),
			item("kind", str(leg.Change.Kind.String())),
			item("direction", str(direction(leg.Change, leg.Contradicted).String())),
			item("target", targetTerm(leg.Change.Target)),
			item("after", valueTerm(leg.Change.After)),
			item("experiments", stringList(leg.Experiments)),
		)
		if leg.Change.Before.Form != Missing {
			object.Insert(str("before"), valueTerm(leg.Change.Before))
		}
		terms[i] = ast.NewTerm(object)
	}
	return ast.ArrayTerm(terms...)
}

// Live reports whether the experiment is in a state in which a change could spoil it.
func (p Participation) Live() bool {
	return p.State == "baseline" || p.State == "running" || p.State == "cooldown"
}

// limitsTerm resolves the limits that hold for the change, in the currency it asks for.
func (e *Engine) limitsTerm(change *Change) *ast.Term {
	currency := change.After.Currency
	if currency == "" {
		currency = change.Before.Currency
	}
	var space [64]limits.Held
	held := e.limitsHeld(space[:0], change.Target, change.Kind, currency)
	groups := ast.NewObject()
	for start := 0; start < len(held); {
		group, _ := splitLimit(held[start].Name)
		end := start
		var members [][2]*ast.Term
		for ; end < len(held); end++ {
			next, name := splitLimit(held[end].Name)
			if next != group {
				break
			}
			members = append(members, item(name, e.limitTerm(held[end])))
		}
		groups.Insert(str(group), ast.ObjectTerm(members...))
		start = end
	}
	return ast.NewTerm(groups)
}

// limitsHeld appends the limits that hold for changes of the kind to the target, sorted by name.
func (e *Engine) limitsHeld(space []limits.Held, target Target, kind Kind, currency string) []limits.Held {
	return e.revision.limits.Resolve(space, limits.Target{
		Platform: target.Platform, Account: target.Account, Channel: target.Channel,
		Portfolio: target.Portfolio, Campaign: target.Campaign, AdGroup: target.AdGroup,
		EntityType: target.EntityType, Entity: target.EntityID, Labels: target.Labels,
		Kind: kind.String(), Currency: currency,
	})
}

// maxLimitTerms is how many limits an engine keeps the terms of. Most changes meet the few limits of
// a default entry; the many of a large table are made when they are met.
const maxLimitTerms = 4096

func (e *Engine) limitTerm(held limits.Held) *ast.Term {
	if term, ok := e.limitTerms.Load(held); ok {
		return term.(*ast.Term)
	}
	term := newLimitTerm(held)
	if e.limitTermCount.Load() < maxLimitTerms {
		if _, loaded := e.limitTerms.LoadOrStore(held, term); !loaded {
			e.limitTermCount.Add(1)
		}
	}
	return term
}

func newLimitTerm(held limits.Held) *ast.Term {
	source := item("source", str(held.Source.String()))
	amount := num(held.Value.Amount)
	switch {
	case held.Value.Unlimited:
		return members(item("unlimited", ast.InternedTerm(true)), source)
	case held.Value.Type == limits.Money:
		return members(item("micros", amount), item("currency", str(held.Value.Currency)), source)
	case held.Value.Type == limits.Ratio:
		return members(item("ppm", amount), source)
	case held.Value.Type == limits.Count:
		return members(item("count", amount), source)
	case held.Value.Type == limits.Duration:
		return members(item("seconds", amount), source)
	default:
		return members(item("flag", ast.InternedTerm(held.Value.Amount != 0)), source)
	}
}

func factsTerm(request *Request) *ast.Term {
	if len(request.Facts) == 0 {
		return ast.InternedEmptyObject
	}
	facts := ast.NewObject()
	for _, name := range slices.Sorted(maps.Keys(request.Facts)) {
		fact := request.Facts[name]
		items := valueItems(fact.Value, item("source", str(fact.Source)), item("caller", ast.InternedTerm(fact.FromCaller)))
		if !fact.ObservedAt.IsZero() {
			items = append(items, item("observed_at", nanoseconds(fact.ObservedAt)),
				item("age_s", num(ageSeconds(request.Now, fact.ObservedAt))))
		}
		facts.Insert(str(name), ast.ObjectTerm(items...))
	}
	return ast.NewTerm(facts)
}

func participationList(participations []Participation) *ast.Term {
	terms := make([]*ast.Term, len(participations))
	for i, p := range participations {
		arms := make([]*ast.Term, len(p.Arms))
		for j, arm := range p.Arms {
			arms[j] = members(item("name", str(arm.Name)), item("control", ast.InternedTerm(arm.Control)),
				item("campaigns", stringList(arm.Campaigns)))
		}
		terms[i] = members(
			item("id", str(p.ID)), item("name", str(p.Name)), item("type", str(p.Type)), item("state", str(p.State)),
			item("owner", str(p.Owner)), item("sync", ast.InternedTerm(p.Sync)), item("arm", str(p.Arm)),
			item("frozen_fields", stringList(p.FrozenFields)), item("arms", ast.ArrayTerm(arms...)),
		)
	}
	return ast.ArrayTerm(terms...)
}

func freezeList(freezes []OpenFreeze) *ast.Term {
	terms := make([]*ast.Term, len(freezes))
	for i, freeze := range freezes {
		terms[i] = members(item("id", str(freeze.ID)), item("reason", str(freeze.Reason)),
			item("effect", str(freeze.Effect.String())), item("until", nanoseconds(freeze.Until)))
	}
	return ast.ArrayTerm(terms...)
}

func promoList(promos []OpenPromo) *ast.Term {
	terms := make([]*ast.Term, len(promos))
	for i, promo := range promos {
		terms[i] = members(item("id", str(promo.ID)), item("until", nanoseconds(promo.Until)))
	}
	return ast.ArrayTerm(terms...)
}

func roleList(roles []Role) *ast.Term {
	terms := make([]*ast.Term, len(roles))
	for i, role := range roles {
		terms[i] = str(string(role))
	}
	return ast.ArrayTerm(terms...)
}

func stringList(texts []string) *ast.Term {
	terms := make([]*ast.Term, len(texts))
	for i, text := range texts {
		terms[i] = str(text)
	}
	return ast.ArrayTerm(terms...)
}

// item is one entry of an object.
func item(key string, value *ast.Term) [2]*ast.Term { return [2]*ast.Term{str(key), value} }

func members(items ...[2]*ast.Term) *ast.Term { return ast.ObjectTerm(items...) }

// words are the terms of the document's own words, its keys and kinds and the like, made once and
// shared: terms do not change, and making them anew was half the cost of a document.
var words = func() map[string]*ast.Term {
	words := map[string]*ast.Term{"": ast.StringTerm("")}
	inputShape(nil, factNames, []string{"hour", "day", "week", "month"}).walk(func(s *shape) {
		for name := range s.properties {
			words[name] = ast.StringTerm(name)
		}
		for _, word := range s.enum {
			words[word] = ast.StringTerm(word)
		}
	})
	for _, word := range []string{"unlimited", "count", "seconds", string(RoleAutomation)} {
		words[word] = ast.StringTerm(word)
	}
	return words
}()

func str(text string) *ast.Term {
	if word, ok := words[text]; ok {
		return word
	}
	return ast.StringTerm(text)
}

// num shares the terms of small numbers: most sums of most windows are zero.
func num(number int64) *ast.Term {
	if 0 <= number && number <= 100 {
		return ast.InternedTerm(number)
	}
	return ast.NewTerm(ast.Number(strconv.FormatInt(number, 10)))
}

// nanoseconds holds a time outside of what nanoseconds in an int64 can say (1678 to 2262) at the
// nearer end: a freeze until 9999 is open for as long as there is a clock.
func nanoseconds(at time.Time) *ast.Term {
	switch {
	case at.After(time.Unix(0, math.MaxInt64)):
		return num(math.MaxInt64)
	case at.Before(time.Unix(0, math.MinInt64)):
		return num(math.MinInt64)
	}
	return num(at.UnixNano())
}

// ageSeconds is never negative: something observed in the future is as fresh as it can be, and the
// clock that says so is not the service's.
func ageSeconds(now, observed time.Time) int64 {
	return max(0, int64(now.Sub(observed)/time.Second))
}
