//go:build race

package policy

// manyInputs is small here: the race detector makes both evaluators some ten times slower, and what it looks for, that
// they share something, shows with any inputs.
const manyInputs = 3_000
