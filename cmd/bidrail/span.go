package main

import (
	"fmt"
	"strings"
	"time"
)

// span writes a length of time for people, in its two largest units: "3 h 40 min", "45 s".
func span(length time.Duration) string {
	length = length.Truncate(time.Second)
	if length < time.Second {
		return "less than 1 s"
	}
	var parts []string
	for _, unit := range []struct {
		name string
		of   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"min", time.Minute}, {"s", time.Second}} {
		count := length / unit.of
		length -= count * unit.of
		if count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, unit.name))
		} else if len(parts) > 0 {
			break // what follows is too small to matter
		}
		if len(parts) == 2 {
			break
		}
	}
	return strings.Join(parts, " ")
}

// relative writes a time as seen from another.
func relative(at, now time.Time) string {
	if at.After(now) {
		return "in " + span(at.Sub(now))
	}
	return span(now.Sub(at)) + " ago"
}

// shellWord writes a word so that a shell reads it as that word, whatever is in it; a terminal that shows it comes to no harm.
func shellWord(word string) string {
	word = clean(word)
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._:/@%+=,-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
