# METADATA
# title: The registry of automations
# description: |
#   What data.automations says of whoever proposes the change. The subject counts, which comes from the
#   credentials; what an automation calls itself is its own word.
package bidrail.lib.automation

row := data.automations[input.actor.subject]

# Who answers for it.
default owner := "its owner"

owner := row.owner

# Two rows are there to copy. The registry is in use as soon as there is another.
in_use if count(object.remove(data.automations, ["example", "example-off"])) > 0

registered if row

# A version that somebody has looked at.
known_version if row.versions == "any"

known_version if input.actor.version in row.versions

# Whether an emergency is one because it says so. While the registry is not in use everybody's word counts.
heard_in_emergencies if not in_use

heard_in_emergencies if row.emergencies == true
