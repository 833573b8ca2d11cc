package experiment

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/limits"
)

// record is an experiment as it is written: in data.experiments, in the registry, and in the files that people apply.
type record struct {
	Name           string               `json:"name,omitempty"`
	Type           string               `json:"type"`
	Platform       string               `json:"platform,omitempty"`
	Account        string               `json:"account,omitempty"`
	Owner          string               `json:"owner"`
	Hypothesis     string               `json:"hypothesis,omitempty"`
	Metric         string               `json:"metric,omitempty"`
	BaselineStarts time.Time            `json:"baseline_starts,omitzero"`
	Starts         time.Time            `json:"starts"`
	Ends           time.Time            `json:"ends"`
	CooldownEnds   time.Time            `json:"cooldown_ends,omitzero"`
	PurchaseCycle  string               `json:"purchase_cycle,omitempty"` // such as 21d
	State          string               `json:"state,omitempty"`
	Sync           bool                 `json:"sync,omitempty"`
	FrozenFields   []policy.Kind        `json:"frozen_fields,omitzero"` // [] is not the same as left out
	Envelope       []envelopeRecord     `json:"envelope,omitempty"`
	Arms           map[string]armRecord `json:"arms"`
}

type armRecord struct {
	Control   bool              `json:"control,omitempty"`
	Split     string            `json:"split,omitempty"` // such as 50%
	Campaigns []string          `json:"campaigns,omitempty"`
	AdGroups  []string          `json:"ad_groups,omitempty"`
	Labels    map[string]string `json:"labels,omitempty"`
	Geos      []string          `json:"geos,omitempty"`
	Audiences []string          `json:"audiences,omitempty"`
}

type envelopeRecord struct {
	Kind  policy.Kind `json:"kind"`
	Share string      `json:"share,omitempty"` // such as 20%
	Most  string      `json:"most,omitempty"`  // such as 150.00 USD or 120%
}

// Decode reads data.experiments, sorted by id. The error names the experiment and what it lacks.
func Decode(document any) ([]Experiment, error) {
	if document == nil {
		return nil, nil
	}
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("%w: data.experiments: %v", policy.ErrRevision, err)
	}
	var records map[string]json.RawMessage
	if err := decodeStrictly(encoded, &records); err != nil {
		return nil, fmt.Errorf("%w: data.experiments: %s", policy.ErrRevision, problem(err))
	}
	var experiments []Experiment
	for _, id := range slices.Sorted(maps.Keys(records)) {
		var r record
		if err := decodeStrictly(records[id], &r); err != nil {
			return nil, fmt.Errorf("%w: data.experiments.%s: %s", policy.ErrRevision, id, problem(err))
		}
		each, err := r.experiment(id)
		if err != nil {
			return nil, fmt.Errorf("%w: data.experiments.%s: %v", policy.ErrRevision, id, err)
		}
		experiments = append(experiments, each)
	}
	return experiments, nil
}

// DecodeEntry reads one experiment as the registry keeps it, in the same words as data.experiments.
func DecodeEntry(id string, body []byte) (Experiment, error) {
	var r record
	if err := decodeStrictly(body, &r); err != nil {
		return Experiment{}, fmt.Errorf("%w: experiment %s: %s", policy.ErrInvalid, id, problem(err))
	}
	each, err := r.experiment(id)
	if err != nil {
		return Experiment{}, fmt.Errorf("%w: experiment %s: %v", policy.ErrInvalid, id, err)
	}
	return each, nil
}

func decodeStrictly(encoded []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the record")
	}
	return nil
}

