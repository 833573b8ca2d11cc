package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type approvalsShowCommand struct {
	connection
	ID     string `arg:"" help:"The approval's id."`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *approvalsShowCommand) Run(ctx context.Context, env environment) error {
	page, err := fetchApproval(ctx, c.connection, c.ID)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, page)
	}
	_, err = io.WriteString(out, approvalText(out, page)+answersText(page, c.connection))
	return err
}

func fetchApproval(ctx context.Context, link connection, id string) (page *bidrailv1.ApprovalPage, err error) {
	err = link.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		page, err = bidrailv1.NewApprovalServiceClient(conn).GetApproval(ctx, &bidrailv1.GetApprovalRequest{ApprovalId: id})
		return err
	})
	return page, err
}

// approvalWriter writes an approval as one page, in the order in which it is decided: what, why, what it means, who.
type approvalWriter struct {
	strings.Builder
	out  screen
	page *bidrailv1.ApprovalPage
	now  time.Time
}

func approvalText(out screen, page *bidrailv1.ApprovalPage) string {
	w := &approvalWriter{out: out, page: page, now: page.GetNow().AsTime()}
	w.standing()
	w.grant()
	for i, change := range page.GetApproval().GetChanges() {
		var leg *bidrailv1.ApprovalLeg
		if i < len(page.GetLegs()) {
			leg = page.GetLegs()[i]
		}
		w.change(change, leg)
	}
	w.exposure()
	w.others()
	w.needs()
	w.said()
	return w.String()
}

func (w *approvalWriter) line(name, text string) {
	if text != "" {
		fmt.Fprintf(w, "%-12s %s\n", name, text)
	}
}

func (w *approvalWriter) item(name, text string) {
	if text != "" {
		fmt.Fprintf(w, "  %-10s %s\n", name, text)
	}
}

func (w *approvalWriter) heading(text string) { fmt.Fprintf(w, "\n%s\n", w.out.colour(dim, text)) }

func (w *approvalWriter) when(at time.Time) string {
	return at.UTC().Format(time.DateTime) + " UTC, " + relative(at, w.now)
}

// standing is where the approval stands, and until when.
func (w *approvalWriter) standing() {
	a := w.page.GetApproval()
	w.line("approval", clean(a.GetApprovalId()))
	w.line("state", approvalStateText(w.out, a.GetState())+": "+approvalMeaning(a))
	w.line("because", clean(a.GetReason()))
	if a.GetDueAt() != nil {
		w.line("ends", w.when(endOf(a)))
	}
	w.line("asked", w.when(a.GetCreatedAt().AsTime()))
	who := clean(a.GetAutomation())
	if a.GetOnBehalfOf() != "" {
		who += ", on behalf of " + clean(a.GetOnBehalfOf())
	}
	if a.GetRun() != "" {
		who += ", run " + clean(a.GetRun())
	}
	w.line("by", who)
	w.line("owners", clean(strings.Join(a.GetOwners(), ", ")))
	w.line("group", clean(a.GetAtomicGroupId()))
	if permit := w.page.GetPermit(); permit != nil {
		w.line("permit", permitLine(permit))
	}
	w.line("digest", clean(a.GetDigest()))
}

func (w *approvalWriter) grant() {
	if grant := w.page.GetApproval().GetGrant(); grant != nil {
		w.heading("grant")
		fmt.Fprint(w, grantText(grant, w.now))
	}
}

// change is one change: from where to where, why, what rules say of it, what is known, and what was before.
func (w *approvalWriter) change(change *bidrailv1.ApprovalChange, leg *bidrailv1.ApprovalLeg) {
	w.heading("change " + clean(change.GetChangeId()))
	target := targetName(change.GetTarget())
	if name := change.GetTarget().GetCampaignName(); name != "" {
		target += " (" + clean(name) + ")"
	}
	w.item("what", kindName(change.GetKind())+" of "+target)
	w.item("from → to", moveText(change.GetBefore(), change.GetAfter()))
	w.item("money", perDayText(leg.GetPerDay()))
	reason := leg.GetChange().GetReason()
	why := clean(reason.GetText())
	if code := clean(reason.GetCode()); code != "" {
		why = strings.TrimSuffix(code+": "+why, ": ")
	}
	w.item("why", why)
	for _, name := range slices.Sorted(maps.Keys(reason.GetEvidence())) {
		w.item("", clean(name+" = "+reason.GetEvidence()[name]))
	}
	w.findings(change, leg)
	w.facts(leg)
	if len(leg.GetHistory()) > 0 {
		fmt.Fprintln(w, "  before, on the same target")
	}
	for _, d := range leg.GetHistory() {
		fmt.Fprintf(w, "    %s  %s  %s %s, %s\n", timeCell(d.GetDecidedAt()), w.out.verdict(d.GetVerdict()), kindName(d.GetKind()), move(d), clean(d.GetAutomation()))
	}
}

