//go:build race

package server_test

// usualSeeds is small here: make test simulates more of them without the race detector.
const usualSeeds = 15
