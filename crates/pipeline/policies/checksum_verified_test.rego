package granary.checksum_verified_test

import data.granary.checksum_verified as rule

facts(profile, private, by) := {
	"profile": profile,
	"private": private,
	"sumdb": {"verified_by": by, "name": "sum.example.com", "record": null},
}

test_a_record_admits if {
	every profile in ["public", "private"] {
		count(rule.deny) == 0 with input as facts(profile, false, "record")
		count(rule.warn) == 0 with input as facts(profile, false, "record")
	}
}

test_public_refuses_what_has_no_record if {
	rule.deny == {"nobody vouches for its bytes: sum.example.com has no record of it"} with input as facts("public", false, "absent")
	count(rule.deny) == 1 with input as facts("public", false, "off")
}

test_private_is_told_of_what_has_no_record if {
	count(rule.warn) == 1 with input as facts("private", false, "absent")
	count(rule.warn) == 1 with input as facts("private", false, "off")
	count(rule.deny) == 0 with input as facts("private", false, "absent")
	count(rule.deny) == 0 with input as facts("private", false, "off")
}

test_private_modules_are_in_no_database if {
	every by in ["private", "off"] {
		count(rule.deny) == 0 with input as facts("public", true, by)
		count(rule.warn) == 0 with input as facts("public", true, by)
	}
}

test_what_nobody_knows_is_refused if {
	count(rule.deny) == 1 with input as facts("private", false, "hearsay")
	count(rule.deny) == 1 with input as {"profile": "private", "private": true}
}
