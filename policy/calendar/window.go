package calendar

import (
	"math"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Instants are in seconds since 1970; times of the wall clock are written likewise, as if the wall were in Greenwich.
const (
	hour = int64(time.Hour / time.Second)
	day  = 24 * hour

	// Every zone of the world is within these of UTC today.
	west, east = -12 * hour, 14 * hour
	// far is more than any zone ever was from UTC.
	far = 16 * hour
	// farthest is in how many days every recurrence that is ever open has been: a 29 February that is a Monday, across 2100.
	farthest = int64(41 * 366)
	// mostJoined bounds how many occurrences that touch are followed.
	mostJoined = 400
)

// readings says which one counts of the two readings of a time in doubt.
type readings bool

const (
	wide   readings = true  // from the earlier to the later: as a freeze
	narrow readings = false // from the later to the earlier: as a promo
)

// bound is one end of an entry.
type bound struct {
	set, wall bool
	at        int64
}

// earliest and latest are the first and the last instant that it may be, wherever the wall is.
func (b bound) earliest() int64 {
	if b.wall {
		return b.at - far
	}
	return b.at
}

func (b bound) latest() int64 {
	if b.wall {
		return b.at + far
	}
	return b.at
}

// window is an entry that is ready to be asked.
type window struct {
	entry  Entry
	effect policy.Effect // of a freeze
	zone   *time.Location
	starts bound
	ends   bound
	every  *recurrence
	since  time.Time
}

// span is from start to before end.
type span struct{ start, end int64 }

// onWall reports whether anything of it depends on a time zone.
func (w *window) onWall() bool { return w.every != nil || w.starts.wall || w.ends.wall }

// first is the first occurrence that is open at any time from one instant to another, joined with those that touch it. The zone is that of
// the account, for an entry that has none of its own; nil: nobody knows it.
func (w *window) first(zone *time.Location, from, to int64, r readings) (span, bool) {
	// What is long over or far ahead is most of a calendar.
	if w.starts.set && w.starts.earliest() > to || w.ends.set && w.ends.latest() <= from {
		return span{}, false
	}
	if w.zone != nil {
		zone = w.zone
	}
	if w.every == nil {
		found := w.clip(zone, span{w.starts.at, w.ends.at}, w.starts.wall, w.ends.wall, r)
		return found, found.start <= to && from < found.end && found.start < found.end
	}
	var (
		current span
		have    bool
		joined  int
	)
	begin := floorDay(from-far) - 1 // one from the day before may last until now
	if w.starts.set {
		begin = max(begin, floorDay(w.starts.earliest())-1)
	}
	for {
		last := to
		if have {
			last = max(to, current.end)
		}
		at, there := w.every.next(begin, floorDay(last+far)+1)
		if !there {
			break
		}
		wall, after := w.every.occurrence(at, w.starts, w.ends)
		begin = after
		if wall.start-far > last || w.ends.set && wall.start >= w.ends.latest() {
			break
		}
		if wall.end+far <= from {
			continue
		}
		occurrence := w.clip(zone, wall, true, true, r)
		switch {
		case occurrence.start >= occurrence.end:
		case have && occurrence.start <= current.end:
			current.start, current.end = min(current.start, occurrence.start), max(current.end, occurrence.end)
			if joined++; joined > mostJoined {
				return current, current.start <= to && from < current.end
			}
		case have && from < current.end:
			return current, current.start <= to
		default:
			current, have = occurrence, true
			if current.start > to { // and so do those that come later
				return span{}, false
			}
		}
	}
	return current, have && current.start <= to && from < current.end
}

// clip is an occurrence in instants, and no more of it than is between starts and ends.
func (w *window) clip(zone *time.Location, s span, startOnWall, endOnWall bool, r readings) span {
	if startOnWall && w.starts.set && w.starts.wall {
		s.start = max(s.start, w.starts.at)
	}
	if endOnWall && w.ends.set && w.ends.wall {
		s.end = min(s.end, w.ends.at)
	}
	if startOnWall && endOnWall && s.start >= s.end {
		return span{}
	}
	if startOnWall {
		earlier, later := read(s.start, zone)
		if s.start = later; r == wide {
			s.start = earlier
		}
	}
	if endOnWall {
		earlier, later := read(s.end, zone)
		if s.end = earlier; r == wide {
			s.end = later
		}
	}
	if w.starts.set && !w.starts.wall {
		s.start = max(s.start, w.starts.at)
	}
	if w.ends.set && !w.ends.wall {
		s.end = min(s.end, w.ends.at)
	}
	return s
}

// read is the earlier and the later instant that a time of the wall clock may be. In most cases they are the same. One that the clock is
// set back to pass again is two instants; one that it is set forward over is none, and is read by the clock before and by the clock after.
func read(wall int64, zone *time.Location) (earlier, later int64) {
	if zone == nil {
		return wall - east, wall - west
	}
	start, offsetBefore, found := int64(math.MinInt64), int64(0), false
	for at := wall - far; ; {
		moment := time.Unix(at, 0).In(zone)
		_, seconds := moment.Zone()
		_, ends := moment.ZoneBounds()
		end, offset := int64(math.MaxInt64), int64(seconds)
		if !ends.IsZero() {
			end = ends.Unix()
		}
		reading := wall - offset
		switch {
		case reading >= end:
		case reading >= start:
			if !found {
				earlier = reading
			}
			later, found = reading, true
		case !found && wall-offsetBefore >= start: // set forward over it, at start
			return reading, wall - offsetBefore
		}
		if end > wall+far {
			return earlier, later
		}
		start, at, offsetBefore = end, end, offset
	}
}

// recurrence is a Recurrence as bits: bit n stands for number n.
type recurrence struct {
	weekdays                 uint8
	months                   uint16
	monthDays, monthDaysBack uint32
	from, length             int64 // in seconds
	always                   bool
}

// matches reports whether it begins on a day, counted from 1970.
func (r *recurrence) matches(number int64) bool {
	if r.weekdays&(1<<uint64(((number+4)%7+7)%7)) == 0 { // 1970 began on a Thursday
		return false
	}
	if r.months == math.MaxUint16 && r.monthDays == math.MaxUint32 {
		return true
	}
	year, month, of := time.Unix(number*day, 0).UTC().Date()
	if r.months&(1<<month) == 0 {
		return false
	}
	if r.monthDays&(1<<of) != 0 {
		return true
	}
	last := time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
	return r.monthDaysBack&(1<<(last+1-of)) != 0
}

// next is the first day from one to another on which it begins.
func (r *recurrence) next(from, to int64) (int64, bool) {
	for at := from; at <= min(to, from+farthest); at++ {
		if r.matches(at) {
			return at, true
		}
	}
	return 0, false
}

// eachDay reports whether it begins every day. 28 years have each kind of year.
func (r *recurrence) eachDay() bool {
	for at := int64(0); at <= 28*366; at++ {
		if !r.matches(at) {
			return false
		}
	}
	return true
}

// occurrence is the one that begins on a day, and the day from which on the next is to be looked for. Those that last a whole day touch
// one another, and are one: the clock on the wall does not stop at midnight, even if it is set then.
func (r *recurrence) occurrence(at int64, starts, ends bound) (wall span, after int64) {
	wall = span{at*day + r.from, at*day + r.from + r.length}
	after = at + 1
	if r.length < day {
		return wall, after
	}
	for (!starts.set || wall.start > starts.earliest()) && r.matches(floorDay(wall.start)-1) {
		wall.start -= day
	}
	for (!ends.set || wall.end < ends.latest()) && r.matches(after) {
		wall.end += day
		after++
	}
	return wall, after
}

func floorDay(seconds int64) int64 {
	number := seconds / day
	if seconds%day < 0 {
		number--
	}
	return number
}
