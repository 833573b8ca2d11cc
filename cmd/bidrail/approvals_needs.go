package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// needs is what it takes of people: the stages in order, and what the open one still lacks.
func (w *approvalWriter) needs() {
	a := w.page.GetApproval()
	w.heading("what it takes")
	for i, stage := range a.GetStages() {
		text := stageText(stage)
		met := slices.IndexFunc(a.GetMet(), func(met *bidrailv1.MetStage) bool { return met.GetStage() == stage.GetName() })
		switch {
		case met >= 0:
			var people []string
			for _, counted := range a.GetMet()[met].GetCounted() {
				people = append(people, counted.GetPerson())
			}
			text += ": done by " + strings.Join(people, ", ")
			if limit := a.GetMet()[met].GetCap(); limit != nil {
				text += " up to " + valueText(limit)
			}
		case a.GetState() == bidrailv1.ApprovalState_APPROVAL_STATE_PENDING && i == int(a.GetOpenStage()):
			text += ": open" + w.lacks(stage)
		}
		fmt.Fprintf(w, "  %d. %s\n", i+1, clean(text))
		if stage.GetNote() != "" {
			fmt.Fprintf(w, "     %s\n", clean(stage.GetNote()))
		}
	}
	if a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING {
		return
	}
	w.tiers(openStage(a))
	if len(a.GetChanges()) > 1 && a.GetCappedChangeId() != "" {
		w.item("in part", "a cap is a value of change "+clean(a.GetCappedChangeId())+"; the other change follows it")
	}
	place := w.page.GetPlace()
	switch {
	case len(place.GetInPlaceOf()) > 0:
		w.item("you", "can approve it in the place of "+clean(strings.Join(place.GetInPlaceOf(), ", ")))
	case place.GetApprove():
		w.item("you", "can approve or reject it")
	case place.GetReject():
		w.item("you", "can reject it, and others approve it")
	default:
		w.item("you", clean(place.GetWhy()))
	}
}

// stageText is what a stage asks for.
func stageText(stage *bidrailv1.Stage) string {
	var parts []string
	for _, seat := range stage.GetSeats() {
		parts = append(parts, fmt.Sprintf("%d of %s", seat.GetMin(), seat.GetGroup()))
	}
	for _, count := range counts(stage) {
		parts = append(parts, fmt.Sprintf("%d of %s", count.GetPeople(), strings.Join(count.GetGroups(), " or ")))
	}
	text := stage.GetName() + ": " + strings.Join(parts, " and ")
	if stage.GetDistinctAcrossStages() {
		text += ", nobody of another stage"
	}
	return text
}

// lacks is how many people the open stage still needs, as far as their reviews say: whether they still count is looked at when the
// stage is completed.
func (w *approvalWriter) lacks(stage *bidrailv1.Stage) string {
	a := w.page.GetApproval()
	newest := map[string]*bidrailv1.Review{}
	for _, review := range w.page.GetReviews() {
		if review.GetKind() != bidrailv1.ReviewKind_REVIEW_KIND_COMMENT && review.GetStage() == stage.GetName() && review.GetRequirementVersion() == a.GetRequirementVersion() {
			newest[review.GetPerson()] = review
		}
	}
	meet := func(groups, asked []string) bool {
		return slices.ContainsFunc(groups, func(group string) bool { return slices.Contains(asked, group) })
	}
	stand := standIns(a)
	var lacking []string
	missing := func(asked []string, people int32) {
		for _, review := range newest {
			if review.GetKind() == bidrailv1.ReviewKind_REVIEW_KIND_APPROVE && (meet(review.GetGroups(), asked) || meet(review.GetGroups(), stand)) {
				people--
			}
		}
		if people > 0 {
			lacking = append(lacking, fmt.Sprintf("%d more of %s", people, strings.Join(asked, " or ")))
		}
	}
	for _, seat := range stage.GetSeats() {
		missing([]string{seat.GetGroup()}, seat.GetMin())
	}
	for _, count := range counts(stage) {
		missing(count.GetGroups(), count.GetPeople())
	}
	if len(lacking) == 0 {
		return ", and needs other people than those who said yes"
	}
	return ", needs " + strings.Join(lacking, " and ")
}

