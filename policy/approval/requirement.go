package approval

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/bidrail/bidrail/policy"
)

// Requirement is the stages that an approval has to pass, in order. It is met when every one of its stages is.
//
// # Merging
//
// What several findings and routes require is merged. Stages of one name become one stage, and that asks for all that
// either asked for:
//
//	seats               of each group, the larger number
//	counts              all of them, and of the same groups the larger; one that follows from another stays, so that
//	                    whoever was asked can still say no
//	deny quorum         the smaller
//	distinct            if either says so
//	deadline            the earlier
//	tiers               a group stands in from the later of the two times, and only if both let it in;
//	                    whoever either of them lets in or tells is told, each time that they are
//	order               the later
//
// So a merged stage is never weaker than a part of it: whoever meets the whole at some time meets each part at that
// time, and whoever is enough to deny a part is enough to deny the whole. It does not matter in which order or how
// often parts are merged. The tests hold it to that.
type Requirement []Stage

// Stage is what is asked of people at one time. It is met by distinct people who fill all of its seats, one person in
// one seat, and are enough for each of its counts; people in seats are counted too.
type Stage struct {
	Name       string  `json:"name"`
	Order      int     `json:"order"` // stages come in this order, and those of one order by their names
	Seats      []Seat  `json:"seats,omitempty"`
	Counts     []Count `json:"counts"`
	DenyQuorum int     `json:"deny_quorum"`
	Distinct   bool    `json:"distinct_across_stages,omitempty"` // whoever counts here counts in no other stage
	Tiers      []Tier  `json:"tiers,omitempty"`
	Deadline   Wait    `json:"deadline,omitempty"` // from when it opens; 0: that of the approval

	Opened int    `json:"opened,omitempty"` // how many tiers are open from the start
	Note   string `json:"note,omitempty"`   // why they are
}

// Seat asks for people of one group.
type Seat struct {
	Group string `json:"group"`
	Min   int    `json:"min"`
}

// Count asks for so many distinct people, each of them in any of the groups.
type Count struct {
	Groups []string `json:"groups"`
	People int      `json:"people"`
}

// Tier is what happens when a stage has been open for some time: Groups may review it from then on and stand in for
// any of its own, and Notify are told of it. Whoever is told may reject; only who stands in may approve.
type Tier struct {
	After  Wait     `json:"after"`
	Groups []string `json:"groups,omitempty"`
	Notify []string `json:"notify,omitempty"`
}

// Merge is what both require.
func (r Requirement) Merge(other Requirement) Requirement {
	merged := make(Requirement, 0, len(r)+len(other))
	for _, stage := range slices.Concat(r, other) {
		at := slices.IndexFunc(merged, func(earlier Stage) bool { return earlier.Name == stage.Name })
		if at < 0 {
			merged = append(merged, stage.canonical())
			continue
		}
		merged[at] = merged[at].merge(stage)
	}
	slices.SortFunc(merged, func(a, b Stage) int { return cmp.Or(cmp.Compare(a.Order, b.Order), strings.Compare(a.Name, b.Name)) })
	return merged
}

func (s Stage) merge(other Stage) Stage {
	merged := Stage{
		Name:       s.Name,
		Order:      max(s.Order, other.Order),
		Seats:      slices.Concat(s.Seats, other.Seats),
		Counts:     slices.Concat(s.Counts, other.Counts),
		DenyQuorum: min(s.DenyQuorum, other.DenyQuorum),
		Distinct:   s.Distinct || other.Distinct,
		Tiers:      mergeTiers(s.Tiers, other.Tiers),
		Deadline:   s.Deadline,
	}
	if other.Deadline > 0 && (s.Deadline == 0 || other.Deadline < s.Deadline) {
		merged.Deadline = other.Deadline
	}
	return merged.canonical()
}

