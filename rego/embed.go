// Package rego holds the policy pack that Bidrail ships: the rules, the library they share, the
// data they read and the default limits. Start with rules/bid_ceiling.rego.
package rego

import (
	"embed"
	"io/fs"
)

// pack takes every file of every folder here, so that a new rule, table or data file is shipped
// without a change to this one. The tests are part of it: a revision carries the examples it was
// tried with.
//
//go:embed */*
var pack embed.FS

// Files returns the pack in the layout of an OPA bundle, ready to be read as a revision.
func Files() fs.FS { return pack }
