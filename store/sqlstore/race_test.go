//go:build race

package sqlstore_test

// manyDecisions is small here: the race detector makes SQLite, which is Go code, some forty times
// slower, and finds nothing in a table that one connection fills.
const manyDecisions = 5_000
