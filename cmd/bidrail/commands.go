package main

// commands is the table of commands: each is a struct with its flags, and a Run method in the file
// of its name.
type commands struct {
	Serve     serveCommand     `cmd:"" help:"Run the server."`
	Check     checkCommand     `cmd:"" help:"Judge proposed changes: exit 0 all allowed, 2 something needs approval, 3 something is blocked, 1 it could not be decided."`
	Decisions decisionsCommand `cmd:"" help:"Look at recorded decisions."`
	Explain   explainCommand   `cmd:"" help:"Show how a decision came about, expression by expression."`
	Rules     rulesCommand     `cmd:"" help:"List the rules, or show one."`
	Audit     auditCommand     `cmd:"" help:"Show that the record is what was decided."`
	Policy    policyCommand    `cmd:"" help:"Check and test a folder of rules and limits."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}
