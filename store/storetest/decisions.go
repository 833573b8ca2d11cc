package storetest

import (
	"bytes"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

func insertAndRead(t *testing.T, s store.Store) {
	want := decision(1)
	want.Verdict = policy.Block
	want.Target.Labels = map[string]string{"tier": "gold"}
	want.Findings = []policy.Finding{
		{Rule: "bid.ceiling", Effect: policy.Blocks, Message: "too high", MaxPermitted: policy.MoneyValue(1_100_000, "EUR")},
		{Rule: "bid.ceiling", Effect: policy.Warn, Message: "said twice by one rule"},
		{Rule: "bid.step", Effect: policy.Approve, Shadow: true, Message: "a large step"},
	}
	r := record(t, want)
	mustInsert(t, s, r, record(t, decision(2)))
	view(t, s, func(reader store.Reader) error {
		got, err := reader.Decision(want.ID)
		if err != nil {
			return err
		}
		wantRecord(t, got, r)
		if got, err = reader.DecisionByKey(r.Key()); err != nil {
			return err
		}
		wantRecord(t, got, r)
		input, err := reader.DecisionInput(want.ID)
		if !bytes.Equal(input, r.Input) {
			t.Errorf("got input %s, want %s", input, r.Input)
		}
		return err
	})
}

func notFound(t *testing.T, s store.Store) {
	mustInsert(t, s, record(t, decision(1)))
	view(t, s, func(r store.Reader) error {
		_, err := r.Decision("dec_999999")
		wantError(t, "Decision", err, policy.ErrNotFound)
		_, err = r.DecisionByKey(store.DecisionKey{Automation: "other", ChangeID: decision(1).ChangeID})
		wantError(t, "DecisionByKey", err, policy.ErrNotFound)
		_, err = r.DecisionInput("dec_999999")
		wantError(t, "DecisionInput", err, policy.ErrNotFound)
		_, err = r.Revision("sha256:none")
		wantError(t, "Revision", err, policy.ErrNotFound)
		page, err := r.ListDecisions(store.DecisionFilter{Account: "nobody"}, store.Page{})
		if len(page.Records) != 0 || page.Next != "" {
			t.Errorf("got %d records and next %q, want none", len(page.Records), page.Next)
		}
		return err
	})
	// Not finding something is an answer, not a failure: the transaction goes on.
	err := s.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.Decision("dec_000002")
		wantError(t, "Decision", err, policy.ErrNotFound)
		return tx.InsertDecisions([]store.DecisionRecord{record(t, decision(2))})
	})
	if err != nil || stored(t, s, 2, 3) != 1 {
		t.Errorf("insert after not finding: got error %v and %d stored, want 1", err, stored(t, s, 2, 3))
	}
}

// The largest batch there is, in one go, and its keys in one question.
func manyAtOnce(t *testing.T, s store.Store) {
	const count = 10_000
	mustInsert(t, s, recordsOf(t, 0, count)...)
	if got := stored(t, s, 0, count+500); got != count {
		t.Errorf("got %d decisions, want %d", got, count)
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Decision(decision(count - 1).ID)
		if err == nil {
			wantRecord(t, got, record(t, decision(count-1)))
		}
		input, inputErr := r.DecisionInput(decision(77).ID)
		if inputErr != nil || !bytes.Equal(input, record(t, decision(77)).Input) {
			t.Errorf("got input %s, error %v: inputs are mixed up", input, inputErr)
		}
		return err
	})
	if err := insert(t.Context(), s); err != nil {
		t.Errorf("insert of nothing: %v", err)
	}
}

func byKeys(t *testing.T, s store.Store) {
	other := decision(3)
	other.Automation = "pacer"
	other.ChangeID = decision(1).ChangeID // the same change id of another automation is another key
	records := []store.DecisionRecord{record(t, decision(1)), record(t, decision(2)), record(t, other)}
	mustInsert(t, s, records...)
	keys := []store.DecisionKey{
		records[2].Key(), records[0].Key(), records[0].Key(),
		{Automation: "bidder", ChangeID: "unknown"}, {Automation: "pacer", ChangeID: records[1].Key().ChangeID},
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.DecisionsByKeys(keys)
		if err != nil {
			return err
		}
		if len(got) != 2 {
			t.Errorf("got keys %v, want two", slices.Collect(maps.Keys(got)))
		}
		wantRecord(t, got[records[0].Key()], records[0])
		wantRecord(t, got[records[2].Key()], records[2])
		if got, err = r.DecisionsByKeys(nil); len(got) != 0 {
			t.Errorf("got %d records for no keys", len(got))
		}
		return err
	})
}

