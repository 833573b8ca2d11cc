// Package server is what Bidrail does, without a transport: judging changes, keeping the record,
// answering questions about it. Doors (gRPC, pages) call it; nothing else does. Start with
// [Server.Check].
//
// # The life of a check
//
//  1. The gate: may this principal do this at all?
//  2. Keys: a change that was decided before, with the same content, gets the stored decision. The
//     same key with other content is refused.
//  3. Gathering: the tests, freezes, facts, windows and modes that concern the target become the input.
//  4. The engine judges. It never fails; what goes wrong is a finding that does not allow.
//  5. One transaction settles what was judged on the ground as it is by then ([Server.Check] answers for limits
//     over time; settle.go says how), and writes the decisions with their inputs, keys, leaves, holds and
//     permits. Only when it is durable is anything answered. If it cannot be written the answer is
//     policy.ErrUnavailable, not ALLOW.
//
// An ALLOW comes with a permit. [Server.Claim] uses it up, [Server.Report] says what became of the change, and
// [Server.Run] does what time brings about when nobody does either.
//
// An atomic group is decided as one: every leg gets the strictest verdict of the group.
package server
