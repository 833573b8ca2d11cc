# METADATA
# title: Examples
# description: |
#   Complete input documents for tests and for the examples of rules. Start with document, bid or
#   budget, and say only what matters to the case. No rule uses this package.
package bidrail.lib.example

# Values, as the input document writes them.
usd(cents) := money(cents * 10000, "USD")

money(micros, currency) := {"type": "money", "micros": micros, "currency": currency}

percent(points) := {"type": "ratio", "ppm": points * 10000}

# Whole ones, as facts count them.
pieces(whole) := {"type": "ratio", "ppm": whole * 1000000}

text(word) := {"type": "text", "text": word}

unlimited := {"type": "unlimited"}

absent := {"type": "absent"}

# What a connector saw so many seconds ago.
fact(value, age_s) := object.union(value, {
	"source": "connector",
	"caller": false,
	"observed_at": now - (age_s * 1000000000),
	"age_s": age_s,
})

# What a connector saw so many seconds ago, which is too long, so that it is known no more.
stale(name, age_s) := {
	"name": name,
	"why": "stale",
	"source": "connector",
	"age_s": age_s,
	"maximum_age_s": age_s - 1,
}

# What the caller says.
claim(value) := object.union(value, {"source": "caller", "caller": true})

# Thursday, 1 January 2026, noon UTC.
now := 1767268800000000000

# In nanoseconds.
day := 86400000000000

# A bid of one keyword, in cents.
bid(before, after, overrides) := document("bid", usd(before), usd(after), overrides)

# A daily budget of one campaign, in cents.
budget(before, after, overrides) := document("daily_budget", usd(before), usd(after), overrides)

# The document of a change of the kind, read a minute ago, with the overrides laid over it. Its
# only leg is the change itself, unless the overrides bring their own. Nothing has moved before it.
document(kind, before, after, overrides) := object.union(changed, {"group": {
	"id": object.get(overrides, ["group", "id"], ""),
	"legs": object.get(overrides, ["group", "legs"], [leg(changed)]),
}}) if {
	changed := object.union_n([
		base,
		{"change": {
			"kind": kind,
			"before": before,
			"after": after,
			"direction": direction(kind, before, after),
			"target": object.get(targets, kind, keyword),
		}},
		{"windows": still(before, object.get(overrides, ["change", "target", "portfolio"], ""))},
		overrides,
	])
}

# The first of the documents, as a leg of one atomic group with the others.
grouped(documents) := object.union(documents[0], {"group": {
	"id": "group-1",
	"legs": [leg(each) | some each in documents],
}})

# The document with other sums in one window of one scope, such as {"moved": 9000000000}.
moved(of, scope, window, sums) := object.union(of, {"windows": {scope: {window: sums}}})

# The document without one scope, as when the target is in none of that sort.
outside(of, scope) := object.union(
	object.remove(of, ["windows"]),
	{"windows": object.remove(of.windows, [scope])},
)

# The windows of a change before which nothing has moved. A portfolio has its own when one is named.
still(before, portfolio) := object.union(
	{"field": quiet(extremes(before))},
	{scope: quiet({}) |
		some scope in ["ad_group", "campaign", "portfolio", "channel", "account", "run", "automation", "organisation"]
		in_scope(scope, portfolio)
	},
)

in_scope(scope, _) if scope != "portfolio"

in_scope("portfolio", portfolio) if portfolio != ""

quiet(values) := {
	"reverses": false,
	"hour": sums,
	"day": sums,
	"week": sums,
	"month": sums,
} if {
	sums := object.union(
		{
			"raised": 0, "lowered": 0, "moved": 0, "net_rise": 0, "net_fall": 0,
			"count": 0, "reversals": 0, "open": 0,
		},
		values,
	)
}

# Where a field stood, which is where it stands while nothing has moved.
extremes(value) := {"start_low": value.micros, "start_high": value.micros, "low": value.micros, "peak": value.micros}

extremes(value) := {"start_low": value.ppm, "start_high": value.ppm, "low": value.ppm, "peak": value.ppm}

extremes(value) := {} if not value.type in {"money", "ratio"}

# The document with another limit, or without it.
with_limit(of, group, name, value) := replaced(of, group, object.union(rest, {name: value})) if {
	rest := object.remove(of.limits[group], [name])
}