// Whoever comes second with a key is told so, and what is stored stays as it was.
func sameKey(t *testing.T, s store.Store) {
	first := record(t, decision(1))
	mustInsert(t, s, first)
	second := decision(2)
	second.ChangeID = first.Decision.ChangeID
	second.Verdict = policy.Block
	wantError(t, "second insert of a key", insert(t.Context(), s, record(t, decision(3)), record(t, second)), store.ErrConflict)
	view(t, s, func(r store.Reader) error {
		got, err := r.DecisionByKey(first.Key())
		if err == nil {
			wantRecord(t, got, first)
		}
		return err
	})
	if got := stored(t, s, 3, 4); got != 0 {
		t.Error("the rest of a refused batch was stored")
	}
	twice := decision(5)
	twice.ChangeID = decision(4).ChangeID
	wantError(t, "a key twice in one insert", insert(t.Context(), s, record(t, decision(4)), record(t, twice)), store.ErrConflict)
	if got := stored(t, s, 4, 5); got != 0 {
		t.Error("half of a refused batch was stored")
	}
}

// What is redeemed for a change is decided under a key of its own, and the first decision stays the one that the change is
// found by.
func redeemedDecisions(t *testing.T, s store.Store) {
	first, other := decision(1), decision(2)
	redeemed := func(id, permit string, of *policy.Decision) *policy.Decision {
		d := *of
		d.ID, d.Redeems, d.PermitID = id, "apr_1", permit
		return &d
	}
	allowed := decision(3) // the permit of an ALLOW is part of no key
	allowed.PermitID = "permit_3"
	records := []store.DecisionRecord{
		record(t, first), record(t, redeemed("dec_r1", "permit_1", first)), record(t, redeemed("dec_r2", "permit_2", first)),
		record(t, redeemed("dec_r3", "permit_1", other)), record(t, allowed),
	}
	mustInsert(t, s, records[:2]...)
	mustInsert(t, s, records[2:]...)
	wantError(t, "redeemed for the same permit", insert(t.Context(), s, record(t, redeemed("dec_r4", "permit_2", first))), store.ErrConflict)
	wantError(t, "the first again", insert(t.Context(), s, record(t, func() *policy.Decision { d := *first; d.ID = "dec_r5"; return &d }())), store.ErrConflict)
	view(t, s, func(r store.Reader) error {
		var keys []store.DecisionKey
		for _, want := range records {
			got, err := r.DecisionByKey(want.Key())
			if err != nil {
				t.Errorf("decision %s by key: %v", want.Decision.ID, err)
				continue
			}
			wantRecord(t, got, want)
			keys = append(keys, want.Key())
		}
		_, err := r.DecisionByKey(store.DecisionKey{Automation: "bidder", ChangeID: other.ChangeID})
		wantError(t, "a change that was only redeemed", err, policy.ErrNotFound)
		_, err = r.DecisionByKey(store.DecisionKey{Automation: "bidder", ChangeID: allowed.ChangeID, Redemption: "permit_3"})
		wantError(t, "a permit that was not redeemed", err, policy.ErrNotFound)
		got, err := r.DecisionsByKeys(append(keys, store.DecisionKey{Automation: "bidder", ChangeID: first.ChangeID, Redemption: "permit_9"}))
		if len(got) != len(records) {
			t.Errorf("got %d decisions by their keys, want %d", len(got), len(records))
		}
		for _, want := range records {
			if found := got[want.Key()]; found.Decision == nil || found.Decision.ID != want.Decision.ID {
				t.Errorf("by key %v: got %v, want decision %s", want.Key(), found.Decision, want.Decision.ID)
			}
		}
		page, listErr := r.ListDecisions(store.DecisionFilter{ChangeID: first.ChangeID}, store.Page{})
		if len(page.Records) != 3 {
			t.Errorf("listed %d decisions of the change, want 3", len(page.Records))
		}
		return errors.Join(err, listErr)
	})
}

func sameID(t *testing.T, s store.Store) {
	mustInsert(t, s, record(t, decision(1)))
	second := decision(2)
	second.ID = decision(1).ID
	wantError(t, "second insert of an id", insert(t.Context(), s, record(t, second)), store.ErrConflict)
}

