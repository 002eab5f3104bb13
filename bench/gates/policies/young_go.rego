# Go versions that builders do not have, and versions without a tag.
package granary.young_go

deny contains msg if {
	input.go_version in data.go_versions_too_new
	msg := sprintf("%s needs go %s", [input.module, input.go_version])
}

warn contains "it has no tagged release" if startswith(input.version, "v0.0.0-")