// canonical is the one way to write what the stage asks for, before it is frozen.
func (s Stage) canonical() Stage {
	var seats []Seat
	for _, group := range sortedSet(mapped(s.Seats, func(seat Seat) string { return seat.Group })) {
		seat := Seat{Group: group}
		for _, each := range s.Seats {
			if each.Group == group {
				seat.Min = max(seat.Min, each.Min)
			}
		}
		if seat.Min > 0 {
			seats = append(seats, seat)
		}
	}
	counts := mapped(s.Counts, func(count Count) Count { return Count{sortedSet(count.Groups), count.People} })
	slices.SortFunc(counts, func(a, b Count) int { return cmp.Or(slices.Compare(a.Groups, b.Groups), b.People-a.People) })
	counts = slices.CompactFunc(counts, func(a, b Count) bool { return slices.Equal(a.Groups, b.Groups) })
	s.Seats, s.Counts, s.Tiers = seats, counts, mergeTiers(s.Tiers, s.Tiers)
	s.Opened, s.Note = 0, ""
	return s
}

// mergeTiers lets in whom both let in, at the later time, and tells whom either tells, whenever it does.
func mergeTiers(a, b []Tier) []Tier {
	enterA, toldA := tierTimes(a)
	enterB, toldB := tierTimes(b)
	tiers := map[Wait]Tier{}
	enters := map[string]Wait{}
	for group, after := range enterA {
		if other, both := enterB[group]; both {
			enters[group] = max(after, other)
			tier := tiers[enters[group]]
			tier.Groups = append(tier.Groups, group)
			tiers[enters[group]] = tier
		}
	}
	for _, notice := range slices.Concat(toldA, toldB) {
		if at, let := enters[notice.group]; let && at == notice.after {
			continue // to be let in is to be told
		}
		tier := tiers[notice.after]
		tier.Notify = append(tier.Notify, notice.group)
		tiers[notice.after] = tier
	}
	var sorted []Tier
	for after, tier := range tiers {
		sorted = append(sorted, Tier{after, sortedSet(tier.Groups), sortedSet(tier.Notify)})
	}
	slices.SortFunc(sorted, func(x, y Tier) int { return cmp.Compare(x.After, y.After) })
	return sorted
}

type notice struct {
	group string
	after Wait
}

// tierTimes is when each group is let in, and each time that one is told.
func tierTimes(tiers []Tier) (enters map[string]Wait, told []notice) {
	enters = map[string]Wait{}
	for _, tier := range tiers {
		for _, group := range tier.Groups {
			if at, known := enters[group]; !known || tier.After < at {
				enters[group] = tier.After
			}
		}
		for _, group := range slices.Concat(tier.Groups, tier.Notify) {
			told = append(told, notice{group, tier.After})
		}
	}
	return enters, told
}

// groups is whom the stage asks, before any tier.
func (s *Stage) groups() []string {
	var groups []string
	for _, seat := range s.Seats {
		groups = append(groups, seat.Group)
	}
	for _, count := range s.Counts {
		groups = append(groups, count.Groups...)
	}
	return sortedSet(groups)
}

// standIns is whom the first so many tiers let in.
func (s *Stage) standIns(tiers int) []string {
	var groups []string
	for _, tier := range s.Tiers[:min(tiers, len(s.Tiers))] {
		groups = append(groups, tier.Groups...)
	}
	return sortedSet(groups)
}

// approvers is the groups whose people may approve when so many tiers are open.
func (s *Stage) approvers(tiers int) []string {
	return sortedSet(append(s.groups(), s.standIns(tiers)...))
}

// deniers is the groups whose people may reject: those who may approve, and those who were told.
func (s *Stage) deniers(tiers int) []string {
	groups := s.approvers(tiers)
	for _, tier := range s.Tiers[:min(tiers, len(s.Tiers))] {
		groups = append(groups, tier.Notify...)
	}
	return sortedSet(groups)
}

// Freeze fits the requirement to the people there are. A stage that the people without a stake could not meet even if
// all of them agreed opens as many tiers at once as it takes. Where that is not enough, it opens all of them, and the
// fallback groups stand in too. The stage says so in its Note. If that is still not enough, it says that as well, and the
// approval will expire: nothing is let through for want of people.
//
// Stages are looked at one by one, so people whom an earlier stage uses up still count as there.
//
// A stage without tiers reminds its own groups when a quarter and when half of its time has gone.
func (r Requirement) Freeze(a *Approval, roster Roster) Requirement {
	frozen := make(Requirement, len(r))
	for i, stage := range r.Merge(nil) {
		frozen[i] = stage.freeze(a, roster)
	}
	return frozen
}

