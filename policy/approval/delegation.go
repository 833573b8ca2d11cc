package approval

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Delegation lets one person review in the place of another for a time: with the other's groups, and not with any that
// the other has only borrowed, so there are no chains. It makes nobody count twice: of the two only one is counted,
// the lender if both have something to say. A stake that either of them has keeps both out.
type Delegation struct {
	ID        string    `json:"delegation_id"`
	From      string    `json:"from"` // whose place it is
	To        string    `json:"to"`
	Groups    []string  `json:"groups,omitempty"` // for these only; none: for all
	Reason    string    `json:"reason"`
	Starts    time.Time `json:"starts"`
	Ends      time.Time `json:"ends"`
	CreatedAt time.Time `json:"created_at"`
	CreatedBy string    `json:"created_by"`
	Version   int64     `json:"version"`           // 1, and 2 once it is taken back
	EndedAt   time.Time `json:"ended_at,omitzero"` // taken back before its time
	EndedBy   string    `json:"ended_by,omitempty"`
}

// LongestDelegation is how long one can be; whoever is away for longer is out of the group.
const LongestDelegation = 90 * 24 * time.Hour

// Validate says what is wrong with a delegation that somebody asks for.
func (d *Delegation) Validate(people People) error {
	invalid := func(why string) error { return fmt.Errorf("%w: delegation %s: %s", policy.ErrInvalid, d.ID, why) }
	from, to := people(d.From), people(d.To)
	switch {
	case d.ID == "" || d.CreatedBy == "":
		return invalid("it has no id, or nobody made it")
	case !from.Human || !to.Human || from.ID == "" || to.ID == "":
		return invalid("it is between two people")
	case from.ID == to.ID:
		return invalid("nobody stands in for themselves")
	case people(d.CreatedBy).ID != from.ID:
		return fmt.Errorf("%w: delegation %s: only %s can lend what is theirs", policy.ErrForbidden, d.ID, d.From)
	case d.Reason == "" || len(d.Reason) > MaxText:
		return invalid(fmt.Sprintf("say why, in at most %d bytes", MaxText))
	case !d.Ends.After(d.Starts) || d.Ends.Sub(d.Starts) > LongestDelegation || d.Starts.IsZero():
		return invalid(fmt.Sprintf("it starts, and ends at most %v later", LongestDelegation))
	case !d.Ends.After(d.CreatedAt):
		return invalid("it would be over before it begins")
	case slices.ContainsFunc(d.Groups, func(group string) bool { return !slices.Contains(from.Groups, group) }):
		return invalid("nobody lends a group that they are not in themselves")
	}
	return nil
}

// Encode is the stored form of the delegation.
func (d Delegation) Encode() ([]byte, error) { return json.Marshal(d) }

// DecodeDelegation reads what [Delegation.Encode] wrote.
func DecodeDelegation(encoded []byte) (Delegation, error) {
	return decode[Delegation](encoded, "a delegation")
}

// End takes the delegation back before its time. Either of the two people can; to end it again changes nothing.
func (d Delegation) End(by string, people People, now time.Time) (Delegation, error) {
	id := people(by).ID
	switch {
	case by != d.From && by != d.To && (id == "" || id != people(d.From).ID && id != people(d.To).ID):
		return d, fmt.Errorf("%w: delegation %s: %s or %s ends it", policy.ErrForbidden, d.ID, d.From, d.To)
	case d.EndedAt.IsZero():
		d.EndedAt, d.EndedBy = now, by
		d.Version++
	}
	return d, nil
}

// Active reports whether the delegation holds at a time. Its end does not belong to it.
func (d *Delegation) Active(now time.Time) bool {
	return !now.Before(d.Starts) && now.Before(d.Ends) && (d.EndedAt.IsZero() || now.Before(d.EndedAt))
}

// lends is the groups that it lends, of those that the lender is in now.
func (d *Delegation) lends(groups []string) []string {
	if len(d.Groups) == 0 {
		return groups
	}
	return common(groups, d.Groups)
}
