//go:build race

package main

// crashPace is how much longer than without it everything takes in a crash test under the race detector.
const crashPace = 4
