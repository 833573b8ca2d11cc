package policy

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/term"
)

// inputs makes documents that lie close to where rules change their minds: changes built around the limits of their target,
// examples of the rules that were altered in a place or two, and whatever a caller can send.
type inputs struct {
	engine   *Engine
	examples []Example
	paths    [][][]string // of each of them, all that can be taken away
	anything *rapid.Generator[*Request]
	facts    []string
	forms    map[string]Form // of facts
	windows  []string
}

func newInputs(engine *Engine, examples []Example) *inputs {
	facts, err := engine.revision.FactDefinitions()
	if err != nil {
		panic(err) // the engine was compiled with them
	}
	windows, err := engine.revision.windowNames()
	if err != nil {
		panic(err)
	}
	paths := make([][][]string, len(examples))
	for i := range examples {
		paths[i] = removable(engine.shape, examples[i].Input)
	}
	forms := map[string]Form{}
	for name, definition := range facts {
		forms[name] = definition.Form
	}
	return &inputs{engine, examples, paths, requests(), slices.Sorted(maps.Keys(facts)), forms, windows}
}

// document is the one of the number, which depends on the seed and the number alone.
func (g *inputs) document(seed, number uint64) term.Value {
	r := &random{rand.New(rand.NewPCG(seed, number))}
	switch r.IntN(20) {
	case 0:
		return g.engine.document(g.anything.Example(int(r.Uint64() >> 1)))
	case 1, 2, 3, 4, 5, 6:
		which := r.IntN(len(g.examples))
		return r.altered(g.examples[which].Input, g.paths[which])
	case 7:
		document := g.engine.document(g.request(r))
		return r.altered(document, removable(g.engine.shape, document))
	default:
		return g.engine.document(g.request(r))
	}
}

type random struct{ *rand.Rand }

func (r *random) often() bool  { return r.IntN(8) > 0 }
func (r *random) seldom() bool { return r.IntN(8) == 0 }
func (r *random) even() bool   { return r.IntN(2) == 0 }

func oneOfThese[T any](r *random, these ...T) T { return these[r.IntN(len(these))] }

// near is an amount, or one beside it.
func (r *random) near(amount int64) int64 {
	return amount + oneOfThese[int64](r, 0, 0, 0, 1, -1, 10_000, -10_000)
}

// share is a share of an amount, exact where it can be.
func share(amount, ppm int64) int64 {
	if amount > math.MaxInt64/20_000_000 || amount < -math.MaxInt64/20_000_000 {
		return amount / 1_000_000 * min(ppm, 20_000_000)
	}
	return amount * min(ppm, 20_000_000) / 1_000_000
}

func round(amount int64) int64 { return amount / 10_000 * 10_000 }

// bounds are the amounts and shares of the limits that hold for a change.
type bounds struct{ micros, ppm, counts, seconds []int64 }

func boundsOf(limits term.Value) bounds {
	var found bounds
	for i := range limits.Map().Len() {
		_, group := limits.Map().At(i)
		for j := range group.Map().Len() {
			_, limit := group.Map().At(j)
			for name, list := range map[string]*[]int64{"micros": &found.micros, "ppm": &found.ppm, "count": &found.counts, "seconds": &found.seconds} {
				if amount, ok := limit.Field(name).Int(); ok {
					*list = append(*list, amount)
				}
			}
		}
	}
	// Without any, as of a currency that has none.
	found.micros, found.ppm = append(found.micros, 4_000_000), append(found.ppm, 1_000_000)
	return found
}

