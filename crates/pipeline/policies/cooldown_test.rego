package granary.cooldown_test

import data.granary.cooldown

day := 86400

facts(age) := {
	"private": false,
	"first_seen": "2026-11-20T08:30:00Z",
	"first_seen_seconds": 1795163400,
	"age_seconds": age,
}

test_a_new_version_waits_until_its_time if {
	found := cooldown.deny with input as facts(day) with data.settings.cooldown_seconds as 3 * day
	found == {{
		"msg": "it is too new: known since 2026-11-20T08:30:00Z, and versions wait for 72 hours",
		"until": 1795163400 + (3 * day),
	}}
}

test_a_second_before_its_time_it_waits if {
	count(cooldown.deny) == 1 with input as facts((3 * day) - 1) with data.settings.cooldown_seconds as 3 * day
}

test_at_its_time_it_is_admitted if {
	count(cooldown.deny) == 0 with input as facts(3 * day) with data.settings.cooldown_seconds as 3 * day
}

test_without_a_cooldown_nothing_waits if {
	count(cooldown.deny) == 0 with input as facts(0) with data.settings.cooldown_seconds as 0
}

test_private_modules_do_not_wait if {
	own := object.union(facts(0), {"private": true})
	count(cooldown.deny) == 0 with input as own with data.settings.cooldown_seconds as day
}

test_the_time_of_the_commit_counts_for_nothing if {
	forged := object.union(facts(0), {"commit_time": "1999-01-01T00:00:00Z", "commit_time_seconds": 915148800})
	count(cooldown.deny) == 1 with input as forged with data.settings.cooldown_seconds as day
}
