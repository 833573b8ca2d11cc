# Pairs each character of the input with each other, five times over.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

letters := split(sprintf("%s%s%s", [input.change.id, input.change.target.platform, input.change.reason.text]), "")

block contains finding if {
	some a in letters
	some b in letters
	some c in letters
	some d in letters
	some e in letters
	sprintf("%s%s%s%s%s", [a, b, c, d, e]) == "xxxxx"
	finding := {"message": "hostile"}
}

block contains finding if {
	input.batch.size >= 0
	finding := {"message": "hostile"}
}
