package granary.allow_deny_test

import data.granary.allow_deny as rule

facts := {"module": "example.com/group/lib", "version": "v1.4.2"}

lists(allow, deny) := {"allow": allow, "deny": deny}

test_without_lists_everything_is_admitted if {
	count(rule.deny) == 0 with input as facts with data.settings as lists([], [])
}

test_the_deny_list_keeps_out if {
	rule.deny == {"the deny list names it (example.com/group)"} with input as facts with data.settings as lists([], ["other.example", "example.com/group"])
	rule.deny == {"the deny list names it (*.com)"} with input as facts with data.settings as lists([], ["*.com"])
	count(rule.deny) == 0 with input as facts with data.settings as lists([], ["example.com/grou", "example.org"])
}

test_one_version_can_be_denied if {
	count(rule.deny) == 1 with input as facts with data.settings as lists([], ["example.com/group/lib@v1.4.2"])
	count(rule.deny) == 0 with input as facts with data.settings as lists([], ["example.com/group/lib@v1.4.3"])
}

test_an_allow_list_keeps_everything_else_out if {
	count(rule.deny) == 0 with input as facts with data.settings as lists(["example.com"], [])
	rule.deny == {"the allow list does not name it"} with input as facts with data.settings as lists(["example.org"], [])
}

test_deny_wins_and_both_are_named if {
	rule.deny == {"the deny list names it (example.com); the allow list does too (example.com/group), and the deny list wins"} with input as facts with data.settings as lists(["example.com/group"], ["example.com"])
}

test_lists_of_the_folder_are_added if {
	count(rule.deny) == 1 with input as facts with data.settings as lists([], []) with data.lists as {"deny": ["example.com"]}
	count(rule.deny) == 1 with input as facts with data.settings as lists([], []) with data.lists as {"allow": ["example.org"]}
	count(rule.deny) == 0 with input as facts with data.settings as lists(["example.org"], []) with data.lists as {"allow": ["example.com"]}
}
