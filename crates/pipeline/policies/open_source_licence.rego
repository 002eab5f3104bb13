# Hosting for the world needs the right to pass a module on. A team's own installation is told, and may go on.
#
# Which files are licence files, which licences they carry, how much of their text must be covered, and which licences
# allow redistribution is judged as Go's package site does; the files at the root decide. Private modules are exempt.
package granary.open_source_licence

deny contains refusal if input.profile == "public"

warn contains refusal if input.profile != "public"

refusal := sprintf("no open-source licence: %s", [input.licences.why]) if {
	not input.private
	not input.licences.redistributable
}
