package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bidrail/bidrail/client"
	"github.com/bidrail/bidrail/client/examples/pacer"
	"github.com/bidrail/bidrail/client/examples/recorded"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// row is one change and what became of it.
type row struct {
	label    string // for what-ifs: what goes wrong; it stands above the first change of a call
	when     string // the day it belongs to; "" for what-ifs
	change   *bidrailv1.Change
	decision client.Decision
	err      error
}

// scene is a part of the demo.
type scene struct {
	name  string
	intro []string
	rows  []row
	after []string // what followed from it
}

// play is the whole demo: its scenes, and what is measured on the way.
type play struct {
	guard      *client.Client
	address    string
	scenes     []scene
	single     []time.Duration // one Check each
	perChange  []time.Duration // one CheckBatch each, divided by its changes
	batched    int             // changes in all batches
	unexpected []error
}

// check asks about one change, or about the legs of one group, and measures it.
func (p *play) check(ctx context.Context, changes ...*bidrailv1.Change) (client.Decisions, error) {
	start := time.Now()
	decisions, err := p.guard.Check(ctx, changes...)
	p.single = append(p.single, time.Since(start))
	return decisions, err
}

// recorded proposes anew what people and programs changed in the past.
func (p *play) recorded(ctx context.Context) (scene, error) {
	histories, err := recorded.Read()
	if err != nil {
		return scene{}, err
	}
	played := scene{name: "recorded", intro: []string{
		"RECORDED: changes that were really made, as the exported histories of four platforms have them. Each is proposed as if it",
		"were made now: the value before it counts as read a moment ago, and its real time is in the evidence of its reason.",
		"Nobody makes them again, so each permit is handed back unused and counts in no window. Only Microsoft's export names a currency;",
		"the others are taken to be in USD.",
		fmt.Sprintf("  %-40s %9s %9s %9s", "", "entities", "versions", "changes"),
	}}
	for _, history := range histories {
		line := fmt.Sprintf("  %-40s %9d %9d %9d", history.File, history.Entities, history.Versions, len(history.Edits))
		if history.Unknown > 0 {
			line += fmt.Sprintf("  (%d first exported values)", history.Unknown)
		}
		played.intro = append(played.intro, line)
	}
	for _, edit := range recorded.Edits(histories) {
		change := edit.Change(time.Now())
		decisions, err := p.check(ctx, change)
		if err != nil {
			return scene{}, err
		}
		if err := p.giveBack(ctx, decisions...); err != nil {
			return scene{}, err
		}
		played.rows = append(played.rows, row{when: edit.At.Format(time.DateOnly), change: change, decision: decisions[0]})
	}
	return played, nil
}

// pacer lets the example automation walk through the recorded performance.
func (p *play) pacer(ctx context.Context) (scene, error) {
	automation, err := pacer.New()
	if err != nil {
		return scene{}, err
	}
	played := scene{name: "pacer", intro: []string{
		"PACER: what an example automation proposes, day by day over the recorded performance, one batch a day. It goes on from what",
		"is allowed, and nobody approves anything here. Of caps, steps and tests it knows nothing; it computes",
	}}
	for line := range strings.SplitSeq(pacer.Formulae, "\n") {
		played.intro = append(played.intro, "  "+line)
	}
	played.intro = append(played.intro, "What the data does not have is assumed: "+pacer.Assumptions)
	var handedBack error
	err = automation.Run(ctx, p.guard, func(answer pacer.Answer) {
		p.perChange = append(p.perChange, answer.Took/time.Duration(len(answer.Results)))
		p.batched += len(answer.Results)
		for i, result := range answer.Results {
			if result.Err != nil {
				p.unexpected = append(p.unexpected, result.Err)
			}
			handedBack = errors.Join(handedBack, p.giveBack(ctx, result.Decision))
			played.rows = append(played.rows, row{
				when: answer.Day.Format(time.DateOnly), change: answer.Proposals[i], decision: result.Decision, err: result.Err,
			})
		}
	})
	return played, errors.Join(err, handedBack)
}

// countDecisions reads the whole record, as one who may see everything.
func countDecisions(ctx context.Context, auditor *client.Client) (int, error) {
	service := bidrailv1.NewGuardrailServiceClient(auditor.Connection())
	request := &bidrailv1.ListDecisionsRequest{PageSize: 1000}
	for count := 0; ; {
		page, err := service.ListDecisions(ctx, request)
		if err != nil {
			return 0, err
		}
		count += len(page.GetDecisions())
		if request.PageToken = page.GetNextPageToken(); request.PageToken == "" {
			return count, nil
		}
	}
}

// verify says what went otherwise than it must.
func (p *play) verify(onRecord int) error {
	problems := p.unexpected
	verdicts := map[bidrailv1.Verdict]int{}
	recorded := map[string]bool{}
	for _, scene := range p.scenes {
		for _, row := range scene.rows {
			verdicts[row.decision.GetVerdict()]++
			if id := row.decision.GetDecisionId(); id != "" {
				recorded[id] = true
			}
		}
	}
	for _, verdict := range []bidrailv1.Verdict{bidrailv1.Verdict_VERDICT_ALLOW, bidrailv1.Verdict_VERDICT_REQUIRE_APPROVAL, bidrailv1.Verdict_VERDICT_BLOCK} {
		if verdicts[verdict] == 0 {
			problems = append(problems, fmt.Errorf("no change was answered with %s", verdict))
		}
	}
	if onRecord != len(recorded) {
		problems = append(problems, fmt.Errorf("%d decisions were answered, and %d are on record", len(recorded), onRecord))
	}
	return errors.Join(problems...)
}