func refused(t *testing.T, s store.Store) {
	changed := func(change func(*policy.Decision)) store.DecisionRecord {
		d := decision(1)
		change(d)
		return record(t, d)
	}
	for name, r := range map[string]store.DecisionRecord{
		"no decision":     {Encoded: []byte("{}")},
		"no encoding":     {Decision: decision(1)},
		"no id":           changed(func(d *policy.Decision) { d.ID = "" }),
		"no automation":   changed(func(d *policy.Decision) { d.Automation = "" }),
		"no change id":    changed(func(d *policy.Decision) { d.ChangeID = "" }),
		"long change id":  changed(func(d *policy.Decision) { d.ChangeID = strings.Repeat("x", store.MaxWord+1) }),
		"long entity id":  changed(func(d *policy.Decision) { d.Target.EntityID = strings.Repeat("x", store.MaxWord+1) }),
		"type is no text": changed(func(d *policy.Decision) { d.Target.EntityType = "\xff" }),
		"permit no text":  changed(func(d *policy.Decision) { d.PermitID = "a\x00b" }),
		"NUL in account":  changed(func(d *policy.Decision) { d.Target.Account = "a\x00b" }),
		"not UTF-8":       changed(func(d *policy.Decision) { d.BatchID = "\xff" }),
		"before 1970":     changed(func(d *policy.Decision) { d.DecidedAt = time.Time{} }),
		"rule is no text": changed(func(d *policy.Decision) { d.Findings = []policy.Finding{{Rule: "\xff"}} }),
	} {
		wantError(t, name, insert(t.Context(), s, record(t, decision(2)), r), policy.ErrInvalid)
	}
	if got := stored(t, s, 1, 3); got != 0 {
		t.Errorf("got %d decisions after refusals, want none", got)
	}
}

// What is stored is the bytes, not what they mean.
func bytesStay(t *testing.T, s store.Store) {
	r := record(t, decision(1))
	r.Encoded = slices.Concat([]byte("  \n"), r.Encoded, []byte("\t \n"))
	r.Input = []byte{0, 0xff, '"', '\n', 0}
	mustInsert(t, s, r)
	view(t, s, func(reader store.Reader) error {
		got, err := reader.DecisionByKey(r.Key())
		if !bytes.Equal(got.Encoded, r.Encoded) {
			t.Errorf("got record %q, want %q", got.Encoded, r.Encoded)
		}
		input, inputErr := reader.DecisionInput(r.Decision.ID)
		if inputErr != nil || !bytes.Equal(input, r.Input) {
			t.Errorf("got input %q, error %v, want %q", input, inputErr, r.Input)
		}
		return err
	})
}

func longTexts(t *testing.T, s store.Store) {
	d := decision(1)
	for _, word := range []*string{&d.ID, &d.Automation, &d.ChangeID, &d.BatchID, &d.Target.Account, &d.Target.Campaign, &d.Target.Platform, &d.Target.EntityType, &d.Target.EntityID} {
		*word = strings.Repeat("wörd'\"%_?", store.MaxWord/10)
	}
	d.Target.CampaignName = strings.Repeat("ü", 1<<20)
	r := record(t, d)
	r.Input = bytes.Repeat([]byte("0123456789abcdef"), 1<<19) // 8 MiB
	mustInsert(t, s, r)
	view(t, s, func(reader store.Reader) error {
		got, err := reader.DecisionByKey(r.Key())
		if err != nil {
			return err
		}
		wantRecord(t, got, r)
		page, err := reader.ListDecisions(store.DecisionFilter{Account: d.Target.Account, BatchID: d.BatchID}, store.Page{})
		if len(page.Records) != 1 {
			t.Errorf("listed %d decisions, want 1", len(page.Records))
		}
		input, inputErr := reader.DecisionInput(d.ID)
		if inputErr != nil || !bytes.Equal(input, r.Input) {
			t.Errorf("got an input of %d bytes, error %v, want %d", len(input), inputErr, len(r.Input))
		}
		return err
	})
}

func noInput(t *testing.T, s store.Store) {
	r, empty := record(t, decision(1)), record(t, decision(2))
	r.Input, empty.Input = nil, []byte{}
	mustInsert(t, s, r, empty)
	view(t, s, func(reader store.Reader) error {
		_, err := reader.DecisionInput(r.Decision.ID)
		wantError(t, "DecisionInput", err, policy.ErrNotFound)
		_, err = reader.DecisionInput(empty.Decision.ID)
		wantError(t, "DecisionInput of an empty one", err, policy.ErrNotFound)
		_, err = reader.Decision(r.Decision.ID)
		return err
	})
}
