// Package mode is the kill switch: what a scope lets through, from everything to nothing. Start with
// [Over], which says what holds for a change from the modes of all its scopes.
//
// Each change of a mode takes the next epoch, a number that only grows. Whoever was promised
// something under an older epoch asks again: that is how one switch makes every unclaimed permit of a
// scope unusable at once, without finding them.
package mode

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
)

// Setting is the mode of one scope, as it was last set. A scope that was never set is active.
type Setting struct {
	Scope  ledger.Scope
	Mode   policy.Mode
	Epoch  int64 // over all scopes; the first setting ever has 1
	Reason string
	By     string // the subject of the credentials
	At     time.Time
}

// MaxReason is how long, in bytes, a reason can be.
const MaxReason = 1024

// Validate says what is wrong with a setting that somebody asks for.
func (s Setting) Validate() error {
	switch {
	case s.Scope.Kind == ledger.Field || s.Scope.Kind == ledger.Run:
		return fmt.Errorf("%w: a mode is of an ad group or of something wider, not of a %s", policy.ErrInvalid, s.Scope.Kind)
	case s.Scope.Kind < ledger.Field || s.Scope.Kind > ledger.Organisation:
		return fmt.Errorf("%w: a mode is of a scope, such as organisation or account/google_ads/100", policy.ErrInvalid)
	case s.Mode > policy.ModeHalted:
		return fmt.Errorf("%w: there is no mode %v", policy.ErrInvalid, s.Mode)
	case strings.TrimSpace(s.Reason) == "":
		return fmt.Errorf("%w: say why the mode is changed; whoever is stopped by it will read that", policy.ErrInvalid)
	case len(s.Reason) > MaxReason:
		return fmt.Errorf("%w: the reason has %d bytes, more than %d", policy.ErrInvalid, len(s.Reason), MaxReason)
	}
	return nil
}

// String says what was set, for whoever is stopped by it.
func (s Setting) String() string {
	if s.Epoch == 0 {
		return "no mode is set any more"
	}
	return fmt.Sprintf("%s was set to %s at %s: %s", s.Scope, s.Mode, s.At.UTC().Format(time.RFC3339), s.Reason)
}

// Standing is what holds for something that is in several scopes.
type Standing struct {
	Mode   policy.Mode
	Epoch  int64   // the newest of any of its scopes; 0: none was ever set
	By     Setting // the setting that is strictest, the newest of several; zero when none was ever set
	Newest Setting // the setting with that epoch
}

// Over is the standing of what is in all these scopes: the strictest mode and the newest epoch.
// Settings of other scopes do not count.
func Over(scopes []ledger.Scope, settings map[ledger.Scope]Setting) Standing {
	var standing Standing
	for _, scope := range scopes {
		setting, found := settings[scope]
		if !found {
			continue
		}
		if setting.Epoch > standing.Epoch {
			standing.Epoch, standing.Newest = setting.Epoch, setting
		}
		if setting.Mode > standing.Mode || setting.Mode == standing.Mode && setting.Epoch > standing.By.Epoch {
			standing.Mode, standing.By = setting.Mode, setting
		}
	}
	return standing
}

// Admits reports whether a change of that direction may be made: all in active, only cuts in
// reduce_only, none in halted.
func (s Standing) Admits(direction policy.Direction) bool {
	switch s.Mode {
	case policy.ModeActive:
		return true
	case policy.ModeReduceOnly:
		return direction == policy.Cut
	default:
		return false
	}
}

// Encode is the stored form of the setting, which its leaf in the log stands for.
func (s Setting) Encode() ([]byte, error) {
	return json.Marshal(record{s.Scope, s.Mode.String(), s.Epoch, s.Reason, s.By, s.At})
}

// Decode reads what [Setting.Encode] wrote.
func Decode(encoded []byte) (Setting, error) {
	var r record
	if err := json.Unmarshal(encoded, &r); err != nil {
		return Setting{}, fmt.Errorf("record of a mode: %w", err)
	}
	mode, err := policy.ParseMode(r.Mode)
	if err != nil {
		return Setting{}, fmt.Errorf("record of a mode: %w", err)
	}
	return Setting{r.Scope, mode, r.Epoch, r.Reason, r.By, r.At}, nil
}

type record struct {
	Scope  ledger.Scope `json:"scope"`
	Mode   string       `json:"mode"`
	Epoch  int64        `json:"epoch"`
	Reason string       `json:"reason"`
	By     string       `json:"by"`
	At     time.Time    `json:"at"`
}
