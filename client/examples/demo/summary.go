package main

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// summarize prints what came of all scenes together.
func (s *screen) summarize(p *play, onRecord int) {
	s.say("", s.paint("SUMMARY", bold), "")
	s.verdicts(p.scenes)
	s.rules(p.scenes)
	s.flat(p.scenes)
	s.say("", "  latency on this machine, one call at a time      p50        p90        p99        max",
		latencyLine(fmt.Sprintf("Check, a call (%d)", len(p.single)), p.single),
		latencyLine(fmt.Sprintf("CheckBatch, a change (%d in %d calls)", p.batched, len(p.perChange)), p.perChange))
	s.say("", fmt.Sprintf("  on record, as an auditor counts them: %d decisions", onRecord))
}

// verdicts prints a table of the verdicts by scene.
func (s *screen) verdicts(scenes []scene) {
	s.say(fmt.Sprintf("  %-10s %8s %8s %8s %8s %8s", "", "ALLOW", "APPROVAL", "BLOCK", "ERROR", "all"))
	var sum [4]int
	line := func(name string, counts [4]int) {
		all := counts[0] + counts[1] + counts[2] + counts[3]
		s.say(fmt.Sprintf("  %-10s %8d %8d %8d %8d %8d", name, counts[0], counts[1], counts[2], counts[3], all))
	}
	for _, scene := range scenes {
		var counts [4]int
		for _, row := range scene.rows {
			word, _ := verdict(row)
			i := slices.Index([]string{"ALLOW", "APPROVAL", "BLOCK", "ERROR"}, word)
			counts[i]++
			sum[i]++
		}
		line(scene.name, counts)
	}
	line("all", sum)
	if decided := sum[0] + sum[1] + sum[2]; decided > 0 {
		share := sum[1] * 1000 / decided
		s.say("", fmt.Sprintf("  sent to people: %d of %d decided, %d.%d%%", sum[1], decided, share/10, share%10))
	}
}

// rules prints how many changes each rule had something to say of.
func (s *screen) rules(scenes []scene) {
	type count struct{ block, approve, warn int }
	counts := map[string]count{}
	decided := 0
	for _, scene := range scenes {
		for _, row := range scene.rows {
			if row.err == nil {
				decided++
			}
			strictest := map[string]bidrailv1.Effect{}
			for _, finding := range row.decision.Reasons() {
				strictest[finding.GetRule()] = max(strictest[finding.GetRule()], finding.GetEffect())
			}
			for rule, effect := range strictest {
				counted := counts[rule]
				switch effect {
				case bidrailv1.Effect_EFFECT_BLOCK:
					counted.block++
				case bidrailv1.Effect_EFFECT_APPROVE:
					counted.approve++
				default:
					counted.warn++
				}
				counts[rule] = counted
			}
		}
	}
	s.say("", fmt.Sprintf("  %-28s %16s %16s %16s", fmt.Sprintf("of %d decided, a rule", decided), "blocks", "sends on", "warns of"))
	rules := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		x, y := counts[a], counts[b]
		return cmp.Or(cmp.Compare(y.block, x.block), cmp.Compare(y.approve, x.approve), cmp.Compare(y.warn, x.warn), strings.Compare(a, b))
	})
	for _, rule := range rules {
		counted := counts[rule]
		s.say(fmt.Sprintf("  %-28s %s %s %s", rule, withShare(counted.block, decided), withShare(counted.approve, decided), withShare(counted.warn, decided)))
	}
}

// withShare is a count and what share it is of all, as wide as its column.
func withShare(count, all int) string {
	if count == 0 || all == 0 {
		return fmt.Sprintf("%16s", "-")
	}
	share := count * 1000 / all
	return fmt.Sprintf("%8d %6s", count, fmt.Sprintf("%d.%d%%", share/10, share%10))
}

// calibration is the share of 14,675 pairs of weeks in which an advertiser's spend rose by more than so many percent: Google's archive of
// political ads, May 2018 to January 2020. Political spend is unusually bursty, so it is an upper bound.
var calibration = []struct {
	percent int64
	share   string
}{{20, "32.9%"}, {30, "29.9%"}, {50, "23.4%"}, {100, "13.7%"}}

// flat prints what a rule on percentages alone would have sent to people, of the changes that were really made or computed, beside
// what is known of others.
func (s *screen) flat(scenes []scene) {
	counts, all := make([]int, len(calibration)), 0
	for _, scene := range scenes {
		if scene.name != "recorded" && scene.name != "pacer" {
			continue
		}
		for _, row := range scene.rows {
			from, to, sized := amounts(row.change)
			if !sized {
				continue
			}
			all++
			for i, threshold := range calibration {
				if from > 0 && (to-from)*100 > from*threshold.percent {
					counts[i]++
				}
			}
		}
	}
	s.say("", fmt.Sprintf("  A rule on percentages alone would have sent on, of the %d recorded and computed changes of amounts:", all))
	for i, threshold := range calibration {
		s.say(fmt.Sprintf("    rises of more than %3d%% %s   (weekly spend of others: %s)", threshold.percent, withShare(counts[i], all), threshold.share))
	}
}

// amounts are what a change goes from and to, where both are sums or both are ratios.
func amounts(change *bidrailv1.Change) (from, to int64, sized bool) {
	before, after := change.GetBefore(), change.GetAfter()
	switch {
	case before.GetMoney() != nil && after.GetMoney() != nil:
		return before.GetMoney().GetMicros(), after.GetMoney().GetMicros(), true
	case isRatio(before) && isRatio(after):
		return before.GetRatioPpm(), after.GetRatioPpm(), true
	default:
		return 0, 0, false
	}
}

func isRatio(value *bidrailv1.Value) bool {
	_, ratio := value.GetValue().(*bidrailv1.Value_RatioPpm)
	return ratio
}

func latencyLine(name string, taken []time.Duration) string {
	return fmt.Sprintf("  %-46s  %-9s  %-9s  %-9s  %-9s", name,
		percentile(taken, 50), percentile(taken, 90), percentile(taken, 99), percentile(taken, 100))
}

// percentile returns the smallest of the durations that is not exceeded by so many percent of them.
func percentile(taken []time.Duration, percent int) time.Duration {
	if len(taken) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(taken))
	position := (len(sorted)*percent + 99) / 100
	return sorted[position-1].Round(time.Microsecond)
}

// explainHow says how to look at a decision, with one that is worth it.
func (s *screen) explainHow(p *play, folder string, keep bool) {
	id := ""
	for _, scene := range p.scenes {
		for _, row := range scene.rows {
			if id == "" && row.decision.GetVerdict() == bidrailv1.Verdict_VERDICT_BLOCK {
				id = row.decision.GetDecisionId()
			}
		}
	}
	if !keep {
		s.say("", "  To look at single decisions (bidrail decisions show, bidrail explain), run the demo again with --keep: it says how.")
		return
	}
	s.say("", "  To look at single decisions, start the server on the kept record and ask from another terminal:",
		fmt.Sprintf("    bin/bidrail serve --log-level warn --data %s --policy %s", filepath.Join(folder, "data"), filepath.Join(folder, "policy")),
		"    bin/bidrail decisions list --as me:auditor",
		"    bin/bidrail decisions show "+id+" --as me:auditor",
		"    bin/bidrail explain "+id+" --as me:auditor",
		"  The server's log is "+filepath.Join(folder, "server.log")+". Delete the folder when you are done.")
}
