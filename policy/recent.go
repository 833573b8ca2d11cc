package policy

import "sync/atomic"

// recent keeps what was made lately and is likely to be asked for again. The hash of a thing says where it is kept, and what
// comes to the same place later takes it over, so there is never more than a fixed number. Equal hashes are a hint: whoever
// looks compares. The zero recent is ready for use, by many at once.
type recent[T any] struct{ places [512]atomic.Pointer[T] }

func (r *recent[T]) at(hash uint64) *atomic.Pointer[T] { return &r.places[hash%uint64(len(r.places))] }
