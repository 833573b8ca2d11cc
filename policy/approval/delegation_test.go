package approval

import (
	"errors"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
)

func TestDelegationsThatMakeNoSense(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(*Delegation)
		want  error
	}{
		"sound":                   {func(*Delegation) {}, nil},
		"of one group":            {func(d *Delegation) { d.Groups = []string{"finance"} }, nil},
		"of a group of others":    {func(d *Delegation) { d.Groups = []string{"growth"} }, policy.ErrInvalid},
		"to oneself":              {func(d *Delegation) { d.To = "fay" }, policy.ErrInvalid},
		"to one's other account":  {func(d *Delegation) { d.From, d.To, d.CreatedBy = "ana", "ana-admin", "ana" }, policy.ErrInvalid},
		"to a machine":            {func(d *Delegation) { d.To = "helper" }, policy.ErrInvalid},
		"of a machine":            {func(d *Delegation) { d.From = "helper" }, policy.ErrInvalid},
		"made by the other":       {func(d *Delegation) { d.CreatedBy = "tom" }, policy.ErrForbidden},
		"made by nobody":          {func(d *Delegation) { d.CreatedBy = "" }, policy.ErrInvalid},
		"without a reason":        {func(d *Delegation) { d.Reason = "" }, policy.ErrInvalid},
		"without an end":          {func(d *Delegation) { d.Ends = time.Time{} }, policy.ErrInvalid},
		"without a start":         {func(d *Delegation) { d.Starts = time.Time{} }, policy.ErrInvalid},
		"that ends as it starts":  {func(d *Delegation) { d.Ends = d.Starts }, policy.ErrInvalid},
		"for too long":            {func(d *Delegation) { d.Ends = d.Starts.Add(LongestDelegation + 1) }, policy.ErrInvalid},
		"that is over already":    {func(d *Delegation) { d.CreatedAt = d.Ends }, policy.ErrInvalid},
		"in the name of somebody": {func(d *Delegation) { d.From = "ghost" }, policy.ErrInvalid},
	} {
		d := lend("fay", "tom")
		test.spoil(&d)
		if err := d.Validate(company().person); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestWhenADelegationHolds(t *testing.T) {
	d := lend("fay", "tom")
	ended := d
	ended.EndedAt = noon.Add(time.Hour)
	for name, test := range map[string]struct {
		delegation Delegation
		after      time.Duration
		want       bool
	}{
		"before":             {d, -1, false},
		"from the start":     {d, 0, true},
		"until the end":      {d, 48*time.Hour - 1, true},
		"at the end":         {d, 48 * time.Hour, false},
		"before it is ended": {ended, time.Hour - 1, true},
		"once it is ended":   {ended, time.Hour, false},
	} {
		if got := test.delegation.Active(noon.Add(test.after)); got != test.want {
			t.Errorf("%s: got %t", name, got)
		}
	}
}
