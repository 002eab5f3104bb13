# Keeps out what is larger than the operator wants to store and serve. 0 is no limit.
#
# Settings: policy.zip_max, policy.unpacked_max, policy.files_max.
package granary.size

deny contains msg if {
	some limit in [
		{"of": "its zip", "unit": "bytes", "is": input.size.zip_bytes, "max": data.settings.zip_bytes_max},
		{"of": "all of it, unpacked,", "unit": "bytes", "is": input.size.unpacked_bytes, "max": data.settings.unpacked_bytes_max},
		{"of": "its zip", "unit": "files", "is": input.size.files, "max": data.settings.files_max},
	]
	limit.max > 0
	limit.is > limit.max
	msg := sprintf("%s has %d %s, more than %d", [limit.of, limit.is, limit.unit, limit.max])
}
