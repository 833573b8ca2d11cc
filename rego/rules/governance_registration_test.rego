package bidrail.rules.governance_registration_test

import data.bidrail.lib.example
import data.bidrail.rules.governance_registration

# The example of data.automations, in one of its versions.
by(subject, version) := {"actor": {"subject": subject, "version": version}}

rise(overrides) := example.bid(100, 110, overrides)

cut(overrides) := example.bid(110, 100, overrides)

examples := {
	"a version that is registered": {"input": rise(by("example", "1.0")), "expect": "pass"},
	"a version that is not": {"input": rise(by("example", "1.1")), "expect": "approve"},
	"a cut by a version that is not": {"input": cut(by("example", "1.1")), "expect": "warn"},
	"a registered automation that sends no version": {"input": rise(by("example", "")), "expect": "approve"},
	"a change of nothing": {"input": example.bid(100, 100, by("example", "1.1")), "expect": "pass"},
}

registry := {"example": {"versions": ["1.0"]}, "pacer@example.com": {"owner": "ines", "versions": "any"}}

test_once_it_is_in_use_everybody_has_to_be_in_it if {
	stranger := by("stranger@example.com", "1.0")
	count(governance_registration.approve) == 1 with input as rise(stranger) with data.automations as registry
	count(governance_registration.warn) == 1 with input as cut(stranger) with data.automations as registry
	count(governance_registration.approve) == 0 with input as rise(stranger) with data.automations as {}
	count(governance_registration.warn) == 0 with input as cut(stranger) with data.automations as {}
}

test_any_version if {
	of_pacer := by("pacer@example.com", "")
	count(governance_registration.approve) == 0 with input as rise(of_pacer) with data.automations as registry
}

# What a row does not say is not allowed.
test_a_row_without_versions if {
	silent := {"pacer@example.com": {"owner": "ines"}}
	some finding in governance_registration.approve with input as rise(by("pacer@example.com", "1.0"))
		with data.automations as silent
	finding.owner == "ines"
}

test_a_row_without_an_owner if {
	nobody := {"pacer@example.com": {"versions": []}}
	some other in governance_registration.approve with input as rise(by("pacer@example.com", "1.0"))
		with data.automations as nobody
	other.owner == "its owner"
}
