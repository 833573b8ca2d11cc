package policy

import "errors"

// The errors of the domain. Each is wrapped with what it concerns, and mapped to a status code
// in one place, server/grpcapi.
var (
	// ErrInvalid: the caller sent something that cannot be read as what it should be.
	ErrInvalid = errors.New("invalid")
	// ErrNotFound: nothing by that name exists, or the caller may not know that it does.
	ErrNotFound = errors.New("not found")
	// ErrKeyReused: the idempotency key was used before, for something else.
	ErrKeyReused = errors.New("key reused")
	// ErrForbidden: the principal's roles do not include this operation.
	ErrForbidden = errors.New("forbidden")
	// ErrUnauthenticated: no principal could be made of the caller's credentials.
	ErrUnauthenticated = errors.New("unauthenticated")
	// ErrUnavailable: the record cannot be written now, so nothing may be allowed.
	ErrUnavailable = errors.New("unavailable")
	// ErrRevision: a policy revision was refused; the message says where and why.
	ErrRevision = errors.New("revision refused")
	// ErrPrecondition: the operation does not fit the present state.
	ErrPrecondition = errors.New("precondition")
	// ErrExhausted: more is asked for than is given at once; try again later or with less.
	ErrExhausted = errors.New("exhausted")
)