var (
	statuses   = []string{"ENABLED", "PAUSED", "paused", "enabled", "ACTIVE", "REMOVED", "ENTITY_STATUS_ARCHIVED", " Archive ", "strange", ""}
	names      = []string{"SEA-US-BRAND-SPRING-SALES-202603", "SEA-US-BRAND-SPRING-SALES-202613", "TV-US-BRAND-SPRING-SALES-202603", "SEA-US--SPRING-SALES-20263", "SEA-US", "ü€😀", ""}
	otherWords = []string{"MAXIMIZE_CLICKS", "TARGET_CPA", "TARGET_SPEND", "MANUAL_CPC", "DAILY", "LIFETIME", "2026-01-01/2026-02-01", "budget-7", ""}
	factWords  = map[string][]string{
		"bid_strategy": {"MANUAL_CPC", "MANUAL_CPC", "TARGET_CPA", "maximize_conversions", "AUTO_FOR_SALES", "LOWEST_COST_WITHOUT_CAP", "COST_CAP", "DIVINATION"},
		"match_type":   {"BROAD", "broad", "EXACT", ""},
		"budget_type":  {"DAILY", "daily", "MONTHLY", "LIFETIME", "SOMETIMES", ""},
	}
	fieldNames = []string{"cpc_bid_micros", "campaign_budget.amount_micros", "status", "name", "bid_modifier", "target_roas", "end_date", "budget", ""}
	platforms  = []string{"google_ads", "google_ads", "google_ads", "google_ads", "amazon_ads", "amazon_ads", "meta", "microsoft", "tiktok", "nowhere", "example"}
	currencies = []string{"EUR", "GBP", "JPY", "CAD", "COP", "SEK", "HUF", "XXX"}
)

// The words of facts that rules know, and some that they do not; times around noon.
var (
	learningWords = []string{"LEARNING_NEW", "LEARNING_BUDGET_CHANGE", "ENABLED", "LIMITED_BY_BUDGET", "SUCCESS", "strange", ""}
	moments       = []string{"2026-01-01T00:00:00Z", "2026-01-15T11:59:59Z", "2026-01-15T12:00:00Z", "2026-01-15T12:00:01Z", "2026-01-16T12:00:00Z",
		"2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "9999-12-31T00:00:00Z", "2026-01-15", "soon", "", "ü026-01-15T12:00:00Z"}
)

// request is a change near the limits of its target, with all that a request has besides.
func (g *inputs) request(r *random) *Request {
	change := g.change(r)
	limits := boundsOf(g.engine.limitsOf(change))
	g.values(r, change, limits)
	request := &Request{
		Change:    change,
		Principal: Principal{Subject: "bidder@example.com", Roles: []Role{RoleAutomation}},
		Batch:     Batch{ID: oneOfThese(r, "batch-1", "batch-1", ""), Size: 1, Index: r.IntN(3)},
		Now:       noon,
	}
	if r.seldom() {
		request.Batch.Size = int(r.near(oneOfThese(r, append(limits.counts, 1)...)))
		request.Batch.SameField = r.IntN(3)
		request.Batch.SameValue = r.IntN(2) * request.Batch.SameField
	}
	if r.seldom() {
		request.Mode = oneOfThese(r, ModeReduceOnly, ModeHalted)
	}
	if r.seldom() {
		request.Contradicted = true
	}
	if age := oneOfThese[int64](r, 60, 60, 60, 60, 0, 299, 300, 301, 899, 900, 901, -5); r.often() {
		change.BeforeObservedAt = noon.Add(-time.Duration(age) * time.Second)
	}
	if r.IntN(4) == 0 {
		request.Experiments = g.experiments(r, change)
	}
	if r.IntN(4) == 0 {
		request.Group = g.group(r, request)
	}
	if r.seldom() {
		request.Principal.Subject = oneOfThese(r, "example", "example", "example-off", "pacer@example.com")
	}
	for range r.IntN(16) / 14 {
		request.Freezes = append(request.Freezes, OpenFreeze{ID: "f1", Reason: "Black Friday", Effect: oneOfThese(r, Approve, Blocks),
			Until: oneOfThese(r, noon.Add(time.Hour), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), time.Time{})})
		request.Promos = append(request.Promos, OpenPromo{ID: "p1", Until: oneOfThese(r, noon.Add(time.Hour), noon.Add(23*time.Hour), noon),
			RaisePPM: oneOfThese[int64](r, 0, 500_000, math.MaxInt64)})
	}
	for range r.IntN(16) / 14 {
		request.Reverts = append(request.Reverts, g.revert(r, change, limits))
	}
	for range r.IntN(16) / 14 {
		request.Stale = append(request.Stale, StaleFact{Name: oneOfThese(r, slices.Concat(g.facts, []string{"tracking_status", "automation_heartbeat", "reconciler_heartbeat"})...),
			Source: "connector", ObservedAt: noon.Add(-time.Duration(r.IntN(200)) * time.Hour), MaximumAge: time.Hour})
	}
	request.Facts = g.factsOf(r, change, limits)
	request.Windows = g.windowsOf(r, change, limits)
	return request
}