without_limit(of, group, name) := replaced(of, group, object.remove(of.limits[group], [name]))

replaced(of, group, limits) := object.union(
	object.remove(of, ["limits"]),
	{"limits": object.union(object.remove(of.limits, [group]), {group: limits})},
)

no_limit := {"unlimited": true, "source": "example"}

leg(of) := {
	"change_id": of.change.id,
	"kind": of.change.kind,
	"direction": of.change.direction,
	"target": of.change.target,
	"before": of.change.before,
	"after": of.change.after,
	"experiments": [experiment.id |
		some experiment in of.experiments
		experiment.relation == "member"
		experiment.state in {"baseline", "running", "cooldown"}
	],
}

# A campaign test of two arms, 101 and 102, that holds bids, budgets and status still. Arm is the
# one that the target is in.
test(arm, overrides) := object.union_n([
	times,
	{
		"id": "spring",
		"name": "Spring headlines",
		"type": "ab",
		"state": "running",
		"owner": "growth",
		"sync": false,
		"relation": "member",
		"arm": arm,
		"envelope": [],
		"holdout_geos": [],
		"holdout_audiences": [],
		"frozen_fields": ["bid", "bid_strategy", "target_roas", "daily_budget", "status", "targeting_exclusion", "name"],
		"arms": [
			{"name": "base", "control": true, "campaigns": ["101"], "split_ppm": 500000},
			{"name": "trial", "control": false, "campaigns": ["102"], "split_ppm": 500000},
		],
	},
	overrides,
])

# It began ten days ago, and takes twenty.
times := {
	"starts": now - (10 * day),
	"ends": now + (10 * day),
	"minimum_ends": now + (5 * day),
}

# The engine computes directions in Go; this is the part of it that the examples need.
direction(_, before, after) := "same" if before == after

direction("target_roas", before, after) := "cut" if after.ppm > before.ppm

direction("target_roas", before, after) := "rise" if after.ppm < before.ppm

direction(kind, before, after) := "rise" if {
	kind != "target_roas"
	amount(after) > amount(before)
}

direction(kind, before, after) := "cut" if {
	kind != "target_roas"
	amount(after) < amount(before)
}

direction("status", before, after) := "rise" if [before.text, after.text] == ["PAUSED", "ENABLED"]

direction("status", before, after) := "cut" if [before.text, after.text] == ["ENABLED", "PAUSED"]

direction(kind, before, after) := "unordered" if {
	before != after
	not ordered(kind, before, after)
}

ordered("status", before, after) if {before.text, after.text} == {"ENABLED", "PAUSED"}

ordered(_, before, after) if amount(before) != amount(after)

# More than any amount, so that unlimited is above them all.
amount(value) := 9000000000000000000 if value.type == "unlimited"

amount(value) := value.micros if value.type == "money"

amount(value) := value.ppm if value.type == "ratio"

keyword := {"entity_type": "keyword", "entity_id": "keyword-1"}

campaign := {"entity_type": "campaign", "entity_id": "101"}

# What the fields of a kind usually sit on; a keyword where nothing is said.
targets := {
	"daily_budget": campaign,
	"monthly_budget": campaign,
	"lifetime_budget": campaign,
	"shared_budget": {"entity_type": "budget", "entity_id": "budget-1"},
	"account_budget": {"entity_type": "account", "entity_id": "example"},
	"status": campaign,
	"targeting_exclusion": campaign,
	"targeting": campaign,
	"name": campaign,
}

