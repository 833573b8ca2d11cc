//go:build !race

package main

// crashPace is how much longer than usual everything takes in a crash test.
const crashPace = 1
