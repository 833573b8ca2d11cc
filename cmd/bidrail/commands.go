package main

// commands is the table of commands: each is a struct with its flags, and a Run method in the file
// of its name.
type commands struct {
	Serve        serveCommand        `cmd:"" help:"Run the server."`
	Check        checkCommand        `cmd:"" help:"Judge proposed changes: exit 0 all allowed, 2 something needs approval, 3 something is blocked, 1 it could not be decided."`
	Decisions    decisionsCommand    `cmd:"" help:"Look at recorded decisions."`
	Permit       permitCommand       `cmd:"" help:"Claim the permit of an allowed change, report what became of it, look at permits."`
	Approvals    approvalsCommand    `cmd:"" help:"Look at what waits for people, and answer it."`
	Redeem       redeemCommand       `cmd:"" help:"Turn what people have agreed to into a permit: exit 0 there is one, 2 people are still asked, 3 there will be none."`
	Grants       grantsCommand       `cmd:"" help:"Leave that is given ahead, for a time."`
	Overrides    overridesCommand    `cmd:"" help:"Break the glass, and look at who did."`
	Delegations  delegationsCommand  `cmd:"" help:"Let others review in your place."`
	Suppressions suppressionsCommand `cmd:"" help:"Rejected moves that automations cannot ask for again for now."`
	Deliveries   deliveriesCommand   `cmd:"" help:"What is told to whom outside, and whether it got there."`
	Explain      explainCommand      `cmd:"" help:"Show how a decision came about, expression by expression."`
	Facts        factsCommand        `cmd:"" help:"What connectors have observed: spend, conversions, margins and so on."`
	Mode         modeCommand         `cmd:"" help:"The kill switch: what an account, a campaign or anything else lets through."`
	Calendar     calendarCommand     `cmd:"" help:"When nothing may be raised, when more than usual may, and what is to be put back."`
	Experiments  experimentsCommand  `cmd:"" help:"The tests that are registered, what they hold still, and what has disturbed them."`
	Ledger       ledgerCommand       `cmd:"" help:"Show what has moved lately, what is held, and what limits over time have left."`
	Rules        rulesCommand        `cmd:"" help:"List the rules, show one, or write their reference."`
	Report       reportCommand       `cmd:"" help:"Show what became of approvals, and what to look at in how they are given."`
	Audit        auditCommand        `cmd:"" help:"Show that the record is what was decided."`
	Keys         keysCommand         `cmd:"" help:"The keys that permits are signed with."`
	Policy       policyCommand       `cmd:"" help:"Check and test a folder of rules and limits."`
	Version      versionCommand      `cmd:"" help:"Print the version."`
}
