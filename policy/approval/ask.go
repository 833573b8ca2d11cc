package approval

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bidrail/bidrail/policy"
)

// Ask is a stage as a rule or a route writes it.
//
// Whoever is in any group of AnyOf or AllOf may approve. Quorum is how many distinct people have to; at least one. Of a
// group with a min, at least so many of them; of each group in AllOf, at least one. One person is the one of one group
// only: somebody who is a peer and a manager is not both.
type Ask struct {
	Name       string   `json:"name"`
	AnyOf      []Pool   `json:"any_of,omitempty"`
	AllOf      []string `json:"all_of,omitempty"`
	Quorum     int      `json:"quorum,omitempty"`
	DenyQuorum int      `json:"deny_quorum,omitempty"` // how many have to say no; 1 when it is left out
	Distinct   bool     `json:"distinct_across_stages,omitempty"`
	Tiers      []Tier   `json:"tiers,omitempty"`
	Deadline   Wait     `json:"deadline,omitempty"`
}

// Pool is a group whose people may approve, and how many of them have to.
type Pool struct {
	Group string `json:"group"`
	Min   int    `json:"min,omitempty"`
}

// DecodeAsks reads the stages of a finding or of a route, out of data. What it does not know is an error: a
// misspelt quorum must not become no quorum.
func DecodeAsks(document any) ([]Ask, error) {
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("%w: approval.stages: %v", policy.ErrInvalid, err)
	}
	var asks []Ask
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asks); err != nil {
		return nil, fmt.Errorf("%w: approval.stages: %v", policy.ErrInvalid, err)
	}
	return asks, nil
}

// Require makes a requirement of the stages that one finding or one route asks for, in that order.
func Require(asks ...Ask) (Requirement, error) {
	requirement := make(Requirement, 0, len(asks))
	for i, ask := range asks {
		stage, err := ask.stage(i)
		if err != nil {
			return nil, err
		}
		requirement = append(requirement, stage)
	}
	if err := requirement.validate(); err != nil {
		return nil, err
	}
	return requirement.Merge(nil), nil
}

func (a *Ask) stage(order int) (Stage, error) {
	stage := Stage{Name: a.Name, Order: order, DenyQuorum: a.DenyQuorum, Distinct: a.Distinct, Tiers: a.Tiers, Deadline: a.Deadline}
	if stage.DenyQuorum == 0 {
		stage.DenyQuorum = 1
	}
	var all []string
	for _, pool := range a.AnyOf {
		all = append(all, pool.Group)
		if pool.Min != 0 {
			stage.Seats = append(stage.Seats, Seat(pool))
		}
	}
	for _, group := range a.AllOf {
		all = append(all, group)
		stage.Seats = append(stage.Seats, Seat{Group: group, Min: 1})
	}
	if a.Quorum < 0 {
		return Stage{}, fmt.Errorf("%w: stage %q: its quorum is %d; at least one person has to agree", policy.ErrInvalid, a.Name, a.Quorum)
	}
	stage.Counts = []Count{{sortedSet(all), max(a.Quorum, 1)}}
	stage.Tiers = mergeTiers(a.Tiers, a.Tiers)
	for _, tier := range a.Tiers {
		if tier.After <= 0 {
			return Stage{}, fmt.Errorf("%w: stage %q: a tier comes some time after the stage opens; say when, such as 1h", policy.ErrInvalid, a.Name)
		}
	}
	return stage, stage.validate()
}
