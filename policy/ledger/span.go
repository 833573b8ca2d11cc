package ledger

// span is which values a field had during a bucket. A sum can give back what a voided hold added
// to it, an extreme cannot; so the values that holds may still bring are kept apart, and forgotten
// together once no hold of the bucket is open.
type span struct {
	hasOpening bool
	opening    int64 // before the first change placed in the bucket
	seen       extent
	held       extent
}

// extent is a range of values. The zero extent is empty.
type extent struct {
	known     bool
	low, high int64
}

func (e extent) with(value int64) extent {
	return e.union(extent{true, value, value})
}

func (e extent) union(other extent) extent {
	switch {
	case !e.known:
		return other
	case !other.known:
		return e
	}
	return extent{true, min(e.low, other.low), max(e.high, other.high)}
}

func (s *span) place(m *Movement, first bool) *span {
	var next span
	if s != nil {
		next = *s
	}
	if before, known := level(m.Before); known {
		// What the field was is so whether or not the hold is ever posted.
		next.seen = next.seen.with(before)
		if first {
			next.hasOpening, next.opening = true, before
		}
	}
	if after, known := level(m.After); known {
		next.held = next.held.with(after)
	}
	return &next
}

func (s *span) post(part *Movement, open int64) *span {
	next := *s
	if after, known := level(part.After); known {
		next.seen = next.seen.with(after)
	}
	if open == 0 {
		next.held = extent{}
	}
	return &next
}

func (s *span) withdraw(open int64) *span {
	if open > 0 {
		return s
	}
	next := *s
	next.held = extent{}
	return &next
}

func (s *span) merge(later *span) *span {
	next := *s
	next.seen = s.seen.union(later.seen)
	next.held = s.held.union(later.held)
	return &next
}

// all is every value the field had or may yet have had.
func (s *span) all() extent { return s.seen.union(s.held) }
