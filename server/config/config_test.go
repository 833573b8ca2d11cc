package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/server/config"
)

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bidrail.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	got, err := config.Load("", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := config.Config{
		Listen: "127.0.0.1:7443", Data: "bidrail-data", Log: config.Log{Level: "info", Format: "text"},
		Evaluation: config.Evaluation{Deadline: 250 * time.Millisecond, Evaluator: "plan"}, Permit: config.Permit{Life: time.Minute, ReportWithin: 10 * time.Minute},
		Drain: 10 * time.Second,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(config.Default(), got); diff != "" {
		t.Errorf("Default and an empty Load differ:\n%s", diff)
	}
}

func TestEverySetting(t *testing.T) {
	want := config.Config{
		Listen: "[::1]:1", HTTP: "localhost:2", Data: "/d", Policy: "/p", Log: config.Log{Level: "debug", Format: "json"},
		Evaluation: config.Evaluation{Deadline: time.Second, Evaluator: "topdown"}, Permit: config.Permit{Life: 30 * time.Second, ReportWithin: time.Hour}, Drain: 2 * time.Minute,
		Notify: config.Notify{Link: "https://b", AllowPrivate: []string{"10.1.0.0/16"}},
	}
	for name, load := range map[string]func() (config.Config, error){
		"file": func() (config.Config, error) {
			return config.Load(write(t, `
listen: "[::1]:1"
http: localhost:2
data: /d
policy: /p
log: {level: debug, format: json}
evaluation: {deadline: 1s, evaluator: topdown}
permit: {life: 30s, report_within: 1h}
drain: 2m
notify: {link: "https://b", allow_private: [10.1.0.0/16]}
`), nil, nil)
		},
		"environment": func() (config.Config, error) {
			return config.Load("", []string{
				"BIDRAIL_LISTEN=[::1]:1", "BIDRAIL_HTTP=localhost:2", "BIDRAIL_DATA=/d", "BIDRAIL_POLICY=/p", "BIDRAIL_LOG_LEVEL=debug",
				"BIDRAIL_LOG_FORMAT=json", "BIDRAIL_EVALUATION_DEADLINE=1s", "BIDRAIL_EVALUATION_EVALUATOR=topdown", "BIDRAIL_PERMIT_LIFE=30s", "BIDRAIL_PERMIT_REPORT_WITHIN=1h", "BIDRAIL_DRAIN=2m", "BIDRAIL_NOTIFY_LINK=https://b",
				"BIDRAIL_NOTIFY_ALLOW_PRIVATE=10.1.0.0/16", "PATH=/bin", "OTHER_LISTEN=0.0.0.0:1",
			}, nil)
		},
		"flags": func() (config.Config, error) {
			return config.Load("", nil, map[string]any{
				"listen": "[::1]:1", "http": "localhost:2", "data": "/d", "policy": "/p", "log.level": "debug", "log.format": "json",
				"evaluation.deadline": "1s", "evaluation.evaluator": "topdown", "permit.life": "30s", "permit.report_within": "1h", "drain": "2m", "notify.link": "https://b", "notify.allow_private": []string{"10.1.0.0/16"},
			})
		},
	} {
		got, err := load()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// Caps are taken as they are written; what they mean is not this package's to know.
func TestCaps(t *testing.T) {
	got, err := config.Load(write(t, `
caps:
  - {name: daily rise, scope: account, window: 24h, measure: net_rise, kinds: [daily_budget, shared_budget], limit: 100000.00 USD}
  - {name: changes, scope: automation, window: 1h, measure: count, limit: 5000}
  - name: ratios
    scope: campaign
    window: 7d
    measure: moved
    kinds: [target_roas]
    limit: 30%
`), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []config.Cap{
		{Name: "daily rise", Scope: "account", Window: "24h", Measure: "net_rise", Kinds: []string{"daily_budget", "shared_budget"}, Limit: "100000.00 USD"},
		{Name: "changes", Scope: "automation", Window: "1h", Measure: "count", Limit: "5000"},
		{Name: "ratios", Scope: "campaign", Window: "7d", Measure: "moved", Kinds: []string{"target_roas"}, Limit: "30%"},
	}
	if diff := cmp.Diff(want, got.Caps); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// The file is the least, flags are the most.
func TestPrecedence(t *testing.T) {
	file := write(t, "data: file\npolicy: file\nlog: {level: debug, format: json}\n")
	got, err := config.Load(file, []string{"BIDRAIL_POLICY=environment", "BIDRAIL_LOG_LEVEL=warn", "BIDRAIL_HTTP=127.0.0.1:5"},
		map[string]any{"log.level": "error", "http": "127.0.0.1:6"})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Data, want.Policy, want.Log, want.HTTP = "file", "environment", config.Log{Level: "error", Format: "json"}, "127.0.0.1:6"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		file    string
		environ []string
		holds   []string
	}{
		"unknown key":           {"lissten: 127.0.0.1:1\n", nil, []string{"lissten"}},
		"unknown key within":    {"log: {levle: debug}\n", nil, []string{"levle"}},
		"unknown environment":   {"", []string{"BIDRAIL_LISSTEN=127.0.0.1:1"}, []string{"lissten"}},
		"all interfaces":        {"listen: 0.0.0.0:7443\n", nil, []string{"listen", "127.0.0.1", "other machines"}},
		"no host":               {"listen: :7443\n", nil, []string{"listen", "127.0.0.1"}},
		"other interface":       {"http: 192.168.0.7:80\n", nil, []string{"http", "127.0.0.1"}},
		"a name":                {"listen: bidrail.example:7443\n", nil, []string{"listen", "127.0.0.1"}},
		"all of IPv6":           {"listen: \"[::]:7443\"\n", nil, []string{"listen", "[::1]"}},
		"no port":               {"listen: 127.0.0.1\n", nil, []string{"listen", "127.0.0.1:7443"}},
		"no data":               {"data: \"\"\n", nil, []string{"data"}},
		"level":                 {"log: {level: loud}\n", nil, []string{"log.level", "loud", "trace"}},
		"format":                {"log: {format: xml}\n", nil, []string{"log.format", "xml"}},
		"no deadline":           {"evaluation: {deadline: 0s}\n", nil, []string{"evaluation.deadline"}},
		"negative deadline":     {"", []string{"BIDRAIL_EVALUATION_DEADLINE=-1s"}, []string{"evaluation.deadline"}},
		"unknown evaluator":     {"evaluation: {evaluator: wasm}\n", nil, []string{"evaluation.evaluator", "plan or topdown"}},
		"no permit life":        {"permit: {life: 0s}\n", nil, []string{"permit.life"}},
		"no time to report":     {"permit: {report_within: -1s}\n", nil, []string{"permit.report_within"}},
		"unknown key of a cap":  {"caps: [{name: a, limmit: 5}]\n", nil, []string{"limmit"}},
		"caps in one name":      {"caps: [{name: a}, {name: b}, {name: a}]\n", nil, []string{`caps[2].name: "a" is the name of caps[0] too`}},
		"caps that are no list": {"", []string{"BIDRAIL_CAPS=100"}, []string{"caps"}},
		// A number with a point is on its way through a float; 100000.00 would come out as 100000.
		"a limit that is a float": {"caps: [{name: a, limit: 100000.00}]\n", nil, []string{"limit", "in quotes"}},
		"a huge limit":            {"caps: [{name: a, limit: 123456789012345678901234567890}]\n", nil, []string{"limit", "in quotes"}},
		"negative drain":          {"drain: -1s\n", nil, []string{"drain"}},
		"a duration of nothing":   {"drain: soon\n", nil, []string{"soon"}},
		// A number without a unit would be taken for nanoseconds.
		"no unit":   {"evaluation: {deadline: 250}\n", nil, []string{"deadline", "250ms"}},
		"not YAML":  {"listen: [\n", nil, []string{"bidrail.yaml"}},
		"no object": {"- listen\n", nil, []string{"bidrail.yaml"}},
		"all at once": {"listen: 0.0.0.0:1\nhttp: 0.0.0.0:2\ndata: \"\"\nlog: {level: loud, format: xml}\nevaluation: {deadline: -1s}\npermit: {life: 0s, report_within: 0s}\ndrain: -1s\n", nil,
			[]string{"listen", "http", "data", "log.level", "log.format", "evaluation.deadline", "permit.life", "permit.report_within", "drain"}},
		"unknown keys and more": {"lissten: x\nlog: {levle: x}\ndrain: soon\nhttp: 0.0.0.0:2\n", nil, []string{"lissten", "levle", "soon", "http"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Load(write(t, test.file), test.environ, nil)
			if err == nil {
				t.Fatal("it is taken")
			}
			for _, part := range test.holds {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("the error lacks %q: %v", part, err)
				}
			}
		})
	}
	if _, err := config.Load(filepath.Join(t.TempDir(), "none.yaml"), nil, nil); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a file that is not there: got %v", err)
	}
}

func TestLoopback(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "127.8.9.1:80", "[::1]:7443", "localhost:7443", "[::ffff:127.0.0.1]:1"} {
		if _, err := config.Load("", nil, map[string]any{"listen": address}); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
}
