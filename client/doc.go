// Package client is what a Go automation imports to ask Bidrail before it changes a bid or a budget. Start with [Dial],
// [Client.Check] and [Client.Apply]:
//
//	guard, err := client.Dial("127.0.0.1:7443", client.WithPrincipal("bid-optimizer", "automation"))
//	...
//	change := client.NewChange("bids/2026-03-02/keyword-77", bidrailv1.Kind_KIND_BID, target,
//		client.Seen(before, readAt), after)
//	decisions, err := guard.Check(ctx, change)
//	if err != nil || !decisions.Allowed() {
//		return err // nothing is changed
//	}
//	err = guard.Apply(ctx, decisions, func(ctx context.Context) error {
//		return platform.SetBid(ctx, after) // an error wraps client.ErrNotMade when it is certain that nothing was changed
//	})
//
// # What it promises
//
// Without a clear ALLOW there is no leave to act. An error, a timeout, an answer that does not fit the question, a verdict that
// this version does not know, and the zero value of every type here all count as "do not act". There is no option to turn that
// around.
//
// A call that gets no answer is repeated with the same change_ids, a bounded number of times, with growing and random pauses. That
// is safe: Bidrail answers a key and content that it has decided before with the stored decision, so a repeated call decides
// nothing twice. The same key with other content is refused with [ErrKeyReused].
//
// # Permits
//
// What is allowed comes with a permit: the authority to make exactly those changes, once and soon. [Client.Apply] uses it as it is
// meant to be used: it claims the permit right before the change is made, and reports what became of it. An automation whose changes
// are made elsewhere, or that cannot be wrapped in a function, calls [Client.Claim] and [Client.Report] itself. What will not be
// done after all is handed back with [Client.GiveBack].
//
// The report is what cumulative limits are held against. When nobody can say whether a change was made, UNKNOWN is the truth: what was
// held for it stays held, and a person looks. Claims and reports that get no answer are repeated like checks, and are as safe to
// repeat.
//
// An executor that is handed permits by others verifies them offline with a [Verifier], and claims them as well: a signature bounds
// how long and what for a permit can be used, but a copy verifies just as well.
//
// # People
//
// What rules do not decide alone waits for people ([Decision.NeedsApproval]). They agree to exactly that change, to a part of it, or not
// at all, and they take their time: minutes or hours. [Client.Apply] waits for them with [WaitForPeople], or the automation does it step by
// step: [Client.Wait], then [Client.Redeem], which asks the rules again and returns decisions that allow, with their permit. An automation
// that does not want to wait keeps the change as it was sent and checks it again later: [Client.Redeem] then says whether people have agreed.
//
// Silence is a no. A new proposal for the same field takes the place of the one that waits.
//
// # What the automation does
//
// Make a change_id from the work that the change belongs to (the job, the day, the entity, the field), not from a random number,
// and keep the change as it was sent until it is answered: a job that crashes and starts again then sends the same and gets the same
// answer. The content includes the times of all readings, so a change that is put together anew under an old key is refused with
// [ErrKeyReused], which is how a job notices that it has been here before.
//
// Say truthfully when the present value was read ([Seen]); rules judge a stale reading more strictly. Changes that must land
// together, such as the two legs of a budget shift, go through [Group].
//
// Amounts are integers: [Money] takes millionths, [ParseMoney] takes the decimal text of a report and never goes through a float.
// Zero, [Unlimited] and [Absent] are three different values.
//
// A change that is blocked stays blocked: [Decision.Reasons] says why, for people and for logs. The max_permitted of a reason is a
// hint for the next proposal; a smaller change is a new change with a key of its own.
package client
