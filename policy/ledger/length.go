package ledger

import (
	"fmt"
	"strconv"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// Length is how far back a window reaches: whole minutes, at most [Horizon]. Lengths are data of a
// policy revision. They may change from one revision to the next, since tallies know nothing of
// them: a new length has all of its past at once.
type Length time.Duration

// Horizon is the longest length there is.
const Horizon = Length(30 * 24 * time.Hour)

// DefaultLengths are the lengths of a revision that names none.
func DefaultLengths() []Length {
	return []Length{Length(time.Hour), Length(24 * time.Hour), Length(7 * 24 * time.Hour), Horizon}
}

// ParseLength reads a number and a unit: "90m", "24h", "7d".
func ParseLength(text string) (Length, error) {
	invalid := func() (Length, error) {
		return 0, fmt.Errorf("%w: %q is no length of a window; write a number and m, h or d, at most %v, such as 24h",
			policy.ErrInvalid, text, Horizon)
	}
	if text == "" {
		return invalid()
	}
	var unit time.Duration
	switch text[len(text)-1] {
	case 'm':
		unit = time.Minute
	case 'h':
		unit = time.Hour
	case 'd':
		unit = 24 * time.Hour
	default:
		return invalid()
	}
	number, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	if err != nil {
		return invalid()
	}
	length := Length(number) * Length(unit)
	if length.validate() != nil {
		return invalid()
	}
	return length, nil
}

// String writes the length in its largest unit, a day as 24h: "90m", "24h", "7d".
func (l Length) String() string {
	switch duration := time.Duration(l); {
	case duration%time.Minute != 0:
		return duration.String()
	case duration > 24*time.Hour && duration%(24*time.Hour) == 0:
		return strconv.FormatInt(int64(duration/(24*time.Hour)), 10) + "d"
	case duration%time.Hour == 0:
		return strconv.FormatInt(int64(duration/time.Hour), 10) + "h"
	default:
		return strconv.FormatInt(int64(duration/time.Minute), 10) + "m"
	}
}

func (l Length) validate() error {
	if l <= 0 || l > Horizon || time.Duration(l)%time.Minute != 0 {
		return fmt.Errorf("%w: a window of %v; its length is whole minutes, at most %v", policy.ErrInvalid, l, Horizon)
	}
	return nil
}

// Width is the error of a window of this length: it counts everything younger than the length,
// and nothing that is older by Width or more.
func (l Length) Width() time.Duration {
	for _, grain := range grains {
		if l <= Length(grain.reach)*Length(time.Minute) {
			return time.Duration(grain.width) * time.Minute
		}
	}
	return time.Duration(grains[len(grains)-1].width) * time.Minute
}

// grains are the widths buckets come in, in minutes. A bucket takes the next width once that wider
// bucket lies wholly further back than this one's reach. Each width is a multiple of the one
// before, so that wider buckets are whole sums of narrower ones. Stored tallies depend on this table:
// another table is another version of the encoding.
var grains = [...]struct{ width, reach int32 }{
	{1, 60},
	{15, 24 * 60},
	{2 * 60, 7 * 24 * 60},
	{6 * 60, 31 * 24 * 60},
}

// kept is after how many minutes a bucket is dropped: a day past [Horizon], so that a clock may go
// back by a day without anything missing from the longest window.
const kept = 31 * 24 * 60

// lastMinute is the last whole minute whose instants fit 64 bits of nanoseconds, in the year 2262.
const lastMinute = int32(1<<63/1_000_000_000/60 - 1)

// instant is a time in nanoseconds since 1970, within what a tally can hold. Everything here is
// absolute time: hours that a time zone skips or repeats are hours like any other.
func instant(at time.Time) int64 {
	switch seconds := at.Unix(); {
	case seconds < 0:
		return 0
	case seconds >= int64(lastMinute)*60:
		return int64(lastMinute) * int64(time.Minute)
	}
	return at.UnixNano()
}

func moment(instant int64) time.Time { return time.Unix(0, instant).UTC() }

func minuteOf(instant int64) int32 { return int32(instant / int64(time.Minute)) }