base := {
	"now": now,
	"mode": "active",
	"actor": {
		"subject": "bidder@example.com",
		"roles": ["automation"],
		"automation": "bidder",
		"version": "1.0",
		"run": "run-1",
	},
	"account": {"known": true, "currency": "USD", "time_zone": "America/New_York"},
	"change": {
		"id": "change-1",
		"target": {
			"platform": "google_ads",
			"account": "example",
			"channel": "search",
			"portfolio": "",
			"campaign": "101",
			"campaign_name": "SEA-US-BRAND-SPRING-SALES-202603",
			"ad_group": "201",
			"labels": {},
			"geos": [],
			"audiences": [],
		},
		"before_age_s": 60,
		"reason": {"code": "bid_optimisation", "text": "conversion rate went up"},
		"experiment_id": "",
		"promo_id": "",
		"parent_id": "",
		"field_mask": [],
		"geos": [],
		"audiences": [],
	},
	"batch": {"id": "batch-1", "size": 1, "index": 0, "same_field": 0, "same_value": 0},
	"limits": {
		"integrity": integrity,
		"bid": bids,
		"budget": budgets,
		"cadence": cadence,
		"state": state,
		"experiment": tests,
		"calendar": calendar,
		"governance": governance,
	},
	"facts": {},
	"unknown": [],
	"experiments": [],
	"calendar": {"freezes": [], "promos": [], "reverts": []},
}

# The limits of the examples stand still when the shipped ones are tuned.
integrity := {
	"magnitude_factor": {"count": 10, "source": "example"},
	"unit_slip_tolerance": {"ppm": 10000, "source": "example"},
	"baseline_age": {"seconds": 900, "source": "example"},
	"batch_repeats": {"count": 0, "source": "example"},
	"hourly_changes": {"count": 10, "source": "example"},
}

bids := {
	"ceiling": dollars(50),
	"floor": {"micros": 20000, "currency": "USD", "source": "example"},
	"effective_ceiling": dollars(150),
	"step": share(30),
	"step_block": share(100),
	"step_cut": share(50),
	"step_amount": {"micros": 250000, "currency": "USD", "source": "example"},
	"target_step": share(20),
	"drift_day": share(50),
	"drift_week": share(100),
	"budget_multiple": {"count": 10, "source": "example"},
	"evidence_clicks": {"count": 100, "source": "example"},
	"evidence_clicks_approval": {"count": 10, "source": "example"},
	"evidence_conversions": {"count": 10, "source": "example"},
	"evidence_conversions_approval": {"count": 1, "source": "example"},
	"evidence_days": {"count": 10, "source": "example"},
	"evidence_days_approval": {"count": 3, "source": "example"},
	"evidence_age": {"seconds": 259200, "source": "example"},
	"evidence_age_approval": {"seconds": 864000, "source": "example"},
	"net_share": share(100),
	"net_share_block": share(200),
}

budgets := {
	"cap": dollars(1000),
	"usual": no_limit,
	"step_up": share(30),
	"step_up_block": share(100),
	"step_up_amount": dollars(50),
	"cut": share(50),
	"cut_block": share(80),
	"cut_amount": dollars(50),
	"floor": dollars(5),
	"approval_amount": dollars(5000),
	"drift_day": share(100),
	"drift_week": share(200),
	"daily_movement": dollars(10000),
	"exposure_day": dollars(2000),
	"exposure_period": share(100),
	"exposure_period_block": share(110),
	"total_cap": dollars(10000),
	"rapid_shift": share(10),
	"rapid_shift_block": share(30),
	"references": {"count": 1, "source": "example"},
	"pacing": share(110),
	"pacing_approval": share(120),
	"pacing_under": share(90),
}

cadence := {
	"cooldown": {"seconds": 300, "source": "example"},
	"reversals": {"count": 3, "source": "example"},
}

state := {
	"protected": {"flag": false, "source": "example"},
	"blast_radius": {"count": 500, "source": "example"},
	"delivery_removed": share(10),
	"delivery_removed_block": share(30),
	"learning_step": share(20),
	"winner_conversions": {"count": 10, "source": "example"},
	"winner_conversions_block": {"count": 50, "source": "example"},
}

calendar := {
	"promo_grace": {"seconds": 86400, "source": "example"},
	"promo_length": {"seconds": 1209600, "source": "example"},
	"flight_end": {"seconds": 86400, "source": "example"},
	"flight_step": share(20),
}

governance := {
	"unreconciled": {"count": 0, "source": "example"},
	"invoice_variance": share(2),
	"invoice_variance_approve": share(5),
}

tests := {
	"reach_share": share(5),
	"arm_drift": share(10),
	"arm_drift_approve": share(25),
}

dollars(whole) := {"micros": whole * 1000000, "currency": "USD", "source": "example"}

share(points) := {"ppm": points * 10000, "source": "example"}
