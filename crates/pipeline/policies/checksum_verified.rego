# Admits what the checksum database vouches for. Without its record nobody but this installation says that the bytes are
# right: hosting for the world refuses that, a team's own installation is told. Private modules are in no database.
package granary.checksum_verified

deny contains unverified if input.profile == "public"

warn contains unverified if input.profile != "public"

deny contains msg if {
	not input.sumdb.verified_by in {"record", "private", "absent", "off"}
	msg := "nothing is known of how its bytes were verified"
}

unverified := sprintf("nobody vouches for its bytes: %s has no record of it", [input.sumdb.name]) if {
	not input.private
	input.sumdb.verified_by == "absent"
}

unverified := "nobody vouches for its bytes: it was captured without a checksum database (sumdb = off)" if {
	not input.private
	input.sumdb.verified_by == "off"
}
