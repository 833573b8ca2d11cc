//go:build !race

package server_test

// usualSeeds is how many seeds are simulated.
const usualSeeds = 60
