package term

import (
	"hash/maphash"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

// seed is of this process: hashes are never written.
var seed = maphash.MakeSeed()

// Hash is the same for equal values.
func (v Value) Hash() uint64 {
	switch ref := v.ref.(type) {
	case text:
		s, _ := v.Text()
		return maphash.String(seed, s)
	case Kind:
		return mix(v.word + uint64(ref)<<56)
	case *wide:
		return (&decimal{ref.number()}).hash()
	case *decimal:
		return ref.hash()
	case *List:
		hash := uint64(Array)
		for _, item := range ref.items {
			hash = mix(hash*31 + item.Hash())
		}
		return hash
	case *Map:
		hash := uint64(Object)
		for i, value := range ref.values {
			hash += mix(ref.keys.hashes[i] ^ mix(value.Hash())) // in any order
		}
		return hash
	case *Members:
		hash := uint64(Set)
		for _, key := range ref.hashes {
			hash += mix(key)
		}
		return hash
	}
	return 0
}

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// hash agrees with that of an equal integer. OPA takes fractions for equal that are the same float64, and all else exactly.
func (d *decimal) hash() uint64 {
	if whole, ok := d.whole(); ok {
		return Int(whole).Hash()
	}
	float, _ := d.number.Float64() // 0 beyond its range
	if float == 0 {
		return Int(0).Hash() // what is nearer to zero than any exponent can say is zero to OPA
	}
	return maphash.Comparable(seed, float)
}

// whole is the number as an int64, where it is one: 1.0 and 1e3 are.
func (d *decimal) whole() (int64, bool) {
	float, ok := d.number.Float64()
	if !ok || math.Abs(float) > 1<<63 {
		return 0, false
	}
	if math.Abs(float) < 1 {
		mantissa, _, _ := strings.Cut(strings.ToLower(string(d.number)), "e")
		return 0, strings.Trim(mantissa, "-0.") == ""
	}
	// What is no longer than its digits in this range, whatever its exponent says.
	exact, ok := new(big.Rat).SetString(string(d.number))
	if !ok || !exact.IsInt() || !exact.Num().IsInt64() {
		return 0, false
	}
	return exact.Num().Int64(), true
}

// number is a number in OPA's form.
func (v Value) number() ast.Number {
	switch ref := v.ref.(type) {
	case *decimal:
		return ref.number
	case *wide:
		return ref.number()
	}
	return ast.Number(strconv.FormatInt(int64(v.word), 10))
}

// Keys are the keys of an object or the members of a set: found by their hash, listed in order. Objects of one form share
// them. The zero Keys is empty and ready to be added to. While they are added to they belong to one goroutine; once they are
// [Keys.Sort]ed and no longer added to, any may read them.
type Keys struct {
	names    []Value
	hashes   []uint64
	table    []int32 // open addressing, index + 1; nil while there are few
	unsorted bool
	written  []string // of keys of [NewKeys]: each as a member of a JSON object begins, `,"name":`
}

// few is up to how many keys are looked for one by one.
const few = 12

// NewKeys are the names as keys. Objects made with them by [NewMap] take their values in the order of [Keys.At], which is
// that of the names if they are sorted. It panics on a name given twice.
func NewKeys(names ...string) *Keys {
	keys := &Keys{}
	for _, name := range names {
		if _, added := keys.add(Text(name)); !added {
			panic("term: the key " + name + " is given twice")
		}
	}
	keys.Sort()
	keys.written = make([]string, len(keys.names))
	for i, name := range keys.names {
		keys.written[i] = string(append(name.AppendJSON([]byte{','}), ':'))
	}
	return keys
}

// Len is how many there are.
func (k *Keys) Len() int { return len(k.names) }

// At is the key at a place of the order, which must be less than Len.
func (k *Keys) At(i int) Value {
	k.Sort()
	return k.names[i]
}

// Has reports whether the key is there.
func (k *Keys) Has(key Value) bool { return k.find(key, key.Hash()) >= 0 }

// Index is the place of the key in the order, or -1.
func (k *Keys) Index(key Value) int {
	k.Sort()
	return k.find(key, key.Hash())
}

func (k *Keys) find(key Value, hash uint64) int {
	if k.table == nil {
		for i, each := range k.hashes {
			if each == hash && Equal(k.names[i], key) {
				return i
			}
		}
		return -1
	}
	mask := uint64(len(k.table) - 1)
	for at := hash & mask; k.table[at] != 0; at = (at + 1) & mask {
		if i := int(k.table[at] - 1); k.hashes[i] == hash && Equal(k.names[i], key) {
			return i
		}
	}
	return -1
}

// add puts a key in, unless it is there, and says where it is.
func (k *Keys) add(key Value) (place int, added bool) { return k.addHashed(key, key.Hash()) }

func (k *Keys) addHashed(key Value, hash uint64) (place int, added bool) {
	if i := k.find(key, hash); i >= 0 {
		return i, false
	}
	place = len(k.names)
	if place > 0 && !k.unsorted && Compare(k.names[place-1], key) > 0 {
		k.unsorted = true
	}
	k.names, k.hashes = append(k.names, key), append(k.hashes, hash)
	switch {
	case place < few:
	case k.table == nil || 2*len(k.names) > len(k.table):
		k.index()
	default:
		k.enter(place)
	}
	return place, true
}

func (k *Keys) index() {
	size := 4 * few
	for size < 4*len(k.names) {
		size *= 2
	}
	for size&(size-1) != 0 {
		size &= size - 1
	}
	k.table = make([]int32, size*2)
	for i := range k.names {
		k.enter(i)
	}
}

func (k *Keys) enter(place int) {
	mask := uint64(len(k.table) - 1)
	at := k.hashes[place] & mask
	for k.table[at] != 0 {
		at = (at + 1) & mask
	}
	k.table[at] = int32(place + 1)
}

// Sort puts the keys in order, which every reader that lists them needs. It does nothing where they are.
func (k *Keys) Sort() {
	if k.unsorted {
		k.sort(nil)
	}
}

// sort orders the keys, and the values with them where there are values.
func (k *Keys) sort(values []Value) {
	order := make([]int, len(k.names))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return Compare(k.names[a], k.names[b]) })
	names, hashes := make([]Value, len(order)), make([]uint64, len(order))
	for to, from := range order {
		names[to], hashes[to] = k.names[from], k.hashes[from]
	}
	k.names, k.hashes, k.unsorted = names, hashes, false
	if values != nil {
		sorted := make([]Value, len(order))
		for to, from := range order {
			sorted[to] = values[from]
		}
		copy(values, sorted)
	}
	if k.table != nil {
		k.index()
	}
}

func (k *Keys) compare(other *Keys) int {
	k.Sort()
	other.Sort()
	return slices.CompareFunc(k.names, other.names, Compare)
}

func (k *Keys) sameAs(other *Keys) bool {
	if k == other {
		return true
	}
	if len(k.names) != len(other.names) {
		return false
	}
	for i, name := range k.names {
		if other.find(name, k.hashes[i]) < 0 {
			return false
		}
	}
	return true
}