// revert is a value that was to be put back: to where the field stands, above it or below it.
func (g *inputs) revert(r *random, change *Change, limits bounds) Revert {
	baseline := oneOfThese(r, change.Before, change.Before, change.After, UnlimitedValue(), AbsentValue(), TextValue("PAUSED"))
	if baseline.Form == Money || baseline.Form == Ratio {
		baseline.Amount = oneOfThese(r, baseline.Amount, baseline.Amount-1, baseline.Amount+1, g.moved(r, baseline.Amount, limits))
	}
	if baseline.Form == Missing {
		baseline = AbsentValue()
	}
	return Revert{DecisionID: "decision-1", PromoID: oneOfThese(r, "p1", ""), Baseline: baseline, Due: noon.Add(time.Duration(r.IntN(3)-1) * time.Nanosecond)}
}

func (g *inputs) change(r *random) *Change {
	kind := oneOfThese(r, Kinds()...)
	target := Target{Platform: oneOfThese(r, platforms...), Account: "example", Channel: "search", Campaign: oneOfThese(r, "101", "101", "101", "102"),
		CampaignName: "SEA-US-BRAND-SPRING-SALES-202603", AdGroup: "201", EntityType: "keyword", EntityID: "keyword-1"}
	switch kind {
	case KindDailyBudget, KindMonthlyBudget, KindLifetimeBudget, KindStatus, KindName:
		target.EntityType, target.EntityID, target.AdGroup = "campaign", target.Campaign, ""
	case KindSharedBudget, KindAccountBudget:
		target.EntityType, target.EntityID, target.Campaign, target.AdGroup = "budget", "budget-1", "", ""
	}
	if r.IntN(3) == 0 {
		target.Portfolio = "p"
	}
	if r.seldom() {
		*oneOfThese(r, &target.Account, &target.Campaign, &target.EntityID, &target.EntityType, &target.Portfolio, &target.Channel) = oneOfThese(r, "", "strange", "campaign", "102")
	}
	if r.seldom() {
		target.Labels = map[string]string{oneOfThese(r, "protected", "brand", "ad_product", "creative_template", "cost_centre"): oneOfThese(r, "", " No ", "yes", "0", "sponsored_brands", "TRUE")}
	}
	change := &Change{ID: "change-1", Kind: kind, Target: target, Actor: Actor{Automation: "bidder", Version: "1.0", Run: oneOfThese(r, "run-1", "run-1", "")},
		Reason: Reason{Code: oneOfThese(r, "bid_optimisation", "bid_optimisation", "overspend", "legal", ""), Text: "conversion rate went up"}}
	if r.seldom() {
		change.FieldMask = []string{oneOfThese(r, fieldNames...), oneOfThese(r, fieldNames...)}
	}
	if r.seldom() {
		change.PromoID, change.ExperimentID, change.ParentID = "p1", "spring", "change-0"
		change.EffectiveAt, change.RevertAt = noon.Add(time.Hour), noon.Add(oneOfThese(r, time.Hour, 24*time.Hour, 25*time.Hour, 15*24*time.Hour))
		if r.seldom() {
			change.EffectiveAt, change.RevertAt = time.Time{}, time.Time{}
		}
	}
	if r.seldom() {
		change.Audiences = []string{oneOfThese(r, "buyers-30d", "strange")}
		change.Target.Audiences = []string{oneOfThese(r, "newsletter", "strange")}
	}
	// Limits are looked up by it, so it is set before them.
	change.After.Currency = map[string]string{"google_ads": "USD", "amazon_ads": "GBP"}[target.Platform]
	if change.After.Currency == "" {
		change.After.Currency = "USD"
	}
	if r.seldom() {
		change.After.Currency = oneOfThese(r, currencies...)
	}
	return change
}

