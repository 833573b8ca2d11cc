package approval

import (
	"errors"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
)

const breakGlass policy.Role = "break_glass"

func override() Override {
	return Override{ID: "ovr_1", Automation: "pacer", ChangeID: "more", Digest: "sha256:more", Role: breakGlass, Actor: "dora", Reason: "the site sells at a loss", Ticket: "INC-7",
		At: noon, ExpiresAt: noon.Add(15 * time.Minute), ReviewDue: noon.Add(24 * time.Hour)}
}

func TestWhoMayBreakTheGlass(t *testing.T) {
	dora := policy.Principal{Subject: "dora", Roles: []policy.Role{breakGlass}}
	for name, test := range map[string]struct {
		actor policy.Principal
		spoil func(*Override)
		want  error
	}{
		"who has the role":          {dora, func(*Override) {}, nil},
		"an administrator":          {policy.Principal{Subject: "dora", Roles: []policy.Role{policy.RoleAdmin, policy.RoleApprover, policy.RoleGovernance}}, func(*Override) {}, policy.ErrForbidden},
		"somebody else":             {policy.Principal{Subject: "fay", Roles: []policy.Role{breakGlass}}, func(*Override) {}, policy.ErrForbidden},
		"no role at all":            {policy.Principal{Subject: "dora"}, func(o *Override) { o.Role = "" }, policy.ErrForbidden},
		"a machine":                 {policy.Principal{Subject: "helper", Roles: []policy.Role{breakGlass}}, func(o *Override) { o.Actor = "helper" }, policy.ErrForbidden},
		"no reason":                 {dora, func(o *Override) { o.Reason = "" }, policy.ErrInvalid},
		"no ticket":                 {dora, func(o *Override) { o.Ticket = "" }, policy.ErrInvalid},
		"no digest":                 {dora, func(o *Override) { o.Digest = "" }, policy.ErrInvalid},
		"too long":                  {dora, func(o *Override) { o.ExpiresAt = o.At.Add(LongestOverride + 1) }, policy.ErrInvalid},
		"over at once":              {dora, func(o *Override) { o.ExpiresAt = o.At }, policy.ErrInvalid},
		"nobody looks at it":        {dora, func(o *Override) { o.ReviewDue = time.Time{} }, policy.ErrInvalid},
		"somebody looks much later": {dora, func(o *Override) { o.ReviewDue = o.At.Add(LatestReview + 1) }, policy.ErrInvalid},
	} {
		o := override()
		test.spoil(&o)
		if err := o.Validate(test.actor, company().person); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestWhatAnOverrideLifts(t *testing.T) {
	overridable := func(rule string) bool { return rule == "budget.cap" }
	shadow := finding("bid.ceiling", policy.Blocks)
	shadow.Shadow = true
	used := override()
	used.UsedAt = noon
	for name, test := range map[string]struct {
		override Override
		digest   string
		findings []policy.Finding
		after    time.Duration
		want     error
	}{
		"a rule that says it may":     {override(), "sha256:more", []policy.Finding{finding("budget.cap", policy.Blocks), finding("bid.step", policy.Approve), finding("bid.x", policy.Warn), shadow}, 0, nil},
		"a rule that does not":        {override(), "sha256:more", []policy.Finding{finding("budget.cap", policy.Blocks), finding("bid.ceiling", policy.Blocks)}, 0, policy.ErrPrecondition},
		"the engine's own":            {override(), "sha256:more", []policy.Finding{finding(policy.FindingUndetermined, policy.Blocks)}, 0, policy.ErrPrecondition},
		"an effect that nobody knows": {override(), "sha256:more", []policy.Finding{finding("bid.ceiling", policy.EffectNone)}, 0, policy.ErrPrecondition},
		"another change":              {override(), "sha256:other", nil, 0, policy.ErrPrecondition},
		"a second time":               {used, "sha256:more", nil, time.Minute, policy.ErrPrecondition},
		"just before it is over":      {override(), "sha256:more", nil, 15*time.Minute - 1, nil},
		"when it is over":             {override(), "sha256:more", nil, 15 * time.Minute, policy.ErrPrecondition},
	} {
		at := noon.Add(test.after)
		got, err := test.override.Lift(test.digest, test.findings, overridable, at)
		if !errors.Is(err, test.want) || (test.want == nil) != (got.UsedAt.Equal(at)) {
			t.Errorf("%s: got %v, used at %s", name, err, got.UsedAt)
		}
	}
}

func TestSomebodyElseLooksAtItAfterwards(t *testing.T) {
	used := override()
	used.UsedAt = noon
	if unused := override(); unused.Overdue(unused.ReviewDue) || used.Overdue(used.ReviewDue.Add(-1)) || !used.Overdue(used.ReviewDue) {
		t.Error("a used override is overdue from the time on that it should have been reviewed at, and an unused one never")
	}
	if fresh := override(); true {
		if _, err := fresh.Review("fay", company().person, true, "it was right", noon.Add(time.Minute)); !errors.Is(err, policy.ErrPrecondition) {
			t.Errorf("looked at before it was used: %v", err)
		}
	}
	for name, test := range map[string]struct {
		by, finding string
		want        error
	}{
		"somebody else":            {"fay", "it was right", nil},
		"the actor":                {"dora", "it was right", policy.ErrForbidden},
		"a machine":                {"helper", "it was right", policy.ErrForbidden},
		"somebody, without a word": {"fay", "", policy.ErrInvalid},
	} {
		got, err := used.Review(test.by, company().person, true, test.finding, noon.Add(time.Hour))
		if !errors.Is(err, test.want) || (test.want == nil) != (got.ReviewedBy == test.by && got.Justified) {
			t.Errorf("%s: got %v, %+v", name, err, got)
		}
		if test.want == nil {
			if got.Overdue(got.ReviewDue) {
				t.Errorf("%s: it was reviewed and is overdue", name)
			}
			if _, err := got.Review("finn", company().person, false, "it was wrong", noon.Add(2*time.Hour)); !errors.Is(err, policy.ErrPrecondition) {
				t.Errorf("%s: reviewed again: %v", name, err)
			}
		}
	}
}