// findings is what wants people, each with what was seen and where its limit is, and then warnings.
func (w *approvalWriter) findings(change *bidrailv1.ApprovalChange, leg *bidrailv1.ApprovalLeg) {
	shown := map[string]bool{}
	for _, finding := range leg.GetDecision().GetFindings() {
		if finding.GetShadow() || finding.GetLiftedBy() != "" {
			continue
		}
		shown[finding.GetRule()] = true
		severity := ""
		if finding.GetSeverity() != "" {
			severity = " (" + clean(finding.GetSeverity()) + ")"
		}
		fmt.Fprintf(w, "  %s %s%s: %s\n", effectName(w.out, finding.GetEffect()), clean(finding.GetRule()), severity, clean(finding.GetMessage()))
		var details []string
		for _, detail := range [][2]string{{"observed", finding.GetObserved()}, {"limit", finding.GetLimit()}, {"would pass", valueText(finding.GetMaxPermitted())}, {"source", finding.GetSource()}} {
			if detail[1] != "" {
				details = append(details, detail[0]+" "+clean(detail[1]))
			}
		}
		if len(details) > 0 {
			fmt.Fprintf(w, "          %s\n", strings.Join(details, "; "))
		}
	}
	for _, item := range w.page.GetApproval().GetItems() { // what rules have said since
		if item.GetChangeId() == change.GetChangeId() && !shown[item.GetRule()] {
			fmt.Fprintf(w, "  %s %s: %s\n", effectName(w.out, bidrailv1.Effect_EFFECT_APPROVE), clean(item.GetRule()), clean(item.GetMessage()))
		}
	}
}

// facts is what the proposal goes by, with its age.
func (w *approvalWriter) facts(leg *bidrailv1.ApprovalLeg) {
	change := leg.GetChange()
	if change == nil {
		return
	}
	age := func(at interface{ AsTime() time.Time }, known bool) string {
		if !known {
			return "nobody says when"
		}
		return relative(at.AsTime(), w.now)
	}
	w.item("read", "the value it begins at: "+age(change.GetBeforeObservedAt(), change.GetBeforeObservedAt() != nil))
	for _, name := range slices.Sorted(maps.Keys(change.GetFacts())) {
		fact := change.GetFacts()[name]
		text := fmt.Sprintf("%s = %s: %s", name, valueText(fact.GetValue()), age(fact.GetObservedAt(), fact.GetObservedAt() != nil))
		if fact.GetSource() != "" {
			text += ", from " + fact.GetSource()
		}
		w.item("", clean(text))
	}
}

// exposure is what the scopes have moved within a day, and would have.
func (w *approvalWriter) exposure() {
	if len(w.page.GetExposure()) == 0 {
		return
	}
	w.heading("raised within 24 h")
	for _, line := range w.page.GetExposure() {
		amount := func(value int64) string {
			if line.GetCurrency() == "" {
				return policy.RatioValue(value).String()
			}
			return policy.MoneyValue(value, line.GetCurrency()).String()
		}
		text := "not known: " + line.GetProblem()
		if line.GetProblem() == "" {
			text = fmt.Sprintf("%s now, %s with this", amount(line.GetRaised()), amount(sum(line.GetRaised(), line.GetAsked())))
			if line.GetLowered() > 0 {
				text += fmt.Sprintf("; %s lowered", amount(line.GetLowered()))
			}
		}
		if line.GetWaiting() > 0 {
			text += fmt.Sprintf("; %s more waits for people", amount(line.GetWaiting()))
		}
		if line.GetMore() {
			text += ", and more that was not added up"
		}
		fmt.Fprintf(w, "  %s: %s\n", clean(line.GetScope()), clean(text))
	}
}

func (w *approvalWriter) others() {
	if len(w.page.GetOthers()) == 0 {
		return
	}
	w.heading("others ask for the same fields")
	for _, other := range w.page.GetOthers() {
		fmt.Fprintf(w, "  %s  %s  %s, by %s\n", clean(other.GetApprovalId()), approvalStateText(w.out, other.GetState()), askedFor(other), clean(other.GetAutomation()))
	}
}

// said is what people have said, the oldest first.
func (w *approvalWriter) said() {
	if len(w.page.GetReviews()) == 0 {
		return
	}
	w.heading("said so far")
	for _, review := range w.page.GetReviews() {
		who := clean(review.GetReviewer())
		if review.GetInPlaceOf() != "" {
			who += " for " + clean(review.GetInPlaceOf())
		}
		what := reviewKindName(review.GetKind())
		if review.GetCap() != nil {
			what += " up to " + clean(valueText(review.GetCap()))
		}
		text := fmt.Sprintf("%s %s %s", relative(review.GetAt().AsTime(), w.now), who, what)
		if review.GetStage() != "" {
			text += " at " + clean(review.GetStage())
		}
		if review.GetReason() != "" {
			text += ": " + clean(review.GetReason())
		}
		fmt.Fprintf(w, "  %s\n", text)
	}
}

func reviewKindName(kind bidrailv1.ReviewKind) string {
	return strings.TrimPrefix(kind.String(), "REVIEW_KIND_")
}

// perDayText is how much money a day it is about; "" where the kind does not say.
func perDayText(value *bidrailv1.Value) string {
	switch money := grpcapi.Value(value); {
	case money.Form != policy.Money:
		return clean(valueText(value))
	case money.Amount < 0:
		return policy.MoneyValue(-money.Amount, money.Currency).String() + " a day less"
	default:
		return money.String() + " a day more"
	}
}

func isAmount(value policy.Value) bool {
	return value.Form == policy.Money || value.Form == policy.Ratio
}

// sum is a + b, or the largest or least number where there is none so large.
func sum(a, b int64) int64 {
	switch total := a + b; {
	case a > 0 && b > 0 && total < 0:
		return math.MaxInt64
	case a < 0 && b < 0 && total >= 0:
		return math.MinInt64
	default:
		return total
	}
}
