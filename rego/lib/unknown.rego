# METADATA
# title: What should be known and is not
# description: |
#   What rules say of input.unknown: facts that a connector told too long ago, that data.facts expects and nobody told,
#   or that only the caller told where a connector should.
package bidrail.lib.unknown

import data.bidrail.lib.clock

# Signs of life, which governance.heartbeat speaks for.
heartbeats := {"automation_heartbeat", "reconciler_heartbeat"}

# All the others, in words, so that an approver sees when each was last known and who should tell it.
facts := sort([described(fact) |
	some fact in input.unknown
	not fact.name in heartbeats
])

described(fact) := sprintf("%s (told by %s at %s, too long ago)", [fact.name, fact.source, at]) if {
	fact.why == "stale"
	at := clock.utc(input.now - (fact.age_s * 1000000000))
}

described(fact) := sprintf("%s (told by nobody)", [fact.name]) if fact.why == "missing"

described(fact) := sprintf("%s (told by the caller only)", [fact.name]) if fact.why == "caller"
