# Licences that ask for more than their text to be passed on are told, each file that carries one.
package granary.copyleft

warn contains msg if {
	some file in input.licences.files
	some name in file.licences
	startswith(name, "AGPL")
	file.coverage_percent > 75
	msg := sprintf("%s carries %s", [file.path, name])
}
