# Matches a pattern of many alternatives.

# METADATA
# title: Hostile
# description: A rule that somebody wrote by malice or by mistake.
# custom:
#   id: test.hostile
#   owner: tests
#   source: tests
package bidrail.rules.hostile

block contains finding if {
	not glob.match("{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}{a,aa,aaa,b}x", [], sprintf("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%s", [input.change.target.platform]))
	finding := {"message": "hostile"}
}