// values sets what holds before and after: mostly of one form, and so that a limit or a share is met, or missed by one.
func (g *inputs) values(r *random, change *Change, limits bounds) {
	currency := change.After.Currency
	forms := kindForms(change.Kind)
	before := forms[0]
	if r.IntN(4) == 0 {
		before = oneOfThese(r, forms...)
	}
	after := before
	if r.seldom() {
		after = oneOfThese(r, forms...)
	}
	words := otherWords
	switch change.Kind {
	case KindStatus:
		words = statuses
	case KindName:
		words = names
	}
	amount := g.amount(r, before, limits)
	change.Before = valueOfForm(r, before, amount, currency, words)
	if before == after {
		amount = g.moved(r, amount, limits)
	} else {
		amount = g.amount(r, after, limits)
	}
	change.After = valueOfForm(r, after, amount, currency, words)
	if r.IntN(60) == 0 {
		change.After.Currency = oneOfThese(r, currencies...)
	}
	if r.IntN(40) == 0 {
		change.After = change.Before
	}
}

func valueOfForm(r *random, form Form, amount int64, currency string, words []string) Value {
	switch form {
	case Money:
		return MoneyValue(amount, currency)
	case Ratio:
		return RatioValue(amount)
	case Text:
		return TextValue(oneOfThese(r, words...))
	case Flag:
		return FlagValue(r.even())
	case Unlimited:
		return UnlimitedValue()
	}
	return AbsentValue()
}

// amount is a usual one, a limit, or one at the ends of what there is.
func (g *inputs) amount(r *random, form Form, limits bounds) int64 {
	some := limits.micros
	if form == Ratio {
		some = limits.ppm
	}
	limit := oneOfThese(r, some...)
	switch r.IntN(12) {
	case 0:
		return r.near(limit)
	case 1:
		return oneOfThese[int64](r, 0, 1, -1, 900_000_000_000_000_000, 900_000_000_000_000_001, math.MaxInt64, math.MaxInt64-1, math.MinInt64, 1<<53+1)
	case 2:
		return round(r.Int64N(1 << (20 + r.IntN(30))))
	default:
		return round(share(limit, 10_000+r.Int64N(990_000)))
	}
}

// moved is an amount after a move: by a share that a limit is about, by a factor, to a limit, or by little.
func (g *inputs) moved(r *random, from int64, limits bounds) int64 {
	part := share(from, oneOfThese(r, limits.ppm...))
	switch r.IntN(12) {
	case 0:
		return r.near(from + part)
	case 1:
		return r.near(from - part)
	case 2:
		return r.near(from + oneOfThese(r, limits.micros...))
	case 3:
		return r.near(from - oneOfThese(r, limits.micros...))
	case 4:
		return r.near(oneOfThese(r, limits.micros...))
	case 5:
		times := oneOfThese[int64](r, 2, 10, 30, 31, 100, 101, 1000, 10_000, 1_000_000)
		if r.even() {
			return r.near(from / times)
		}
		return r.near(from * times) // that may wrap around: it is an amount all the same
	case 6:
		return g.amount(r, Money, limits)
	case 7:
		return r.near(from)
	default:
		return round(from + share(from, r.Int64N(400_000)-200_000))
	}
}

