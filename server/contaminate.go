package server

import (
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/experiment"
	"github.com/bidrail/bidrail/store"
)

// A rule says on its findings which test a change disturbs (policy.Contamination). Once such a change is allowed, because the rule only
// warned, or because people have answered what it found, that is recorded for the analysis of the test, in the transaction of the
// decision: neither is ever there without the other. A safety stop that ends a test aborts it there and then, as an edit of the registry
// by the automation.

// contaminate records what the changes disturb that are allowed. It returns the epoch of the registry when it has edited that; else 0.
func (s *Server) contaminate(tx store.Tx, principal policy.Principal, known *records, allowed []*candidate, at time.Time) (epoch int64, err error) {
	var found []experiment.Contamination
	aborted := map[string]bool{}
	for _, c := range allowed {
		for _, each := range contaminations(c, principal, at) {
			if each.Aborted && !aborted[each.Experiment] {
				if each.Aborted, err = s.abortBy(tx, known, &each); err != nil {
					return 0, err
				}
				aborted[each.Experiment] = each.Aborted
			} else {
				each.Aborted = false
			}
			found = append(found, each)
		}
	}
	if len(found) == 0 { // as nearly always
		return 0, nil
	}
	if err := tx.InsertContaminations(found); err != nil {
		return 0, err
	}
	for _, ended := range aborted {
		if ended {
			return tx.RegistryEpoch()
		}
	}
	return 0, nil
}

// contaminations is what a decision disturbs, once for each test, whatever the number of rules that say so. Rules in shadow do not count.
func contaminations(c *candidate, principal policy.Principal, at time.Time) []experiment.Contamination {
	var found []experiment.Contamination
	for _, finding := range c.decision.Findings {
		said := finding.Contaminates
		if said.Experiment == "" || finding.Shadow {
			continue
		}
		i := slices.IndexFunc(found, func(each experiment.Contamination) bool {
			return each.Experiment == said.Experiment && each.Arm == said.Arm
		})
		if i < 0 {
			i, found = len(found), append(found, experiment.Contamination{Experiment: said.Experiment, Arm: said.Arm, At: at, DecisionID: c.decision.ID,
				Automation: principal.Subject, Kind: c.decision.Kind, Target: c.decision.Target, Before: c.decision.Before, After: c.decision.After,
				ReasonCode: c.change.Reason.Code})
		}
		each := &found[i]
		each.Emergency, each.Aborted = each.Emergency || said.Emergency, each.Aborted || said.Aborts
		if !slices.Contains(each.Rules, finding.Rule) {
			each.Rules = append(each.Rules, finding.Rule)
		}
	}
	return found
}

// abortBy aborts a test of the registry for a safety stop. One of the revision, or one that somebody has ended meanwhile, stays as it is.
func (s *Server) abortBy(tx store.Tx, known *records, stop *experiment.Contamination) (bool, error) {
	current, err := known.experiment(stop.Experiment, tx.Now())
	if err != nil {
		return false, err
	}
	if current == nil || current.Experiment.Ended() {
		s.logger.Warn("a safety stop ends an experiment that is not the registry's to abort", "experiment", stop.Experiment, "decision_id", stop.DecisionID)
		return false, nil
	}
	ended, err := current.Experiment.Abort(tx.Now())
	if err != nil {
		return false, err
	}
	reason := fmt.Sprintf("safety stop (%s): decision %s", stop.ReasonCode, stop.DecisionID)
	if _, err := putExperiment(tx, ended, current.Version+1, stop.Automation, reason); err != nil {
		return false, err
	}
	s.logger.Warn("experiment aborted by a safety stop", "experiment", stop.Experiment, "decision_id", stop.DecisionID, "by", stop.Automation)
	return true, nil
}
