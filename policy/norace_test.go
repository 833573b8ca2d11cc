//go:build !race

package policy

// manyInputs is how many inputs are judged by both evaluators.
const manyInputs = 20_000

// oneHostileIn says that all hostile rules are run.
const oneHostileIn = 1
