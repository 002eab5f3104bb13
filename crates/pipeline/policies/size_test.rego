package granary.size_test

import data.granary.size

facts := {"size": {"zip_bytes": 1000, "unpacked_bytes": 5000, "files": 10, "mod_bytes": 50}}

none := {"zip_bytes_max": 0, "unpacked_bytes_max": 0, "files_max": 0}

limits(changed) := object.union(none, changed)

test_without_limits_everything_is_admitted if {
	count(size.deny) == 0 with input as facts with data.settings as none
}

test_at_its_limits_it_is_admitted if {
	count(size.deny) == 0 with input as facts with data.settings as {"zip_bytes_max": 1000, "unpacked_bytes_max": 5000, "files_max": 10}
}

test_one_over_a_limit_is_refused if {
	size.deny == {"its zip has 1000 bytes, more than 999"} with input as facts with data.settings as limits({"zip_bytes_max": 999})
	size.deny == {"all of it, unpacked, has 5000 bytes, more than 4999"} with input as facts with data.settings as limits({"unpacked_bytes_max": 4999})
	size.deny == {"its zip has 10 files, more than 9"} with input as facts with data.settings as limits({"files_max": 9})
}

test_each_limit_is_told if {
	count(size.deny) == 3 with input as facts with data.settings as {"zip_bytes_max": 1, "unpacked_bytes_max": 1, "files_max": 1}
}
