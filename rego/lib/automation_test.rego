package bidrail.lib.automation_test

import data.bidrail.lib.automation
import data.bidrail.lib.example

by(subject, version) := example.bid(100, 110, {"actor": {"subject": subject, "version": version}})

registry := {
	"pacer@example.com": {"owner": "ines", "versions": ["2.3"]},
	"bidder@example.com": {"versions": "any"},
}

# The rows that are shipped are there to copy. Nothing is said of other rows of the revision: it may well be in use.
test_the_registry_is_in_use_once_somebody_is_in_it if {
	shipped := object.filter(data.automations, ["example", "example-off"])
	not automation.in_use with data.automations as shipped
	automation.in_use with data.automations as registry
	not automation.in_use with data.automations as {}
	not automation.in_use with data.automations as {"example": {"versions": "any"}}
}

test_who_is_registered if {
	automation.registered with input as by("pacer@example.com", "2.3") with data.automations as registry
	not automation.registered with input as by("Pacer@example.com", "2.3") with data.automations as registry
}

test_which_versions_are_known if {
	automation.known_version with input as by("pacer@example.com", "2.3") with data.automations as registry
	not automation.known_version with input as by("pacer@example.com", "2.4") with data.automations as registry
	not automation.known_version with input as by("pacer@example.com", "") with data.automations as registry
	automation.known_version with input as by("bidder@example.com", "2.4") with data.automations as registry
}

test_who_answers_for_it if {
	automation.owner == "ines" with input as by("pacer@example.com", "2.3") with data.automations as registry
	automation.owner == "its owner" with input as by("bidder@example.com", "") with data.automations as registry
}
