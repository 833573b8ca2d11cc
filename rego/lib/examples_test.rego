package bidrail.lib.examples_test

# Every rule's examples give what they promise. The engine checks them once more, with its own
# checks of the document around them.

# By the rule's name. Packages are gone through for their examples alone: all that is in them would have every
# rule and every test run.
examples[trim_suffix(name, "_test")] := named if {
	some name
	named := data.bidrail.rules[name].examples
	endswith(name, "_test")
}

rules := object.keys(examples)

verdict(rule) := "block" if {
	count(data.bidrail.rules[rule].block) > 0
} else := "approve" if {
	count(data.bidrail.rules[rule].approve) > 0
} else := "warn" if {
	count(data.bidrail.rules[rule].warn) > 0
} else := "pass"

# A partial set is there, and empty, whatever the input.
shows(rule, effect) if data.bidrail.rules[rule][effect] == set()

test_examples_give_what_they_expect if {
	wrong := {{"rule": rule, "example": name, "expect": example.expect, "got": got} |
		some rule, named in examples
		some name, example in named
		got := verdict(rule) with input as example.input
		got != example.expect
	}
	count(wrong) == 0
}

test_every_effect_has_an_example if {
	unshown := {[rule, effect] |
		some rule, named in examples
		some effect in ["block", "approve", "warn"]
		shows(rule, effect) with input as {}
		not effect in {example.expect | some example in named}
	}
	count(unshown) == 0
}

test_every_rule_has_an_example_that_passes if {
	every rule in rules {
		"pass" in {example.expect | some example in examples[rule]}
	}
}

test_every_rule_has_tests if {
	rules == {name |
		some effect in ["block", "approve", "warn"]
		some name

		# regal ignore:prefer-some-in-iteration
		data.bidrail.rules[name][effect]
	}
}