// ageFrom is a time so many seconds ago: at a limit, or beside it.
func (r *random) ageFrom(limits bounds) time.Time {
	if r.seldom() {
		return time.Time{}
	}
	seconds := oneOfThese(r, append([]int64{60, 3600, 86_400}, limits.seconds...)...) + int64(r.IntN(3)-1)
	return noon.Add(-time.Duration(seconds) * time.Second)
}

func (g *inputs) factsOf(r *random, change *Change, limits bounds) map[string]Fact {
	facts := map[string]Fact{}
	currency := change.After.Currency
	if currency == "" || r.IntN(20) == 0 {
		currency = oneOfThese(r, append(currencies, "USD")...)
	}
	whole := g.amount(r, Money, limits)
	for _, name := range g.facts {
		if r.IntN(3) == 0 {
			continue
		}
		value := MoneyValue(g.amount(r, Money, limits), currency)
		switch g.forms[name] {
		case Ratio: // a share, or a count
			value = RatioValue(r.near(oneOfThese[int64](r, 0, 20_000, 100_000, 250_000, 1_000_000, 2_000_000, 10_000_000, 100_000_000, -1)))
		case Text:
			value = TextValue(oneOfThese(r, append(factWords[name], otherWords...)...))
		case Flag:
			value = FlagValue(r.even())
		}
		switch {
		case name == "current_value":
			value = change.Before
			if r.seldom() {
				value.Amount++
			}
		case strings.HasSuffix(name, "_max"):
			value = RatioValue(oneOfThese[int64](r, 0, 900_000, 1_000_000, 1_200_000, 3_000_000, 10_000_000, 20_000_000, -1))
		case name == "delivery_share":
			value = RatioValue(r.near(oneOfThese[int64](r, 0, 50_000, 100_000, 300_000, 1_000_000, -7)))
		case name == "period_days_left":
			value = RatioValue(oneOfThese[int64](r, 0, 500_000, 1_000_000, 12_500_000, 30_000_000))
		case name == "period_plan", name == "account_daily_budget", name == "portfolio_daily_budget":
			value.Amount = r.near(oneOfThese(r, whole, share(whole, 10_000_000), share(change.After.Amount, 10_000_000), share(change.After.Amount, 20_000_000)))
		case name == "projected_spend":
			value.Amount = r.near(share(whole, oneOfThese[int64](r, 500_000, 900_000, 1_100_000, 1_200_000, 2_000_000)))
		case name == "revenue_per_conversion", name == "cost_of_goods":
			value.Amount = r.near(share(change.After.Amount, oneOfThese[int64](r, 500_000, 1_000_000, 2_000_000, 10_000_000, 20_000_000)))
		case name == "daily_budget":
			value.Amount = r.near(oneOfThese(r, change.After.Amount, share(change.After.Amount, 10_000_000), value.Amount))
		case name == "learning_status":
			value = TextValue(oneOfThese(r, learningWords...))
		case name == "flight_starts", name == "flight_ends":
			value = TextValue(oneOfThese(r, moments...))
		case name == "paused_by":
			value = TextValue(oneOfThese(r, "person", "automation", "platform", "strange"))
		case name == "tracking_status":
			value = TextValue(oneOfThese(r, "ok", "ok", "ok", "degraded", "down", "strange"))
		case name == "conversions_30d", name == "unreconciled_changes":
			value = RatioValue(r.near(oneOfThese[int64](r, 0, 0, 1_000_000, 10_000_000, 50_000_000, -1_000_000, math.MaxInt64-1)))
		case name == "invoice_variance":
			value = RatioValue(r.near(oneOfThese[int64](r, 0, 20_000, 50_000, -50_000, -20_000)))
		case strings.HasSuffix(name, "_heartbeat"):
			value = FlagValue(r.often())
		case name == "spend_today":
			value.Amount = r.near(oneOfThese(r, change.After.Amount, 0))
		}
		if r.IntN(20) == 0 {
			value = oneOfThese(r, UnlimitedValue(), AbsentValue(), TextValue("much"), FlagValue(true), RatioValue(1_000_000), MoneyValue(5_000_000, "SEK"))
		}
		if value.Form == Missing {
			continue
		}
		facts[name] = Fact{Value: value, ObservedAt: r.ageFrom(limits), Source: "connector", FromCaller: r.IntN(4) == 0}
	}
	return facts
}