// problem says what is wrong with a record without the words of package json.
func problem(err error) string {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		advice := ""
		if wrong.Type.Kind() == reflect.String {
			advice = "; write it in quotes"
		}
		return fmt.Sprintf("%s cannot be a %s%s", cmp.Or(wrong.Field, "it"), wrong.Value, advice)
	}
	if wrong, ok := errors.AsType[*time.ParseError](err); ok {
		return fmt.Sprintf("%s is no time; write 2026-03-02T00:00:00Z, since a day alone does not say whether it is in or out", strings.Trim(wrong.Value, `"`))
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// Encode writes the experiment in the words that [DecodeEntry] reads. It is refused when it could not be read again.
func (e *Experiment) Encode() ([]byte, error) {
	r := record{Name: e.Name, Type: e.Type, Platform: e.Platform, Account: e.Account, Owner: e.Owner, Hypothesis: e.Hypothesis, Metric: e.Metric,
		BaselineStarts: e.BaselineStarts.UTC(), Starts: e.Starts.UTC(), Ends: e.Ends.UTC(), CooldownEnds: e.CooldownEnds.UTC(),
		State: e.State, Sync: e.Sync, FrozenFields: e.FrozenFields, Arms: make(map[string]armRecord, len(e.Arms))}
	if e.PurchaseCycle != 0 {
		if e.PurchaseCycle%time.Second != 0 {
			return nil, fmt.Errorf("%w: experiment %s: purchase_cycle is %v; it is whole seconds", policy.ErrInvalid, e.ID, e.PurchaseCycle)
		}
		r.PurchaseCycle = limits.Value{Type: limits.Duration, Amount: int64(e.PurchaseCycle / time.Second)}.String()
	}
	for _, each := range e.Envelope {
		written := envelopeRecord{Kind: each.Kind}
		if each.SharePPM != 0 {
			written.Share = ratioText(each.SharePPM)
		}
		switch each.Most.Form {
		case policy.Missing:
		case policy.Money:
			written.Most = limits.Value{Type: limits.Money, Amount: each.Most.Amount, Currency: each.Most.Currency}.String()
		case policy.Ratio:
			written.Most = ratioText(each.Most.Amount)
		default:
			return nil, fmt.Errorf("%w: experiment %s: the most that its envelope lets through is %v; it is money or a ratio", policy.ErrInvalid, e.ID, each.Most)
		}
		r.Envelope = append(r.Envelope, written)
	}
	for _, arm := range e.Arms {
		if _, twice := r.Arms[arm.Name]; twice {
			return nil, fmt.Errorf("%w: experiment %s: two arms are called %q", policy.ErrInvalid, e.ID, arm.Name)
		}
		written := armRecord{Control: arm.Control, Campaigns: arm.Campaigns, AdGroups: arm.AdGroups, Labels: arm.Labels, Geos: arm.Geos, Audiences: arm.Audiences}
		if arm.SplitPPM != 0 {
			written.Split = ratioText(arm.SplitPPM)
		}
		r.Arms[arm.Name] = written
	}
	body, err := json.Marshal(r)
	if err == nil {
		_, err = DecodeEntry(e.ID, body)
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}

func ratioText(ppm int64) string { return limits.Value{Type: limits.Ratio, Amount: ppm}.String() }

func (r record) experiment(id string) (Experiment, error) {
	e := Experiment{ID: id, Name: r.Name, Type: r.Type, Platform: r.Platform, Account: r.Account, Owner: r.Owner, Hypothesis: r.Hypothesis, Metric: r.Metric,
		BaselineStarts: r.BaselineStarts, Starts: r.Starts, Ends: r.Ends, CooldownEnds: r.CooldownEnds, State: r.State, Sync: r.Sync, FrozenFields: r.FrozenFields}
	switch {
	case !slices.Contains([]string{"ab", "geo_holdout", "audience_holdout", "lift", "incrementality"}, r.Type):
		return e, fmt.Errorf("type is %q; it is ab, geo_holdout, audience_holdout, lift or incrementality", r.Type)
	case !slices.Contains([]string{"", Draft, Aborted, Concluded}, r.State):
		return e, fmt.Errorf("state is %q; dates decide the state, and only draft, aborted and concluded can be set", r.State)
	case r.Owner == "":
		return e, errors.New("owner is missing: who answers for the test?")
	case r.Sync && r.Type != "ab":
		return e, fmt.Errorf("sync is for type ab, where the platform copies edits of the control to the others; this is %s", r.Type)
	case r.Account != "" && r.Platform == "":
		return e, errors.New("platform is missing: on which is the account?")
	case r.Starts.IsZero() || !r.Ends.After(r.Starts):
		return e, errors.New("starts and ends must be times such as 2026-03-02T00:00:00Z, the end after the start")
	case !r.BaselineStarts.IsZero() && !r.BaselineStarts.Before(r.Starts):
		return e, errors.New("baseline_starts must be before starts")
	case !r.CooldownEnds.IsZero() && r.CooldownEnds.Before(r.Ends):
		return e, errors.New("cooldown_ends must not be before ends")
	case len(r.Arms) == 0:
		return e, errors.New("there are no arms, so it would touch nothing")
	}
	var err error
	if e.PurchaseCycle, err = readCycle(r.PurchaseCycle); err != nil {
		return e, err
	}
	if e.Envelope, err = readEnvelope(r.Envelope); err != nil {
		return e, err
	}
	e.Arms, err = readArms(r.Arms)
	return e, err
}

// maxCycle bounds a purchase cycle, so that times that follow from it can be said.
const maxCycle = 10 * 365 * 24 * time.Hour

func readCycle(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	cycle, err := limits.ParseValue(limits.Duration, text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("purchase_cycle: %w", err)
	case cycle.Unlimited || cycle.Amount == 0 || cycle.Amount > int64(maxCycle/time.Second):
		return 0, fmt.Errorf("purchase_cycle is %s; write a time such as 21d, at most ten years", text)
	}
	return time.Duration(cycle.Amount) * time.Second, nil
}

func readEnvelope(records []envelopeRecord) ([]Envelope, error) {
	var read []Envelope
	for i, r := range records {
		each := Envelope{Kind: r.Kind}
		switch {
		case !r.Kind.Known():
			return nil, fmt.Errorf("envelope[%d] has no kind", i)
		case slices.ContainsFunc(read, func(other Envelope) bool { return other.Kind == r.Kind }):
			return nil, fmt.Errorf("envelope[%d]: %v is there twice; which one holds?", i, r.Kind)
		case r.Share == "" && r.Most == "":
			return nil, fmt.Errorf("envelope[%d] has neither share nor most, so it would let any %v through", i, r.Kind)
		}
		if r.Share != "" {
			share, err := readRatio(r.Share)
			if err != nil || share == 0 {
				return nil, fmt.Errorf("envelope[%d].share is %q; write a percentage such as 20%%", i, r.Share)
			}
			each.SharePPM = share
		}
		if r.Most != "" {
			most, err := readAmount(r.Most)
			if err != nil {
				return nil, fmt.Errorf("envelope[%d].most is %q; write a sum such as 150.00 USD, or a percentage such as 120%%", i, r.Most)
			}
			each.Most = most
		}
		read = append(read, each)
	}
	slices.SortFunc(read, func(a, b Envelope) int { return int(a.Kind) - int(b.Kind) })
	return read, nil
}

func readRatio(text string) (int64, error) {
	ratio, err := limits.ParseValue(limits.Ratio, text)
	if err == nil && ratio.Unlimited {
		err = errors.New("unlimited is no share")
	}
	return ratio.Amount, err
}

func readAmount(text string) (policy.Value, error) {
	if strings.HasSuffix(text, "%") {
		ppm, err := readRatio(text)
		return policy.RatioValue(ppm), err
	}
	amount, err := limits.ParseValue(limits.Money, text)
	if err == nil && amount.Unlimited {
		err = errors.New("unlimited is no amount")
	}
	return policy.MoneyValue(amount.Amount, amount.Currency), err
}

// whole is all of a split.
const whole = 1_000_000

func readArms(records map[string]armRecord) ([]Arm, error) {
	var (
		arms   []Arm
		splits int
		sum    int64
		taken  = map[[2]string]string{} // by which arm, of what and which
	)
	for _, name := range slices.Sorted(maps.Keys(records)) {
		r := records[name]
		arm := Arm{Name: name, Control: r.Control, Campaigns: r.Campaigns, AdGroups: r.AdGroups, Labels: r.Labels, Geos: r.Geos, Audiences: r.Audiences}
		if name == "" {
			return nil, errors.New("an arm has no name")
		}
		if len(arm.Campaigns)+len(arm.AdGroups)+len(arm.Labels)+len(arm.Geos)+len(arm.Audiences) == 0 {
			return nil, fmt.Errorf("the arm %s has no campaigns, ad_groups, labels, geos or audiences, so nothing would be in it", name)
		}
		for what, ids := range arm.units() {
			for _, id := range ids {
				if id == "" {
					return nil, fmt.Errorf("the arm %s has an empty id among its %ss", name, what)
				}
				if other, twice := taken[[2]string{what, id}]; twice {
					return nil, fmt.Errorf("the %s %s is in the arms %s and %s; it can be on one side only", what, id, other, name)
				}
				taken[[2]string{what, id}] = name
			}
		}
		if r.Split != "" {
			split, err := readRatio(r.Split)
			if err != nil || split == 0 || split > whole {
				return nil, fmt.Errorf("split of the arm %s is %q; write a percentage such as 50%%", name, r.Split)
			}
			arm.SplitPPM = split
			sum += split
			splits++
		}
		arms = append(arms, arm)
	}
	if splits > 0 && (splits < len(arms) || sum != whole) {
		return nil, fmt.Errorf("the splits of the arms add up to %s, and %d of %d arms have one; give all of them one, 100%% together, or none",
			ratioText(sum), splits, len(arms))
	}
	return arms, nil
}

// units is what is in the arm by name, by what it is.
func (a *Arm) units() map[string][]string {
	return map[string][]string{"campaign": a.Campaigns, "ad group": a.AdGroups, "geo": a.Geos, "audience": a.Audiences}
}
