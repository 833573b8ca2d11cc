// Package audit is the append-only log over everything Bidrail decides: a Merkle tree whose signed roots make any
// later edit of the record show. Start with [Tree.Append], which adds a [Leaf] for each record in the transaction that
// stores it; [Extension.Sign], which puts a name to what is stored; [Receipt], which anybody can check without asking
// the server; and [Verify], which reads a whole log again.
//
// The tree is that of RFC 6962, by golang.org/x/mod/sumdb/tlog; a signed root is a C2SP tlog-checkpoint. Tools made for
// those understand both. The package is pure: it reads stored hashes through [tlog.HashReader] and is told the time. It
// does not import package policy, so that a verifier links no policy engine.
//
// # What an auditor can prove
//
// With the public key of the log, and nothing else from the server:
//
//   - A receipt and its record: this record, byte for byte, is at this position of the log the key signed for.
//   - Two checkpoints and a [Consistency]: the later log is the earlier one with leaves added, none changed, moved or
//     taken out; or else a [Fork], with which everybody else can be shown that the operator signed two histories.
//   - A checkpoint kept elsewhere and the leaves: these are all the leaves up to it, in order. Where they are not,
//     [Verify] names the first one that breaks the log.
//
// A record may be redacted: the leaf holds its digest only and stays. The record's place remains proven, its content
// is gone.
//
// # What this cannot prove
//
//   - That something was logged at all. A log that never showed a leaf has nothing missing. What guards against that
//     is that a decision is answered only after its leaf is committed: an answer whose receipt cannot be had is one.
//   - That the operator is honest about time or content: leaves and checkpoints say what the operator said at the time.
//   - That there is one history, if nobody compares. Whoever holds the signing key can rewrite the log and sign again;
//     it shows only beside a checkpoint kept where the operator cannot reach, such as with a witness.
//   - What came after the last checkpoint: until the next is signed, those leaves can be cut off unseen.
//   - That a redacted record cannot be guessed. Its digest confirms a right guess of the whole record.
package audit

import "errors"

// The ways in which what should be evidence is none. Each is wrapped with what it concerns. What is wrong with a log
// as a whole is a [Break].
var (
	// ErrMalformed: it cannot be read as what it should be, or could not be written so that it can.
	ErrMalformed = errors.New("malformed")
	// ErrSignature: no signature by a key of the log is there, or one is wrong.
	ErrSignature = errors.New("not signed by the log")
	// ErrUnproven: the proof does not lead where it should. This shows nothing about the log but that it must be asked
	// again; a log that cannot prove what it signed has a problem.
	ErrUnproven = errors.New("not proven")
	// ErrForked: the log has signed for two histories.
	ErrForked = errors.New("forked")
)

// MaxSize is how many leaves a log may have. It is far more than any log will hold, and small enough that a size sent
// by somebody else cannot overflow what is computed from it.
const MaxSize = 1 << 48

// maxProof is how many hashes a proof can have: one for each level of the largest tree, and one for the part of it
// that is not complete.
const maxProof = 49
