package bidrail.lib.examples_test

# Every rule's examples give what they promise. The engine checks them once more, with its own
# checks of the document around them.

rules contains trim_suffix(name, "_test") if {
	some name, _ in data.bidrail.rules
	endswith(name, "_test")
}

examples[rule] := data.bidrail.rules[sprintf("%s_test", [rule])].examples if some rule in rules

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
	named := {name | some name, _ in data.bidrail.rules; not endswith(name, "_test")}
	named == rules
}
