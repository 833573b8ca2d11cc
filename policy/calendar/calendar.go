// Package calendar knows when nothing may be raised (freezes) and when more than usual may (promos).
// It is pure: what is open follows from the entries and a time. Start with [Decode].
package calendar

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Calendar is the freezes and promos of one revision.
type Calendar struct {
	Freezes []Freeze
	Promos  []Promo
}

// Scope says which targets an entry concerns. An empty field concerns all.
type Scope struct {
	Platform string            `json:"platform"`
	Account  string            `json:"account"`
	Channel  string            `json:"channel"`
	Campaign string            `json:"campaign"`
	Labels   map[string]string `json:"labels"`
}

// Freeze is a time in which rises are refused or need a person. Ends are half-open.
type Freeze struct {
	ID     string    `json:"id"`
	Reason string    `json:"reason"`
	Effect string    `json:"effect"` // approve or block
	Starts time.Time `json:"starts"`
	Ends   time.Time `json:"ends"`
	Scope  Scope     `json:"scope"`
}

// Promo is a time in which a registered promotion runs.
type Promo struct {
	ID     string    `json:"id"`
	Starts time.Time `json:"starts"`
	Ends   time.Time `json:"ends"`
	Scope  Scope     `json:"scope"`
}

// Decode reads data.calendar. The error names the entry and what it lacks.
func Decode(document any) (*Calendar, error) {
	calendar := &Calendar{}
	if document == nil {
		return calendar, nil
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("%w: data.calendar: %v", policy.ErrRevision, err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(encoded)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(calendar); err != nil {
		return nil, fmt.Errorf("%w: data.calendar: %v", policy.ErrRevision, err)
	}
	ids := map[string]bool{}
	check := func(kind, id string, starts, ends time.Time) error {
		switch {
		case id == "":
			return fmt.Errorf("%w: data.calendar: a %s has no id", policy.ErrRevision, kind)
		case ids[id]:
			return fmt.Errorf("%w: data.calendar: the id %s is used twice", policy.ErrRevision, id)
		case starts.IsZero() || !ends.After(starts):
			return fmt.Errorf("%w: data.calendar: %s: starts and ends must be times such as 2026-11-26T00:00:00Z, the end after the start", policy.ErrRevision, id)
		}
		ids[id] = true
		return nil
	}
	for _, freeze := range calendar.Freezes {
		if err := check("freeze", freeze.ID, freeze.Starts, freeze.Ends); err != nil {
			return nil, err
		}
		if freeze.Effect != policy.Approve.String() && freeze.Effect != policy.Blocks.String() {
			return nil, fmt.Errorf("%w: data.calendar: %s: effect is %q; it is approve or block", policy.ErrRevision, freeze.ID, freeze.Effect)
		}
	}
	for _, promo := range calendar.Promos {
		if err := check("promo", promo.ID, promo.Starts, promo.Ends); err != nil {
			return nil, err
		}
	}
	return calendar, nil
}

// AddEntry adds a freeze or a promo as the registry keeps it: {"freeze": {...}} or {"promo": {...}}, in the same words as data.calendar.
func (c *Calendar) AddEntry(id string, body []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	var entry struct {
		Freeze *Freeze `json:"freeze"`
		Promo  *Promo  `json:"promo"`
	}
	if err := decoder.Decode(&entry); err != nil {
		return fmt.Errorf("%w: calendar entry %s: %v", policy.ErrInvalid, id, err)
	}
	if entry.Freeze != nil {
		entry.Freeze.ID = id
		c.Freezes = append(c.Freezes, *entry.Freeze)
	}
	if entry.Promo != nil {
		entry.Promo.ID = id
		c.Promos = append(c.Promos, *entry.Promo)
	}
	return nil
}

// Holds reports whether the target is in the scope.
func (s Scope) Holds(target policy.Target) bool { return s.holds(target, false) }

// MayHold is Holds where what the target leaves open counts as being in the scope: leaving out the
// channel must not be a way around a freeze of it.
func (s Scope) MayHold(target policy.Target) bool { return s.holds(target, true) }

func (s Scope) holds(target policy.Target, open bool) bool {
	for _, pair := range [][2]string{
		{s.Platform, target.Platform}, {s.Account, target.Account}, {s.Channel, target.Channel}, {s.Campaign, target.Campaign},
	} {
		if pair[0] != "" && pair[0] != pair[1] && (pair[1] != "" || !open) {
			return false
		}
	}
	for key, label := range s.Labels {
		if held, ok := target.Labels[key]; !ok || held != label {
			return false
		}
	}
	return true
}

// Open returns what is open for a target now, or when a change takes effect: a freeze at any time
// from now until then, a promo at the time of effect. An until that is zero or past means now.
func (c *Calendar) Open(target policy.Target, now, until time.Time) (freezes []policy.OpenFreeze, promos []policy.OpenPromo) {
	if until.Before(now) {
		until = now
	}
	for _, freeze := range c.Freezes {
		if freeze.Starts.Compare(until) <= 0 && now.Before(freeze.Ends) && freeze.Scope.MayHold(target) {
			effect := policy.Blocks
			if freeze.Effect == policy.Approve.String() {
				effect = policy.Approve
			}
			freezes = append(freezes, policy.OpenFreeze{ID: freeze.ID, Reason: freeze.Reason, Effect: effect, Until: freeze.Ends})
		}
	}
	for _, promo := range c.Promos {
		if !until.Before(promo.Starts) && until.Before(promo.Ends) && promo.Scope.Holds(target) {
			promos = append(promos, policy.OpenPromo{ID: promo.ID, Until: promo.Ends})
		}
	}
	return freezes, promos
}
