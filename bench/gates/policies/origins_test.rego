package granary.origins_test

import data.granary.origins

candidate := {
	"module": "example.com/m",
	"version": "v1.0.0",
	"origin": {"kind": "proxy"},
	"requirements": [{"module": "example.com/other", "version": "v1.0.0", "indirect": false}],
}

test_what_comes_from_a_proxy_is_let_in if count(origins.deny) == 0 with input as candidate

test_what_requires_the_forbidden_is_refused if {
	required := [{"module": "example.com/forbidden/m", "version": "v1.0.0", "indirect": true}]
	count(origins.deny) == 1 with input as object.union(candidate, {"requirements": required})
}