// windowsOf are sums that with the change itself come to a limit, or nearly.
func (g *inputs) windowsOf(r *random, change *Change, limits bounds) Windows {
	own := max(change.After.Amount-change.Before.Amount, change.Before.Amount-change.After.Amount)
	some := limits.micros
	if change.After.Form == Ratio || change.Kind == KindStatus || change.Kind == KindTargetingExclusion {
		some = limits.ppm
	}
	sum := func() int64 {
		switch r.IntN(4) {
		case 0:
			return max(0, r.near(oneOfThese(r, some...)-own))
		case 1:
			return oneOfThese(r, 0, oneOfThese(r, some...), math.MaxInt64-1)
		}
		return 0
	}
	quiet := r.IntN(3) == 0
	number := func() int64 {
		if quiet {
			return 0
		}
		return max(0, oneOfThese(r, append([]int64{0, 0, 0, 1}, limits.counts...)...)+int64(r.IntN(3)-1))
	}
	held := change.Before.Form == Money || change.Before.Form == Ratio
	var windows Windows
	for _, scope := range slices.Sorted(maps.Keys(scopeNames)) {
		if scope == "portfolio" && change.Target.Portfolio == "" || scope == "run" && change.Actor.Run == "" || r.IntN(40) == 0 {
			continue
		}
		each := ScopeWindows{Scope: scope, Reverses: scope == "field" && r.seldom()}
		if !quiet {
			each.LastChange = r.ageFrom(limits)
		}
		for _, window := range g.windows {
			if r.IntN(60) == 0 {
				continue
			}
			sums := WindowSums{Window: window, AmountsKnown: r.IntN(20) > 0, Count: number(), Reversals: number(), HeldOpen: int64(r.IntN(2))}
			if sums.AmountsKnown && !quiet {
				sums.Raised, sums.Lowered, sums.NetRise, sums.NetFall = sum(), sum(), sum(), sum()
			} else if !sums.AmountsKnown {
				sums.Problem = "there is no rate from COP to USD"
			}
			at := change.Before.Amount
			if sums.ValuesKnown = held && r.IntN(12) > 0; sums.ValuesKnown {
				sums.StartLow, sums.StartHigh, sums.Low, sums.Peak = at, at, at, at
				if !quiet && r.even() {
					sums.StartLow, sums.Peak = g.moved(r, at, limits), g.moved(r, at, limits)
					sums.Low, sums.StartHigh = min(sums.StartLow, at), max(sums.StartLow, at)
				}
			}
			each.Sums = append(each.Sums, sums)
		}
		windows = append(windows, each)
	}
	return windows
}

func (g *inputs) experiments(r *random, change *Change) []Participation {
	made := make([]Participation, 1+r.IntN(8)/7)
	for i := range made {
		frozen := []string{change.Kind.String()}
		if r.seldom() {
			frozen = []string{"bid", "daily_budget"}
		}
		split := oneOfThese(r, int64(0), 500_000)
		arms := []Arm{{Name: "base", Control: true, Campaigns: []string{"101"}, SplitPPM: split}, {Name: "trial", Campaigns: []string{"102", "103"}, SplitPPM: split}}
		made[i] = Participation{Relation: oneOfThese(r, Member, Member, Member, Reach, Unclear), ID: fmt.Sprint("spring-", i), Name: "Spring headlines", Type: oneOfThese(r, append(experimentTypes, "ab", "ab")...),
			State: oneOfThese(r, append(experimentStates, "running", "running", "running")...), Owner: "growth", Sync: r.IntN(3) == 0,
			Arm: oneOfThese(r, "base", "trial"), FrozenFields: frozen, Arms: arms[:oneOfThese(r, 2, 2, 2, 1, 0)], MinimumEnds: noon.Add(time.Duration(r.IntN(3)-1) * time.Hour)}
		if made[i].Relation != Member {
			made[i].Arm = ""
		}
		if r.IntN(3) == 0 {
			made[i].Envelope = []Envelope{{Kind: change.Kind.String(), SharePPM: oneOfThese(r, int64(0), 100_000, 1_000_000), Most: oneOfThese(r, Value{}, change.After, change.Before)}}
		}
		if r.IntN(4) == 0 {
			made[i].HoldoutGeos = []string{"DE-BE"}
		}
		if r.IntN(4) == 0 {
			made[i].HoldoutAudiences = []string{"crm-1"}
		}
	}
	return made
}

