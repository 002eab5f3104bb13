package granary.open_source_licence_test

import data.granary.open_source_licence as rule

facts(profile, private, redistributable) := {
	"profile": profile,
	"private": private,
	"licences": {"redistributable": redistributable, "list": [], "files": [], "why": "it has no licence file"},
}

test_public_refuses_what_has_none if {
	rule.deny == {"no open-source licence: it has no licence file"} with input as facts("public", false, false)
	count(rule.warn) == 0 with input as facts("public", false, false)
}

test_private_is_told_of_what_has_none if {
	rule.warn == {"no open-source licence: it has no licence file"} with input as facts("private", false, false)
	count(rule.deny) == 0 with input as facts("private", false, false)
}

test_what_has_one_is_admitted if {
	every profile in ["public", "private"] {
		count(rule.deny) == 0 with input as facts(profile, false, true)
		count(rule.warn) == 0 with input as facts(profile, false, true)
	}
}

test_private_modules_are_exempt if {
	every profile in ["public", "private"] {
		count(rule.deny) == 0 with input as facts(profile, true, false)
		count(rule.warn) == 0 with input as facts(profile, true, false)
	}
}
