package calendar

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Kind is what an entry is.
type Kind string

// The kinds.
const (
	Freeze Kind = "freeze" // a time in which rises are refused or need a person
	Promo  Kind = "promo"  // a time in which more than usual may be spent
)

// What a freeze does to permits that were given out before it began.
const (
	InFlightFinish = "finish" // they can still be claimed
	InFlightStop   = "stop"   // those for a rise cannot, as long as it is open
)

// Entry is a freeze or a promo, as people write it.
type Entry struct {
	ID     string
	Kind   Kind
	Reason string // for those who are stopped by it
	// Starts and Ends are instants, as 2026-11-26T00:00:00Z, or times of the wall clock in the zone, as 2026-11-26T00:00. It is over at
	// Ends. Only an entry with Every may lack one.
	Starts, Ends string
	TimeZone     string      // an IANA name; empty: that of the target's account
	Every        *Recurrence // nil: it is open from Starts to Ends
	Scope        Scope
	Effect       string // of a freeze: approve or block
	InFlight     string // of a freeze: finish or stop; empty: finish
	RaisePPM     int64  // of a promo: by how much budgets may exceed what is usual, in parts per million
}

// Recurrence repeats an entry between its Starts and its Ends, by the clock on the wall: it is open on the days that it names, from one
// time of day to another, and never outside of Starts and Ends.
type Recurrence struct {
	Weekdays  []string `json:"weekdays,omitempty"`   // monday to sunday, on which it begins; empty: every day
	MonthDays []int    `json:"month_days,omitempty"` // 1 to 31, on which it begins; -1 is the last, -2 the one before; empty: every day
	Months    []int    `json:"months,omitempty"`     // 1 to 12; empty: every month
	From      string   `json:"from,omitempty"`       // when it begins on such a day, as 18:00; empty: 00:00
	Until     string   `json:"until,omitempty"`      // when it ends; if that is not after From, on the day after; empty: 00:00
}

type (
	common struct {
		ID       string      `json:"id,omitempty"`
		Reason   string      `json:"reason,omitempty"`
		Starts   string      `json:"starts,omitempty"`
		Ends     string      `json:"ends,omitempty"`
		TimeZone string      `json:"time_zone,omitempty"`
		Every    *Recurrence `json:"every,omitempty"`
		Scope    Scope       `json:"scope,omitzero"`
	}
	freezeRecord struct {
		common
		Effect   string `json:"effect,omitempty"`
		InFlight string `json:"in_flight,omitempty"`
	}
	promoRecord struct {
		common
		Raise string `json:"raise,omitempty"`
	}
	record struct {
		Freeze *freezeRecord `json:"freeze,omitempty"`
		Promo  *promoRecord  `json:"promo,omitempty"`
	}
)

func (c common) entry(kind Kind) Entry {
	return Entry{ID: c.ID, Kind: kind, Reason: c.Reason, Starts: c.Starts, Ends: c.Ends, TimeZone: c.TimeZone, Every: c.Every, Scope: c.Scope}
}

func (r *freezeRecord) entry() Entry {
	entry := r.common.entry(Freeze)
	entry.Effect, entry.InFlight = r.Effect, r.InFlight
	return entry
}

func (r *promoRecord) entry() (Entry, error) {
	entry := r.common.entry(Promo)
	if r.Raise != "" {
		share, err := parseShare(r.Raise)
		if err != nil {
			return Entry{}, refuse(r.ID, "raise is %q; write a percentage such as 50%%, at most 100000%%", r.Raise)
		}
		entry.RaisePPM = share
	}
	return entry, nil
}