func (s Stage) freeze(a *Approval, roster Roster) Stage {
	s = s.canonical()
	if len(s.Tiers) == 0 {
		for _, part := range []Wait{4, 2} {
			s.Tiers = append(s.Tiers, Tier{After: s.time(a.Waits) / part, Notify: s.groups()})
		}
	}
	stakes := a.stakes(roster.People)
	for s.Opened = range len(s.Tiers) + 1 {
		if s.enough(roster, stakes) {
			if s.Opened > 0 {
				s.Note = "too few people of its own groups can review it, so others were asked at once: " + list(s.standIns(s.Opened))
			}
			return s
		}
	}
	s.Tiers = slices.Concat([]Tier{{Groups: sortedSet(roster.Fallback)}}, s.Tiers)
	s.Opened = len(s.Tiers)
	if len(roster.Fallback) > 0 && s.enough(roster, stakes) {
		s.Note = "too few people of its groups can review it, so the fallback was asked at once: " + list(roster.Fallback)
		return s
	}
	s.Note = "too few people can review it, the fallback's included; unless that changes it will expire"
	return s
}

// enough reports whether the stage is met if everybody agrees who could.
func (s *Stage) enough(roster Roster, stakes stakes) bool {
	var all []voter
	for _, group := range s.approvers(s.Opened) {
		for _, person := range roster.Members(group) {
			known := slices.ContainsFunc(all, func(other voter) bool { return other.person == person.ID })
			if person.Human && person.ID != "" && !known && stakes.of("", person) == "" {
				all = append(all, voter{person: person.ID, groups: person.Groups})
			}
		}
	}
	return s.met(all, s.Opened)
}

func (r Requirement) validate() error {
	if len(r) == 0 {
		return fmt.Errorf("%w: a requirement without stages asks nobody, so nobody could approve", policy.ErrInvalid)
	}
	for i, stage := range r {
		if err := stage.validate(); err != nil {
			return err
		}
		if slices.ContainsFunc(r[:i], func(earlier Stage) bool { return earlier.Name == stage.Name }) {
			return fmt.Errorf("%w: there are two stages %q; merge them", policy.ErrInvalid, stage.Name)
		}
	}
	return nil
}

// MaxPeople is how many people a stage can ask for; nobody means more.
const MaxPeople = 100

func (s *Stage) validate() error {
	invalid := func(why string) error { return fmt.Errorf("%w: stage %q: %s", policy.ErrInvalid, s.Name, why) }
	wrong := func(people int) bool { return people < 1 || people > MaxPeople }
	switch {
	case s.Name == "":
		return invalid("it has no name")
	case len(s.Counts) == 0:
		return invalid("it asks for nobody, so nobody could approve")
	case slices.ContainsFunc(s.Counts, func(c Count) bool {
		return len(c.Groups) == 0 || slices.Contains(c.Groups, "") || wrong(c.People)
	}):
		return invalid(fmt.Sprintf("a count is of 1 to %d people, of groups with names", MaxPeople))
	case slices.ContainsFunc(s.Seats, func(seat Seat) bool { return seat.Group == "" || wrong(seat.Min) }):
		return invalid(fmt.Sprintf("a seat is for 1 to %d people of a group with a name", MaxPeople))
	case s.DenyQuorum < 1:
		return invalid("its deny quorum is at least 1: somebody must be able to say no")
	case s.Deadline < 0 || slices.ContainsFunc(s.Tiers, func(tier Tier) bool { return tier.After < 0 }):
		return invalid("its deadline and tiers come after it opens")
	case !slices.IsSortedFunc(s.Tiers, func(a, b Tier) int { return cmp.Compare(a.After, b.After) }):
		return invalid("its tiers are not in the order of time")
	case s.Opened < 0 || s.Opened > len(s.Tiers):
		return invalid("more tiers are open than there are")
	}
	return nil
}

// time is how long the stage may be open within an approval that waits so long.
func (s *Stage) time(waits Wait) Wait {
	if s.Deadline > 0 {
		return min(waits, s.Deadline)
	}
	return waits
}

func list(groups []string) string {
	if len(groups) == 0 {
		return "nobody else"
	}
	return strings.Join(sortedSet(groups), ", ")
}

func mapped[From, To any](all []From, of func(From) To) []To {
	result := make([]To, len(all))
	for i, each := range all {
		result[i] = of(each)
	}
	return result
}
