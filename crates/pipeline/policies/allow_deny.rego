# The operator's two lists. What the deny list names stays out. If there is an allow list, everything else stays out too.
# Where both name a module, the deny list wins.
#
# A pattern is one of GOPRIVATE: example.com/team matches it and everything below it; with @version behind it, that
# version only. Settings: policy.allow, policy.deny. Longer lists stand in the folder's data.json, where they are read
# again without a restart: {"lists": {"allow": [...], "deny": [...]}}.
package granary.allow_deny

default own_allow := []

own_allow := data.lists.allow

default own_deny := []

own_deny := data.lists.deny

allowed := array.concat(data.settings.allow, own_allow)

denied := array.concat(data.settings.deny, own_deny)

deny contains msg if {
	pattern := granary.find_pattern(denied, input.module, input.version)
	msg := sprintf("the deny list names it (%s)%s", [pattern, contradiction])
}

deny contains msg if {
	count(allowed) > 0
	not granary.find_pattern(allowed, input.module, input.version)
	msg := "the allow list does not name it"
}

default contradiction := ""

contradiction := sprintf("; the allow list does too (%s), and the deny list wins", [pattern]) if {
	pattern := granary.find_pattern(allowed, input.module, input.version)
}
