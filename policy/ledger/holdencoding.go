package ledger

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// holdReversal is a bit beside the state of a hold.
const holdReversal = 0x80

// AppendBinary appends the hold as [DecodeHold] reads it. It never fails.
func (h *Hold) AppendBinary(to []byte) ([]byte, error) {
	state := byte(h.State)
	if h.Reversal {
		state |= holdReversal
	}
	to = append(to, holdVersion, state)
	to = appendText(to, h.ID)
	to = append(to, byte(h.Movement.Unit.Kind))
	for _, value := range [...]policy.Value{h.Movement.Before, h.Movement.After, h.Applied} {
		to = appendValue(to, value)
	}
	to = appendTime(appendTime(to, h.PlacedAt), h.ResolvedAt)
	to = binary.AppendUvarint(to, uint64(len(h.Charges)))
	for _, charge := range h.Charges {
		to = appendText(to, charge.Scope.String())
		to = binary.AppendUvarint(appendTime(to, charge.At), charge.Sequence)
	}
	return to, nil
}

// MarshalBinary is [Hold.AppendBinary] to nothing.
func (h *Hold) MarshalBinary() ([]byte, error) { return h.AppendBinary(nil) }

// appendTime writes 0 for the zero time, or the instant and 1.
func appendTime(to []byte, at time.Time) []byte {
	if at.IsZero() {
		return append(to, 0)
	}
	return binary.AppendUvarint(to, uint64(instant(at))+1)
}

func appendValue(to []byte, value policy.Value) []byte {
	to = append(to, byte(value.Form))
	switch value.Form {
	case policy.Money:
		return appendText(binary.AppendVarint(to, value.Amount), value.Currency)
	case policy.Ratio:
		return binary.AppendVarint(to, value.Amount)
	case policy.Text:
		return appendText(to, value.Text)
	case policy.Flag:
		if value.Flag {
			return append(to, 1)
		}
		return append(to, 0)
	}
	return to
}

// DecodeHold reads what [Hold.AppendBinary] wrote, and refuses everything else. How far the movement
// goes is not in it: that follows from its values.
func DecodeHold(data []byte) (Hold, error) {
	r := reader{data: data}
	h := r.hold()
	if err := r.end(); err != nil {
		return Hold{}, fmt.Errorf("a hold of %d bytes: %w", len(data), err)
	}
	return h, nil
}

func (r *reader) hold() Hold {
	r.check(r.byte() == holdVersion, "this version is not known")
	state := r.byte()
	h := Hold{State: HoldState(state &^ holdReversal), Reversal: state&holdReversal != 0, ID: r.text()}
	r.check(h.State < holdStateEnd, "this state is not known")
	kind := r.kind()
	before, after := r.value(), r.value()
	h.Movement = measure(kind, before, after)
	h.Applied = r.value()
	h.PlacedAt, h.ResolvedAt = r.time(), r.time()
	count := r.unsigned()
	if count > uint64(len(r.data)-r.at) {
		r.fail("there are more charges than there is left to read")
		return h
	}
	for range count {
		text := r.text()
		scope, err := ParseScope(text)
		r.check(err == nil, "this is no scope")
		h.Charges = append(h.Charges, Charge{scope, r.time(), r.unsigned()})
	}
	return h
}

func (r *reader) time() time.Time {
	number := r.natural(0)
	if number == 0 {
		return time.Time{}
	}
	r.check(number-1 <= int64(lastMinute)*int64(time.Minute), "the time is too far ahead")
	return moment(number - 1)
}

func (r *reader) value() policy.Value {
	value := policy.Value{Form: policy.Form(r.byte())}
	switch value.Form {
	case policy.Money:
		value.Amount, value.Currency = r.signed(), r.text()
	case policy.Ratio:
		value.Amount = r.signed()
	case policy.Text:
		value.Text = r.text()
	case policy.Flag:
		flag := r.byte()
		r.check(flag < 2, "this is neither true nor false")
		value.Flag = flag == 1
	case policy.Missing, policy.Unlimited, policy.Absent:
	default:
		r.fail("this form of value is not known")
	}
	return value
}
