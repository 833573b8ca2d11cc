package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // to count rows beside the store

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/approval"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/policy/permit"
	"github.com/bidrail/bidrail/server/config"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlite"
)

// crashRecord is what a data folder holds, held against what clients were told.
type crashRecord struct {
	answers   *crashAnswers
	caps      []ledger.Cap
	decisions map[string]*policy.Decision // by id
	changes   map[string]*policy.Decision // by change: those that a check came to
	permits   map[string]permit.Permit
	holds     map[string]ledger.Hold
	leaves    int64
	capped    int // decisions that a cap refused
	faults    *crashFaultsFound

	steps   map[string][]approval.Approval // by approval, in order
	reviews map[string][]approval.Review   // by approval, the oldest first
}

// verifyRecord reads a data folder that no server uses, and tells in answers.faults what is wrong with it. It reads a copy, so that
// the next server finds the folder as the last one left it.
func verifyRecord(ctx context.Context, data string, caps []ledger.Cap, answers *crashAnswers) (_ *crashRecord, err error) {
	copied, err := os.MkdirTemp("", "bidrail-crash-*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(copied)) }()
	for _, name := range []string{"bidrail.db", "bidrail.db-wal"} {
		if err := copyFile(filepath.Join(data, name), filepath.Join(copied, name)); err != nil {
			return nil, err
		}
	}
	path := filepath.Join(copied, "bidrail.db")
	records, err := sqlite.Open(ctx, sqlite.Config{Path: path, Synchronous: "OFF"})
	if err != nil {
		return nil, err
	}
	v := &crashRecord{
		answers: answers, caps: caps, faults: &answers.faults,
		decisions: map[string]*policy.Decision{}, changes: map[string]*policy.Decision{},
	}
	err = errors.Join(records.View(ctx, v.read), records.Close())
	if err != nil {
		return nil, err
	}
	return v, v.count(ctx, path)
}

// copyFile copies a file; one that is not there is as good as an empty one to SQLite.
func copyFile(from, to string) error {
	source, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

func (v *crashRecord) read(r store.Reader) error {
	report, err := store.VerifyLog(r)
	if err != nil {
		v.faults.tell(&v.faults.Broken, "the log: %v", err)
	}
	v.leaves = report.Tree.Size()
	if err := v.readDecisions(r); err != nil {
		return err
	}
	var permitIDs []string
	for _, decision := range v.decisions {
		if decision.PermitID != "" && !slices.Contains(permitIDs, decision.PermitID) {
			permitIDs = append(permitIDs, decision.PermitID)
		}
	}
	if v.permits, err = r.Permits(permitIDs); err != nil {
		return err
	}
	if v.holds, err = r.Holds(slices.Collect(maps.Keys(v.decisions))); err != nil {
		return err
	}
	v.compareDecisions()
	v.comparePermits()
	v.compareHolds()
	if err := v.readApprovals(r); err != nil {
		return err
	}
	v.compareApprovals()
	v.compareReviews()
	v.compareRedemptions(r.Now())
	if err := v.compareModes(r); err != nil {
		return err
	}
	return v.compareTallies(r)
}

// compareModes: every scope has the mode that it was last switched to, or one of a switch that nobody was told of.
func (v *crashRecord) compareModes(r store.Reader) error {
	settings, err := r.Modes()
	if err != nil {
		return err
	}
	for scope, told := range v.answers.modes {
		at := slices.IndexFunc(settings, func(setting mode.Setting) bool { return setting.Scope.String() == scope })
		switch {
		case at < 0 || settings[at].Epoch < told.Epoch:
			v.faults.tell(&v.faults.Lost, "%s was switched to %s under epoch %d, which is not in the record", scope, told.Mode, told.Epoch)
		case settings[at].Epoch == told.Epoch && "MODE_"+strings.ToUpper(settings[at].Mode.String()) != told.Mode:
			v.faults.tell(&v.faults.Changed, "%s was switched to %s and is %s", scope, told.Mode, settings[at].Mode)
		}
	}
	return nil
}

// outcomes is what each state of a permit has made of its holds.
var outcomes = map[permit.State][]ledger.HoldState{
	permit.Issued: {ledger.Held}, permit.Claimed: {ledger.Held}, permit.Unknown: {ledger.Held},
	permit.Applied: {ledger.Posted}, permit.Partial: {ledger.Posted, ledger.Voided},
	permit.Failed: {ledger.Voided}, permit.Revoked: {ledger.Voided}, permit.Expired: {ledger.Expired},
}

// compareHolds: every decision that allows has exactly one hold, which is as its permit stands; the others have none.
func (v *crashRecord) compareHolds() {
	for id, decision := range v.decisions {
		hold, held := v.holds[id]
		given, permitted := v.permits[decision.PermitID]
		allowed := decision.Verdict == policy.Allow
		switch {
		case held && !allowed:
			v.faults.tell(&v.faults.Doubled, "%s is %s and has a hold", id, decision.Verdict)
		case !held && allowed:
			v.faults.tell(&v.faults.Lost, "%s is allowed and has no hold", id)
		case allowed && !permitted:
			v.faults.tell(&v.faults.Lost, "%s is allowed and its permit %q is not in the record", id, decision.PermitID)
		case allowed && !slices.Contains(outcomes[given.State], hold.State):
			v.faults.tell(&v.faults.Changed, "hold %s is %s while its permit is %s", id, hold.State, given.State)
		case allowed && given.State == permit.Applied && hold.Applied != decision.After:
			v.faults.tell(&v.faults.Changed, "hold %s was posted for %v, and the change was applied, to %v", id, hold.Applied, decision.After)
		case allowed && given.State == permit.Partial:
			v.comparePart(decision, hold, given)
		}
	}
}

// comparePart: what a partial report says was applied is posted, and nothing else.
func (v *crashRecord) comparePart(decision *policy.Decision, hold ledger.Hold, given permit.Permit) {
	at := slices.IndexFunc(given.Report.Applied, func(part permit.Part) bool { return part.ChangeID == decision.ChangeID })
	want := policy.Value{}
	if at >= 0 {
		want = given.Report.Applied[at].Value
	}
	if hold.Applied != want {
		v.faults.tell(&v.faults.Changed, "hold %s was posted for %v, and %v was reported", hold.ID, hold.Applied, want)
	}
}

// comparePermits: who was told yes has the permit, who was told no has not, and what was reported stands.
func (v *crashRecord) comparePermits() {
	for id, claim := range v.answers.claims {
		given, found := v.permits[id]
		switch {
		case !found:
			v.faults.tell(&v.faults.Lost, "permit %s was claimed and is not in the record", id)
		case given.ClaimID != claim || given.State == permit.Issued:
			v.faults.tell(&v.faults.Lost, "permit %s was given to %s; in the record it is %s for %q", id, claim, given.State, given.ClaimID)
		case given.State == permit.Expired || given.State == permit.Revoked:
			v.faults.tell(&v.faults.Changed, "permit %s was given to %s and is %s", id, claim, given.State)
		}
	}
	for id, claims := range v.answers.refused {
		given := v.permits[id]
		for _, claim := range claims {
			if claim.Claim != given.ClaimID || given.ClaimID == "" {
				continue
			}
			// One whose yes got lost may ask again too late, or after a mode was switched. It has the permit then and no leave, and
			// reports nothing.
			late := given.State == permit.Unknown || given.State == permit.Claimed && strings.Contains(claim.Problem, "was claimed, but since then")
			if !late {
				v.faults.tell(&v.faults.Changed, "permit %s was refused to %s, and the record says that it has it: %s", id, claim.Claim, claim.Problem)
			}
		}
	}
	for id, reports := range v.answers.reports {
		given, last := v.permits[id], reports[len(reports)-1]
		if state := "PERMIT_STATE_" + given.State.String(); state != last.Outcome {
			// More may have been reported on an unknown one, and the server killed before it said so.
			if last.Outcome != "PERMIT_STATE_UNKNOWN" || !given.State.Final() {
				v.faults.tell(&v.faults.Lost, "permit %s was reported %s and is %s", id, last.Outcome, given.State)
			}
			continue
		}
		applied := map[string]int64{}
		for _, part := range given.Report.Applied {
			applied[part.ChangeID] = part.Value.Amount
		}
		if !maps.Equal(applied, last.Applied) {
			v.faults.tell(&v.faults.Changed, "permit %s was reported with %v and has %v", id, last.Applied, applied)
		}
	}
}

// compareTallies: what each scope has used is the sum of its holds, each of which has a place of its own in the tally, and no
// more than its caps.
func (v *crashRecord) compareTallies(r store.Reader) error {
	sums, places := recompute(v.holds, v.decisions)
	var scopes []ledger.Scope
	for key := range sums {
		scopes = append(scopes, key.Scope)
	}
	state, err := r.Sheets(scopes)
	if err != nil {
		return err
	}
	for key, want := range sums {
		tally, found := state[key.Scope].Tally(key.Unit)
		if !found {
			v.faults.tell(&v.faults.Lost, "%s has holds and no tally of %v", key.Scope, key.Unit)
			continue
		}
		got, err := sumsOfTally(tally, r)
		if err != nil {
			return err
		}
		if got != want {
			v.faults.tell(&v.faults.Changed, "%s in %v: the tally has %+v, the holds come to %+v", key.Scope, key.Unit, got, want)
		}
		order := slices.Sorted(slices.Values(places[key]))
		for i, place := range order {
			if place != uint64(i+1) {
				v.faults.tell(&v.faults.Doubled, "%s in %v: its %d holds have the places %v", key.Scope, key.Unit, len(order), order)
				break
			}
		}
	}
	for scope, sheet := range state {
		for _, cap := range ledger.CapsOn(v.caps, []ledger.Scope{scope}) {
			used, err := sheet.Used(cap, ledger.Rates{}, r.Now())
			if err != nil {
				return err
			}
			if used > cap.Limit {
				v.faults.tell(&v.faults.Broken, "%s has used %d of the cap %q, which is %d", scope, used, cap.Name, cap.Limit)
			}
			v.compareCap(cap, sums, used)
		}
	}
	return nil
}

// compareCap holds the sum over the holds against the cap as well.
func (v *crashRecord) compareCap(cap ledger.Cap, sums map[store.ScopeUnit]heldSums, used int64) {
	total := int64(0)
	for key, sum := range sums {
		if key.Scope != cap.Scope || len(cap.Kinds) > 0 && !slices.Contains(cap.Kinds, key.Unit.Kind) {
			continue
		}
		switch cap.Measure {
		case ledger.Moved:
			total += sum.Raised + sum.Lowered
		case ledger.Raised:
			total += sum.Raised
		case ledger.Count:
			total += sum.Count
		}
	}
	// A window may have moved on from the oldest holds, never by more.
	if used > total {
		v.faults.tell(&v.faults.Broken, "%s has used %d of the cap %q, and its holds come to %d", cap.Scope, used, cap.Name, total)
	}
}

// count looks beside the store, which would not show a row that belongs to nothing.
func (v *crashRecord) count(ctx context.Context, path string) (err error) {
	database, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, database.Close()) }()
	var problems []string
	for _, check := range []struct {
		query string
		want  string
	}{
		{"PRAGMA integrity_check", "ok"},
		{"SELECT count(*) FROM pragma_foreign_key_check", "0"},
		{"SELECT count(*) FROM decisions", fmt.Sprint(len(v.decisions))},
		{"SELECT count(*) FROM holds", fmt.Sprint(len(v.holds))},
		{"SELECT count(*) FROM permits", fmt.Sprint(len(v.permits))},
		{"SELECT count(*) FROM approvals", fmt.Sprint(len(v.steps))},
		{"SELECT count(*) FROM reviews", fmt.Sprint(v.countReviews())},
	} {
		var got string
		if err := database.QueryRowContext(ctx, check.query).Scan(&got); err != nil {
			return fmt.Errorf("%s: %w", check.query, err)
		}
		if got != check.want {
			problems = append(problems, fmt.Sprintf("%s: got %s, want %s", check.query, got, check.want))
		}
	}
	if len(problems) > 0 {
		v.faults.tell(&v.faults.Broken, "%s", strings.Join(problems, "; "))
	}
	return nil
}

// crashCaps is the caps of the crash tests' configuration.
func crashCaps(path string) ([]ledger.Cap, error) {
	settings, err := config.Load(path, nil, nil)
	if err != nil {
		return nil, err
	}
	return capsOf(settings.Caps)
}