// counts is what a stage counts beyond its seats: whoever fills those is counted, too.
func counts(stage *bidrailv1.Stage) []*bidrailv1.Count {
	return slices.DeleteFunc(slices.Clone(stage.GetCounts()), func(count *bidrailv1.Count) bool {
		seated := int32(0)
		for _, seat := range stage.GetSeats() {
			if slices.Contains(count.GetGroups(), seat.GetGroup()) {
				seated += seat.GetMin()
			}
		}
		return seated >= count.GetPeople()
	})
}

// tiers is who is asked besides, by now and later.
func (w *approvalWriter) tiers(stage *bidrailv1.Stage) {
	a := w.page.GetApproval()
	for i, tier := range stage.GetTiers() {
		at := a.GetOpenSince().AsTime()
		if i >= int(stage.GetOpened()) { // the others were open from the start
			at = at.Add(tier.GetAfter().AsDuration())
		}
		when := "at " + at.Format(time.DateTime) + " UTC"
		if i < int(a.GetOpenTiers()) {
			when = "since " + at.Format(time.DateTime) + " UTC"
		}
		if len(tier.GetGroups()) > 0 {
			fmt.Fprintf(w, "     %s %s stand in\n", when, clean(strings.Join(tier.GetGroups(), ", ")))
		} else if i >= int(a.GetOpenTiers()) && len(tier.GetNotify()) > 0 {
			fmt.Fprintf(w, "     %s %s are told again\n", when, clean(strings.Join(tier.GetNotify(), ", ")))
		}
	}
}

// answersText is the commands to answer with: for exactly what the page shows, and nothing else.
func answersText(page *bidrailv1.ApprovalPage, link connection) string {
	a := page.GetApproval()
	var text strings.Builder
	command := func(name, line string) { fmt.Fprintf(&text, "%-12s %s%s\n", name, line, link.flags()) }
	id := shellWord(a.GetApprovalId())
	switch {
	case a.GetState() == bidrailv1.ApprovalState_APPROVAL_STATE_PENDING:
		place := page.GetPlace()
		if !place.GetApprove() && !place.GetReject() {
			return ""
		}
		seen := fmt.Sprintf(" --digest %s --version %d --stage %s --seen %s", shellWord(a.GetDigest()), a.GetRequirementVersion(), shellWord(openStage(a).GetName()),
			page.GetNow().AsTime().UTC().Format(time.RFC3339))
		if len(place.GetInPlaceOf()) == 1 {
			seen += " --for " + shellWord(place.GetInPlaceOf()[0])
		}
		text.WriteByte('\n')
		if place.GetApprove() {
			command("approve", "bidrail approvals approve "+id+seen)
			if a.GetCappedChangeId() != "" {
				command("or up to", "bidrail approvals cap "+id+" "+suggestedCap(page)+seen+" --reason WHY")
			}
		}
		command("reject", "bidrail approvals reject "+id+seen+" --reason WHY")
		command("or ask for", "bidrail approvals request-changes "+id+seen+" --reason WHAT")
	case approves(a.GetState()) && a.GetClaimedAt() == nil && a.GetGrant() == nil:
		text.WriteByte('\n')
		command("redeem", "its automation does: bidrail redeem "+id+" --digest "+shellWord(a.GetDigest()))
		command("take back", "bidrail approvals revoke "+id+" --reason WHY")
	}
	return text.String()
}

// suggestedCap is the furthest value that every rule would let pass without people, where they say, and else a word to be replaced.
func suggestedCap(page *bidrailv1.ApprovalPage) string {
	const unknown = "VALUE"
	if len(page.GetLegs()) != 1 {
		return unknown
	}
	change := page.GetApproval().GetChanges()[0]
	nearest := ""
	for _, finding := range page.GetLegs()[0].GetDecision().GetFindings() {
		if finding.GetEffect() != bidrailv1.Effect_EFFECT_APPROVE || finding.GetShadow() {
			continue
		}
		suggested := valueText(finding.GetMaxPermitted())
		if suggested == "" || !between(change, finding.GetMaxPermitted()) || nearest != "" && nearest != suggested {
			return unknown
		}
		nearest = suggested
	}
	if nearest == "" {
		return unknown
	}
	return shellWord(nearest)
}

// between reports whether a value is a part of the move of a change.
func between(change *bidrailv1.ApprovalChange, value *bidrailv1.Value) bool {
	from, to, at := amountOf(change.GetBefore()), amountOf(change.GetAfter()), amountOf(value)
	return from < at && at <= to || to <= at && at < from
}

func amountOf(value *bidrailv1.Value) int64 {
	if money := value.GetMoney(); money != nil {
		return money.GetMicros()
	}
	return value.GetRatioPpm()
}
