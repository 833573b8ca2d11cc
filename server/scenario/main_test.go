package scenario

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"go.uber.org/goleak"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/keys"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store/sqlite"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// load compiles the shipped pack, but for its scenarios, with some files changed.
func load(t *testing.T, changed map[string]string) *server.Policy {
	t.Helper()
	files := servertest.Pack(t, changed).(fstest.MapFS)
	for name := range files {
		if filepath.Dir(name) == "scenarios" && changed[name] == "" {
			delete(files, name)
		}
	}
	return servertest.Load(t, files)
}

// read is the scenarios of a policy, all of them readable.
func read(t *testing.T, loaded *server.Policy) []*Scenario {
	t.Helper()
	scenarios, err := Read(loaded.Engine)
	if err != nil {
		t.Fatal(err)
	}
	return scenarios
}

// loadAll compiles the shipped pack once with all these scenarios, and gives the name of each by its file.
func loadAll(t *testing.T, contents map[string]string) (loaded *server.Policy, names map[string]string) {
	t.Helper()
	files, names := map[string]string{}, map[string]string{}
	for i, name := range slices.Sorted(maps.Keys(contents)) {
		file := fmt.Sprintf("scenarios/%02d.yaml", i)
		files[file], names[file] = contents[name], name
	}
	return load(t, files), names
}

// play plays a scenario on a server of its own.
func play(t *testing.T, loaded *server.Policy, s *Scenario) (*Failure, error) {
	t.Helper()
	folder := t.TempDir()
	clock := NewClock(s.Starts)
	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(folder, "bidrail.db"), Now: clock.Now, Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := records.Close(); err != nil {
			t.Error(err)
		}
	}()
	keyring, err := keys.Open(filepath.Join(folder, "keys.json"), s.Starts)
	if err != nil {
		t.Fatal(err)
	}
	on, err := server.New(t.Context(), server.Config{Store: records, Policy: s.Policy(loaded), Now: clock.Now, Keys: keyring, CommitTimeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return s.Run(t.Context(), on, clock)
}

// scenario is a file with these steps, one daily budget after the other.
func scenario(steps string) string {
	return "title: a test\nstory: it is one\nsource: tests\n" +
		"defaults: {kind: daily_budget, platform: google_ads, account: example, campaign: \"101\"}\nsteps:\n" + strings.TrimPrefix(steps, "\n")
}

func dollars(units int64) policy.Value { return policy.MoneyValue(units*1_000_000, "USD") }
