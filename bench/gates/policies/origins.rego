# Only origins of kinds that are known, and nothing whose owner is forbidden.
package granary.origins

deny contains msg if {
	not input.origin.kind in data.kinds
	msg := sprintf("%s comes from an origin of the kind \"%s\"", [input.module, input.origin.kind])
}

deny contains msg if {
	some requirement in input.requirements
	granary.find_pattern(data.forbidden, requirement.module, requirement.version)
	msg := sprintf("%s requires %s", [input.module, requirement.module])
}
