package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
)

// crashAnswers is everything that clients were told, from all their journals.
type crashAnswers struct {
	decisions map[string]crashEntry   // by change: what the first answer said
	claims    map[string]string       // by permit: the claim that was told yes
	refused   map[string][]crashEntry // by permit: the claims that were told no
	modes     map[string]crashEntry   // by scope: the last switch
	reports   map[string][]crashEntry // by permit, as they were taken; one worker reports on a permit, so in their order
	finished  []crashEntry            // the last line of each client

	approvals map[string]map[int64]crashEntry // by approval and version: as it was first seen
	reviews   map[reviewKey]crashReview       // acknowledged
	resent    map[reviewKey]int64             // of them: when the call was sent that was answered first, after another was cut off
	unheard   map[reviewKey]crashEntry        // refused
	redeemed  map[string]crashEntry           // by permit
	again     map[string]crashEntry           // by id: decisions of what was redeemed

	answers map[string]int   // how many of each event
	read    map[string]int64 // by journal: how far
	faults  crashFaultsFound
}

// crashFaultsFound is what is wrong, counted by what it means and told in words.
type crashFaultsFound struct {
	Lost    int // acknowledged, and not in the record
	Doubled int // decided, held or claimed more than once
	Changed int // in the record, or answered again, as something else
	Broken  int // anything else that must not be
	Words   []string
}

func (f *crashFaultsFound) tell(count *int, format string, arguments ...any) {
	*count++
	f.Words = append(f.Words, fmt.Sprintf(format, arguments...))
}

// any reports whether there is something to tell.
func (f *crashFaultsFound) any() bool { return len(f.Words) > 0 }

func newCrashAnswers() *crashAnswers {
	return &crashAnswers{
		decisions: map[string]crashEntry{}, claims: map[string]string{}, refused: map[string][]crashEntry{}, modes: map[string]crashEntry{},
		reports: map[string][]crashEntry{}, answers: map[string]int{}, read: map[string]int64{},
		approvals: map[string]map[int64]crashEntry{}, reviews: map[reviewKey]crashReview{}, resent: map[reviewKey]int64{},
		unheard: map[reviewKey]crashEntry{}, redeemed: map[string]crashEntry{}, again: map[string]crashEntry{},
	}
}

// readOn reads what was added to a journal since. A line that is not finished yet is left for the next time.
func (a *crashAnswers) readOn(path string) error {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil // the client has not begun
	}
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.Seek(a.read[path], io.SeekStart); err != nil {
		return err
	}
	content, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	content = content[:bytes.LastIndexByte(content, '\n')+1]
	a.read[path] += int64(len(content))
	for line := range bytes.Lines(content) {
		var entry crashEntry
		if err := json.Unmarshal(line, &entry); err != nil {
			return fmt.Errorf("journal %s: %w", path, err)
		}
		a.add(entry)
	}
	return nil
}

func (a *crashAnswers) add(entry crashEntry) {
	a.answers[entry.Event]++
	switch entry.Event {
	case crashDecided:
		if entry.Incomplete != "" {
			a.faults.tell(&a.faults.Broken, "the answer to %s: %s", entry.Change, entry.Incomplete)
		}
		first, found := a.decisions[entry.Change]
		switch {
		case !found:
			a.decisions[entry.Change] = entry
		case first.Decision != entry.Decision:
			a.faults.tell(&a.faults.Doubled, "%s was decided as %s and as %s", entry.Change, first.Decision, entry.Decision)
		case first.Content != entry.Content:
			a.faults.tell(&a.faults.Changed, "%s was answered %+v, then %+v", entry.Change, first, entry)
		}
	case crashClaimed:
		if winner, found := a.claims[entry.Permit]; found && winner != entry.Claim {
			a.faults.tell(&a.faults.Doubled, "permit %s was given to %s and to %s", entry.Permit, winner, entry.Claim)
		}
		a.claims[entry.Permit] = entry.Claim
	case crashClaimRefused:
		a.refused[entry.Permit] = append(a.refused[entry.Permit], entry)
	case crashReported:
		a.reports[entry.Permit] = append(a.reports[entry.Permit], entry)
	case crashSwitched:
		if last := a.modes[entry.Scope]; last.Epoch >= entry.Epoch {
			a.faults.tell(&a.faults.Changed, "the mode of %s was switched under epoch %d, then under %d", entry.Scope, last.Epoch, entry.Epoch)
		}
		a.modes[entry.Scope] = entry
	case crashSeen, crashReviewed, crashReviewRefused, crashRedeemed, crashDecidedAgain:
		a.addOfApproval(entry)
	case crashReportRefused, crashRedeemRefused:
	case crashFinished:
		a.finished = append(a.finished, entry)
	default:
		a.faults.tell(&a.faults.Broken, "%s", entry.Problem)
	}
}

// reviewKey is what there is one review of.
type reviewKey struct{ approval, reviewer, nonce string }

func (a *crashAnswers) addOfApproval(entry crashEntry) {
	switch entry.Event {
	case crashSeen:
		versions := a.approvals[entry.Approval]
		if versions == nil {
			versions = map[int64]crashEntry{}
			a.approvals[entry.Approval] = versions
		}
		if first, found := versions[entry.Version]; !found {
			versions[entry.Version] = entry
		} else if first.Content != entry.Content {
			a.faults.tell(&a.faults.Changed, "version %d of approval %s was answered %+v, then %+v", entry.Version, entry.Approval, first, entry)
		}
	case crashReviewed:
		review := *entry.Review
		key := reviewKey{entry.Approval, review.Reviewer, review.Nonce}
		review.Resent = 0
		if first, found := a.reviews[key]; !found {
			a.reviews[key], a.resent[key] = review, entry.Review.Resent
		} else if first != review {
			a.faults.tell(&a.faults.Doubled, "the nonce of a review stood for %+v and for %+v", first, review)
		}
	case crashReviewRefused:
		a.unheard[reviewKey{entry.Approval, entry.Review.Reviewer, entry.Review.Nonce}] = entry
	case crashRedeemed:
		if first, found := a.redeemed[entry.Permit]; found && (first.Approval != entry.Approval || first.Digest != entry.Digest) {
			a.faults.tell(&a.faults.Changed, "permit %s was redeemed as %+v and as %+v", entry.Permit, first, entry)
		}
		a.redeemed[entry.Permit] = entry
	default:
		if entry.Incomplete != "" {
			a.faults.tell(&a.faults.Broken, "the answer to %s, redeemed: %s", entry.Change, entry.Incomplete)
		}
		a.again[entry.Decision] = entry
	}
}

// acknowledged is how many decisions were told to somebody.
func (a *crashAnswers) acknowledged() int { return len(a.decisions) }

// told is how many answers there were of each sort, for people.
func (a *crashAnswers) told() string {
	var text bytes.Buffer
	for _, event := range slices.Sorted(maps.Keys(a.answers)) {
		fmt.Fprintf(&text, "%s %d, ", event, a.answers[event])
	}
	return string(bytes.TrimSuffix(text.Bytes(), []byte(", ")))
}