// DecodeEntries reads freezes and promos as data.calendar and files have them: {"freezes": [...], "promos": [...]}, freezes first. Each has
// been checked. The error names the entry and says what to write.
func DecodeEntries(document any) ([]Entry, error) {
	if document == nil {
		return nil, nil
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", policy.ErrInvalid, err)
	}
	var all struct {
		Freezes []*freezeRecord `json:"freezes"`
		Promos  []*promoRecord  `json:"promos"`
	}
	if err := strictly(encoded, &all); err != nil {
		return nil, fmt.Errorf("%w: %s", policy.ErrInvalid, jsonProblem(err))
	}
	var entries []Entry
	ids := map[string]bool{}
	add := func(entry Entry) error {
		if entry.ID == "" {
			return fmt.Errorf("%w: a %s has no id", policy.ErrInvalid, entry.Kind)
		}
		if ids[entry.ID] {
			return fmt.Errorf("%w: the id %s is used twice", policy.ErrInvalid, entry.ID)
		}
		ids[entry.ID] = true
		entries = append(entries, entry)
		return entry.Validate()
	}
	for i, freeze := range all.Freezes {
		if freeze == nil {
			return nil, fmt.Errorf("%w: freezes[%d] is empty", policy.ErrInvalid, i)
		}
		if err := add(freeze.entry()); err != nil {
			return nil, err
		}
	}
	for i, promo := range all.Promos {
		if promo == nil {
			return nil, fmt.Errorf("%w: promos[%d] is empty", policy.ErrInvalid, i)
		}
		entry, err := promo.entry()
		if err == nil {
			err = add(entry)
		}
		if err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// jsonProblem says what is wrong with JSON without the words of its package.
func jsonProblem(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return fmt.Sprintf("%s is a %s and must be a %s", cmp.Or(wrong.Field, "it"), wrong.Value, jsonType(wrong.Type.Kind().String()))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

func jsonType(kind string) string {
	switch kind {
	case "struct", "map":
		return "object"
	case "slice":
		return "list"
	case "int":
		return "whole number"
	}
	return kind
}

// DecodeEntry reads the body of an entry of the registry, as [Entry.Encode] writes it, and checks it.
func DecodeEntry(id string, body []byte) (Entry, error) {
	var read record
	if err := strictly(body, &read); err != nil {
		return Entry{}, fmt.Errorf("%w: calendar entry %s: %s", policy.ErrInvalid, id, jsonProblem(err))
	}
	var entry Entry
	switch {
	case read.Freeze != nil && read.Promo == nil:
		entry = read.Freeze.entry()
	case read.Promo != nil && read.Freeze == nil:
		var err error
		if entry, err = read.Promo.entry(); err != nil {
			return Entry{}, err
		}
	default:
		return Entry{}, refuse(id, "it must be a freeze or a promo, and not both")
	}
	entry.ID = id
	return entry, entry.Validate()
}

// Encode is the body of the entry in the registry: all but its id.
func (e Entry) Encode() ([]byte, error) {
	same := common{Reason: e.Reason, Starts: e.Starts, Ends: e.Ends, TimeZone: e.TimeZone, Every: e.Every, Scope: e.Scope}
	if e.Kind == Promo {
		promo := &promoRecord{common: same}
		if e.RaisePPM != 0 {
			promo.Raise = policy.FormatRatio(e.RaisePPM)
		}
		return json.Marshal(record{Promo: promo})
	}
	return json.Marshal(record{Freeze: &freezeRecord{same, e.Effect, e.InFlight}})
}

// maxRaise is the most that a promo may raise: a thousandfold.
const maxRaise = 1_000_000_000

// parseShare reads a percentage with at most four places, as policy.FormatRatio writes it.
func parseShare(text string) (int64, error) {
	digits, ok := strings.CutSuffix(strings.ReplaceAll(text, ",", ""), "%")
	whole, fraction, point := strings.Cut(digits, ".")
	if !ok || point && fraction == "" || len(fraction) > 4 || len(whole) > 6 {
		return 0, strconv.ErrSyntax
	}
	ppm, err := strconv.ParseUint(whole+fraction+strings.Repeat("0", 4-len(fraction)), 10, 32)
	if err != nil || whole == "" || ppm > maxRaise {
		return 0, strconv.ErrSyntax
	}
	return int64(ppm), nil
}

// Validate says what is wrong with an entry and what to write, as a policy.ErrInvalid.
func (e Entry) Validate() error {
	_, err := e.compile()
	return err
}

// OnWall reports whether when the entry is open depends on a time zone.
func (e Entry) OnWall() bool {
	w, err := e.compile()
	return err == nil && w.onWall()
}

func refuse(id, format string, arguments ...any) error {
	return fmt.Errorf("%w: %s: %s", policy.ErrInvalid, id, fmt.Sprintf(format, arguments...))
}

const (
	writeTime    = "write a time such as 2026-11-26T00:00 (by the clock of the time zone) or 2026-11-26T00:00:00Z (everywhere the same)"
	writeTimeDay = "write a time of day such as 18:00"
)

// compile checks an entry and makes it ready to be asked.
func (e Entry) compile() (*window, error) {
	w := &window{entry: e, effect: policy.Blocks}
	switch e.Kind {
	case Freeze:
		if e.RaisePPM != 0 {
			return nil, refuse(e.ID, "a freeze raises nothing; leave raise out, or make it a promo")
		}
		if e.Effect != policy.Approve.String() && e.Effect != policy.Blocks.String() {
			return nil, refuse(e.ID, "effect is %q; it is approve or block", e.Effect)
		}
		if e.Effect == policy.Approve.String() {
			w.effect = policy.Approve
		}
		if !slices.Contains([]string{"", InFlightFinish, InFlightStop}, e.InFlight) {
			return nil, refuse(e.ID, "in_flight is %q; it is finish or stop", e.InFlight)
		}
	case Promo:
		if e.Effect != "" || e.InFlight != "" {
			return nil, refuse(e.ID, "a promo has no effect and no in_flight; leave them out, or make it a freeze")
		}
		if e.RaisePPM < 0 || e.RaisePPM > maxRaise {
			return nil, refuse(e.ID, "it raises by %d ppm; 0 to %d", e.RaisePPM, maxRaise)
		}
	default:
		return nil, refuse(e.ID, "it is a %q; an entry is a freeze or a promo", e.Kind)
	}
	if e.TimeZone != "" {
		zone, err := time.LoadLocation(e.TimeZone)
		if err != nil || e.TimeZone == "Local" {
			return nil, refuse(e.ID, "time_zone is %q; write an IANA name such as Europe/Berlin, or leave it out for that of each account", e.TimeZone)
		}
		w.zone = zone
	}
	var err error
	if w.starts, err = parseBound(e.Starts); err != nil {
		return nil, refuse(e.ID, "starts is %q; %s", e.Starts, writeTime)
	}
	if w.ends, err = parseBound(e.Ends); err != nil {
		return nil, refuse(e.ID, "ends is %q; %s", e.Ends, writeTime)
	}
	if e.Every == nil && (!w.starts.set || !w.ends.set) {
		return nil, refuse(e.ID, "starts and ends must be times such as 2026-11-26T00:00, or say with every when it repeats")
	}
	if w.starts.set && w.ends.set && w.ends.latest() <= w.starts.earliest() ||
		w.starts.set && w.ends.set && w.starts.wall == w.ends.wall && w.ends.at <= w.starts.at {
		return nil, refuse(e.ID, "it ends at %s and starts at %s; starts and ends must be times such as 2026-11-26T00:00, the end after the start", e.Ends, e.Starts)
	}
	if e.Every != nil {
		if w.every, err = e.Every.compile(e.ID); err != nil {
			return nil, err
		}
		if w.every.always {
			if !w.starts.set || !w.ends.set {
				return nil, refuse(e.ID, "every is all days, all day long; say when it starts and ends, or halt the scope with bidrail mode set")
			}
			w.every = nil
		}
	}
	return w, nil
}

// parseBound reads an instant or a time of the wall clock; "" is no bound.
func parseBound(text string) (bound, error) {
	if text == "" {
		return bound{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil && at.Nanosecond() == 0 {
			return bound{set: true, wall: true, at: at.Unix()}, nil
		}
	}
	at, err := time.Parse(time.RFC3339, text)
	if err == nil && at.Nanosecond() != 0 {
		err = strconv.ErrSyntax
	}
	return bound{set: true, at: at.Unix()}, err
}

// weekdays are numbered as in time.Weekday.
var weekdays = []string{"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"}

func (r *Recurrence) compile(id string) (*recurrence, error) {
	compiled := &recurrence{}
	for _, name := range r.Weekdays {
		at := slices.Index(weekdays, name)
		if at < 0 {
			return nil, refuse(id, "%q is no weekday; write monday to sunday", name)
		}
		compiled.weekdays |= 1 << at
	}
	for _, number := range r.MonthDays {
		switch {
		case number >= 1 && number <= 31:
			compiled.monthDays |= 1 << number
		case number <= -1 && number >= -31:
			compiled.monthDaysBack |= 1 << -number
		default:
			return nil, refuse(id, "there is no day %d of a month; write 1 to 31, or -1 for the last, -2 for the one before", number)
		}
	}
	for _, number := range r.Months {
		if number < 1 || number > 12 {
			return nil, refuse(id, "there is no month %d; write 1 to 12", number)
		}
		compiled.months |= 1 << number
	}
	if compiled.weekdays == 0 {
		compiled.weekdays = math.MaxUint8
	}
	if compiled.monthDays == 0 && compiled.monthDaysBack == 0 {
		compiled.monthDays = math.MaxUint32
	}
	if compiled.months == 0 {
		compiled.months = math.MaxUint16
	}
	from, err := timeOfDay(r.From)
	if err != nil {
		return nil, refuse(id, "from is %q; %s", r.From, writeTimeDay)
	}
	until, err := timeOfDay(r.Until)
	if err != nil {
		return nil, refuse(id, "until is %q; %s", r.Until, writeTimeDay)
	}
	compiled.from, compiled.length = from, until-from
	if compiled.length <= 0 {
		compiled.length += day
	}
	if _, there := compiled.next(0, farthest); !there {
		return nil, refuse(id, "every names no day that there is; a day of the month must be in one of the months")
	}
	compiled.always = compiled.length == day && compiled.eachDay()
	return compiled, nil
}

// timeOfDay is in seconds since midnight.
func timeOfDay(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	at, err := time.Parse("15:04", text)
	return int64(at.Hour())*hour + int64(at.Minute())*60, err
}
