package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/policy/mode"
	"github.com/bidrail/bidrail/store"
)

func setting(scope ledger.Scope, to policy.Mode, epoch int64) mode.Setting {
	return mode.Setting{Scope: scope, Mode: to, Epoch: epoch, Reason: fmt.Sprint("reason ", epoch), By: "ops", At: start.Add(time.Duration(epoch) * time.Second)}
}

func setMode(t *testing.T, s store.Store, setting mode.Setting) error {
	t.Helper()
	return s.Update(t.Context(), func(tx store.Tx) error { return tx.SetMode(setting) })
}

func wantModes(t *testing.T, s store.Store, epoch int64, want ...mode.Setting) {
	t.Helper()
	view(t, s, func(r store.Reader) error {
		got, err := r.Modes()
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("modes (-want +got):\n%s", difference)
		}
		newest, epochErr := r.ModeEpoch()
		if newest != epoch {
			t.Errorf("got epoch %d, want %d", newest, epoch)
		}
		return errors.Join(err, epochErr)
	})
}

func modes(t *testing.T, s store.Store) {
	wantModes(t, s, 0)
	organisation, account := ledger.OrganisationScope(), ledger.AccountScope("meta", "a/1 #7")
	first := setting(account, policy.ModeHalted, 1)
	second := setting(organisation, policy.ModeReduceOnly, 2)
	third := setting(account, policy.ModeActive, 3)
	for _, each := range []mode.Setting{first, second} {
		if err := setMode(t, s, each); err != nil {
			t.Fatal(err)
		}
	}
	wantModes(t, s, 2, second, first)
	mustUpdate(t, s, func(tx store.Tx) error {
		if err := tx.SetMode(third); err != nil {
			return err
		}
		epoch, err := tx.ModeEpoch()
		if epoch != 3 {
			t.Errorf("in the same Update: got epoch %d, want 3", epoch)
		}
		return err
	})
	wantModes(t, s, 3, third, second)

	nobody := setting(account, policy.ModeActive, 4)
	nobody.By = ""
	for name, test := range map[string]struct {
		setting mode.Setting
		want    error
	}{
		"an epoch again":       {setting(account, policy.ModeHalted, 3), store.ErrConflict},
		"the first again":      {first, store.ErrConflict},
		"an epoch left out":    {setting(account, policy.ModeHalted, 5), store.ErrConflict},
		"no epoch":             {setting(account, policy.ModeHalted, 0), policy.ErrInvalid},
		"a scope that is long": {setting(ledger.AutomationScope(longName), policy.ModeHalted, 4), policy.ErrInvalid},
		"nobody":               {nobody, policy.ErrInvalid},
	} {
		wantError(t, name, setMode(t, s, test.setting), test.want)
	}
	mine := errors.New("changed my mind")
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.SetMode(setting(organisation, policy.ModeActive, 4)), mine)
	})
	wantError(t, "Update", err, mine)
	wantModes(t, s, 3, third, second)
}

// However many switch at once, each epoch is one switch, and nobody's is overwritten unread.
func manySetModes(t *testing.T, s store.Store) {
	// Few: with n of them each switch that is stored is a conflict for up to n-1.
	const many, each = 16, 5
	together(many, func(n int) {
		scope := ledger.AutomationScope(fmt.Sprint(n % 8))
		for done := 0; done < each; {
			var epoch int64
			err := s.View(t.Context(), func(r store.Reader) (err error) { epoch, err = r.ModeEpoch(); return err })
			if err != nil {
				t.Error(err)
				return
			}
			switch err := setMode(t, s, setting(scope, policy.ModeHalted, epoch+1)); {
			case err == nil:
				done++
			case !errors.Is(err, store.ErrConflict):
				t.Errorf("got error %v, want a conflict", err)
				return
			}
		}
	})
	view(t, s, func(r store.Reader) error {
		epoch, err := r.ModeEpoch()
		if epoch != many*each {
			t.Errorf("got epoch %d after %d switches", epoch, many*each)
		}
		settings, modesErr := r.Modes()
		if len(settings) != 8 || settings[0].Epoch != epoch {
			t.Errorf("got the modes of %d scopes, want 8, the newest first", len(settings))
		}
		return errors.Join(err, modesErr)
	})
}
