//go:build !race

package policy

// manyInputs is how many inputs are judged by both evaluators: enough that each rule fires.
const manyInputs = 6_000

// oneHostileIn says that all hostile rules are run.
const oneHostileIn = 1
