package fact

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// format is how records are encoded now. Many thousands are read for one batch, so they are not JSON.
const format = 1

// Which of the times that may be unknown are there.
const (
	hasComplete = 1 << iota
	hasPutAt
	isFlag // the value of a flag

	bitsEnd
)

// Encode is the stored form of all that was observed. What it is about and its name are what it is stored under, and no part of it.
// Times are kept in whole microseconds.
func (r *Record) Encode() []byte {
	bits := byte(0)
	if !r.CompleteThrough.IsZero() {
		bits |= hasComplete
	}
	if !r.PutAt.IsZero() {
		bits |= hasPutAt
	}
	if r.Value.Flag {
		bits |= isFlag
	}
	encoded := make([]byte, 0, 64+len(r.Value.Text)+len(r.Source)+len(r.PutBy))
	encoded = append(encoded, format, bits, byte(r.Value.Form))
	encoded = binary.AppendVarint(encoded, r.Value.Amount)
	for _, text := range [...]string{r.Value.Currency, r.Value.Text, r.Source, r.PutBy} {
		encoded = binary.AppendUvarint(encoded, uint64(len(text)))
		encoded = append(encoded, text...)
	}
	encoded = binary.AppendVarint(encoded, r.ObservedAt.UnixMicro())
	encoded = binary.AppendVarint(encoded, int64(r.MaximumAge))
	if bits&hasComplete != 0 {
		encoded = binary.AppendVarint(encoded, r.CompleteThrough.UnixMicro())
	}
	if bits&hasPutAt != 0 {
		encoded = binary.AppendVarint(encoded, r.PutAt.UnixMicro())
	}
	return encoded
}

// Decode reads what [Record.Encode] wrote of a fact of an entity.
func Decode(entity Entity, name string, encoded []byte) (Record, error) {
	if len(encoded) < 3 || encoded[0] != format || encoded[1] >= bitsEnd || encoded[2] > byte(policy.Absent) {
		return Record{}, fmt.Errorf("record of a fact: %w", errDamaged)
	}
	bits := encoded[1]
	d := decoder{rest: encoded[3:]}
	r := Record{Entity: entity, Name: name, Value: policy.Value{Form: policy.Form(encoded[2]), Amount: d.number(), Flag: bits&isFlag != 0}}
	for _, text := range [...]*string{&r.Value.Currency, &r.Value.Text, &r.Source, &r.PutBy} {
		*text = d.text()
	}
	r.ObservedAt = d.time()
	r.MaximumAge = time.Duration(d.number())
	if bits&hasComplete != 0 {
		r.CompleteThrough = d.time()
	}
	if bits&hasPutAt != 0 {
		r.PutAt = d.time()
	}
	if d.damaged || len(d.rest) > 0 {
		return Record{}, fmt.Errorf("record of a fact: %w", errDamaged)
	}
	return r, nil
}

var errDamaged = errors.New("it is not what this version writes")

// decoder reads from the front of what is left.
type decoder struct {
	rest    []byte
	damaged bool
}

func (d *decoder) number() int64 {
	number, length := binary.Varint(d.rest)
	if length <= 0 {
		d.damaged, d.rest = true, nil
		return 0
	}
	d.rest = d.rest[length:]
	return number
}

func (d *decoder) text() string {
	size, length := binary.Uvarint(d.rest)
	if length <= 0 || size > uint64(len(d.rest)-length) {
		d.damaged, d.rest = true, nil
		return ""
	}
	text := string(d.rest[length : length+int(size)])
	d.rest = d.rest[length+int(size):]
	return text
}

func (d *decoder) time() time.Time { return time.UnixMicro(d.number()).UTC() }
