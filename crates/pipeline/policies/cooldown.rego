# Keeps a version out until it has been known for a while: a poisoned release is usually found out within days.
#
# Age counts from the moment at which this installation could first vouch that the version existed, never from the
# commit's time, which its author can set at will. Private modules do not wait.
#
# Setting: policy.cooldown.
package granary.cooldown

deny contains {"msg": msg, "until": until} if {
	wait := data.settings.cooldown_seconds
	wait > 0
	not input.private
	input.age_seconds < wait
	until := input.first_seen_seconds + wait
	msg := sprintf("it is too new: known since %s, and versions wait for %s", [input.first_seen, spelled(wait)])
}

spelled(seconds) := sprintf("%v hours", [round(seconds / 360) / 10]) if seconds >= 3600

spelled(seconds) := sprintf("%v seconds", [seconds]) if seconds < 3600
