//go:build !race

package sqlstore_test

// manyDecisions is how many decisions the plans are made over.
const manyDecisions = 100_000