// group has the change itself, and legs that take what it gives, move as it does, or do something else.
func (g *inputs) group(r *random, request *Request) []Leg {
	change := request.Change
	change.AtomicGroupID = "group-1"
	var live []string
	for _, participation := range request.Experiments {
		if participation.Holds() {
			live = append(live, participation.ID)
		}
	}
	legs := []Leg{{Change: change, Experiments: live, Contradicted: request.Contradicted}}
	for i := range r.IntN(4) {
		other := *change
		other.ID = fmt.Sprint("change-", i+2)
		other.Target.Campaign = oneOfThese(r, "102", "102", "103", "101")
		other.Target.EntityID = oneOfThese(r, other.Target.Campaign, "other", change.Target.EntityID)
		switch r.IntN(8) {
		case 0, 1: // takes what the change gives
			other.Before, other.After = change.After, change.Before
			other.After.Amount = r.near(other.After.Amount)
		case 2, 3, 4: // moves as it does
			times := oneOfThese[int64](r, 1_000_000, 2_000_000, 500_000)
			other.Before.Amount, other.After.Amount = share(change.Before.Amount, times), r.near(share(change.After.Amount, times))
		case 5:
			other.Kind = oneOfThese(r, Kinds()...)
		case 6:
			other.After = oneOfThese(r, UnlimitedValue(), AbsentValue(), MoneyValue(5_000_000, "EUR"), RatioValue(5), TextValue("x"))
		}
		experiments := live
		if r.seldom() {
			experiments = oneOfThese(r, nil, []string{"autumn"})
		}
		legs = append(legs, Leg{Change: &other, Experiments: experiments, Contradicted: r.seldom()})
	}
	return legs
}

// altered is the document with something else in a place or two, or without it. Paths are those of the document.
func (r *random) altered(document term.Value, paths [][]string) term.Value {
	for range 1 + r.IntN(2) {
		path := paths[r.IntN(len(paths))]
		if r.IntN(4) == 0 {
			if under(document, path).Defined() { // else the first time took it away
				document = remove(document, path)
			}
			continue
		}
		// A place that holds neither an object nor a list.
		for tries := 0; tries < 10 && plainKind(under(document, path)) == term.Undefined; tries++ {
			path = paths[r.IntN(len(paths))]
		}
		switch was := under(document, path); was.Kind() {
		case term.Number:
			amount, _ := was.Int()
			other, _ := under(document, paths[r.IntN(len(paths))]).Int()
			document = replace(document, path, term.Int(oneOfThese(r, amount+1, amount-1, 2*amount, 0, -amount, math.MaxInt64, r.near(other))))
		case term.Boolean:
			is, _ := was.Bool()
			document = replace(document, path, term.Bool(!is))
		case term.String:
			document = replace(document, path, term.Text(oneOfThese(r, "", "rise", "cut", "unordered", "money", "absent", "unlimited", "bid", "daily_budget", "google_ads", "EUR", "101", "halted")))
		}
	}
	return document
}

func plainKind(value term.Value) term.Kind {
	switch kind := value.Kind(); kind {
	case term.Number, term.Boolean, term.String:
		return kind
	}
	return term.Undefined
}
