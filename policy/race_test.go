//go:build race

package policy

// manyInputs is small here: the race detector makes both evaluators some ten times slower, and what it looks for, that
// they share something, shows with any inputs.
const manyInputs = 2_000

// oneHostileIn says that one of so many hostile rules is run: that they end in time is nothing that the race detector could show.
const oneHostileIn = 6
