package sqlstore

import (
	"slices"

	"github.com/bidrail/bidrail/policy/ledger"
)

// recent is tallies with many older buckets, those of wide scopes, as a connection has last read or
// written them. Every change moves some of them and leaves nearly all of them as it was, so that reading
// a head is enough; it says which older buckets go with it, and where those here are others, of a
// transaction that was undone or from before another's, they are of no use and do no harm.
type recent map[string]ledger.Sheet

// maxRecent is how many scopes are remembered. A scope of 30 days' buckets in one unit takes some 30 KiB.
const maxRecent = 256

func (r recent) of(scope string) ledger.Sheet { return r[scope] }

func (r recent) keep(scope string, tally ledger.Tally) {
	sheet, known := r[scope]
	if !known && len(r) >= maxRecent {
		for other := range r { // any: a scope in use soon comes back
			delete(r, other)
			break
		}
	}
	for i := range sheet {
		if sheet[i].Unit() == tally.Unit() {
			sheet[i] = tally
			return
		}
	}
	r[scope] = append(slices.Clip(sheet), tally)
}
