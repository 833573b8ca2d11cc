package ledger

import (
	"encoding/binary"
	"time"

	"github.com/bidrail/bidrail/policy"
)

// holdReversal is a bit beside the state of a hold, movementUnbounded one beside the direction of its movement.
const (
	holdReversal      = 0x80
	movementUnbounded = 0x80
)

// AppendBinary appends the hold as [DecodeHold] reads it. It never fails.
func (h *Hold) AppendBinary(to []byte) ([]byte, error) {
	state := byte(h.State)
	if h.Reversal {
		state |= holdReversal
	}
	to = append(to, holdVersion, state)
	to = appendText(to, h.ID)
	m := &h.Movement
	direction := byte(m.Direction)
	if m.Unbounded {
		direction |= movementUnbounded
	}
	to = append(to, byte(m.Unit.Kind), direction)
	to = binary.AppendUvarint(to, uint64(m.Amount))
	for _, value := range [...]policy.Value{h.Movement.Before, h.Movement.After, h.Applied} {
		to = appendValue(to, value)
	}
	to = appendTime(appendTime(to, h.PlacedAt), h.ResolvedAt)
	to = binary.AppendUvarint(to, uint64(len(h.Charges)))
	previous := ""
	for _, charge := range h.Charges {
		// The scopes of a change begin alike: most are in one account.
		shared := sharedBeginning(previous, charge.Scope.Key)
		to = append(to, byte(charge.Scope.Kind))
		to = appendText(binary.AppendUvarint(to, uint64(shared)), charge.Scope.Key[shared:])
		to = appendSince(to, h.PlacedAt, charge.At)
		to = binary.AppendUvarint(to, charge.Sequence)
		previous = charge.Scope.Key
	}
	return to, nil
}

// sharedBeginning is how many bytes two texts begin with alike.
func sharedBeginning(a, b string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// appendSince writes when a charge was placed: 0 for the zero time, or how long after the hold, and 1.
func appendSince(to []byte, placed, at time.Time) []byte {
	if at.IsZero() {
		return append(to, 0)
	}
	return binary.AppendUvarint(to, uint64(instant(at)-instant(placed))+1)
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

// DecodeHold reads what [Hold.AppendBinary] wrote, and refuses everything else. How far the movement goes does not
// follow from its values alone, so it is read as it was placed.
func DecodeHold(data []byte) (Hold, error) {
	r := reader{data: data}
	h := r.hold()
	if err := r.end("a hold"); err != nil {
		return Hold{}, err
	}
	return h, nil
}

func (r *reader) hold() Hold {
	r.check(r.byte() == holdVersion, "this version is not known")
	state := r.byte()
	h := Hold{State: HoldState(state &^ holdReversal), Reversal: state&holdReversal != 0, ID: r.text()}
	r.check(h.State < holdStateEnd, "this state is not known")
	kind, direction := r.kind(), r.byte()
	amount := r.natural(0)
	before, after := r.value(), r.value()
	h.Movement = measure(kind, before, after)
	h.Movement.Direction, h.Movement.Amount = policy.Direction(direction&^movementUnbounded), amount
	h.Movement.Unbounded = direction&movementUnbounded != 0
	r.check(h.Movement.Direction <= policy.Cut, "this direction is not known")
	h.Applied = r.value()
	h.PlacedAt, h.ResolvedAt = r.time(), r.time()
	count := r.unsigned()
	if count > uint64(len(r.data)-r.at) {
		r.fail("there are more charges than there is left to read")
		return h
	}
	previous := ""
	for range count {
		scope := r.scope(previous)
		h.Charges = append(h.Charges, Charge{scope, r.since(h.PlacedAt), r.unsigned()})
		previous = scope.Key
	}
	return h
}

// scope reads a scope of which the key begins like the one before.
func (r *reader) scope(previous string) Scope {
	kind, shared, rest := ScopeKind(r.byte()), r.unsigned(), r.text()
	if shared > uint64(len(previous)) {
		r.fail("more of a scope is shared than there is")
		return Scope{}
	}
	scope := Scope{kind, previous[:shared] + rest}
	r.check(uint64(sharedBeginning(previous, scope.Key)) == shared, "more of a scope is shared than is said")
	parsed, err := ParseScope(scope.String())
	r.check(err == nil && parsed == scope, "this is no scope")
	return scope
}

func (r *reader) since(placed time.Time) time.Time {
	number := r.natural(0)
	if number == 0 {
		return time.Time{}
	}
	after := number - 1
	if placed.IsZero() || after > int64(lastMinute)*int64(time.Minute)-instant(placed) {
		r.fail("the time of a charge is not that of any hold")
		return time.Time{}
	}
	return moment(instant(placed) + after)
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
