// Package config is the server's configuration: one struct, read from a file, then the environment,
// then flags, the later over the earlier. Start with [Load].
package config

import (
	"errors"
	"fmt"
	"net"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/file"
	"github.com/knadh/koanf/v2"

	"github.com/bidrail/bidrail/policy"
)

// Config is all settings. Their names in a file are the tags; in the environment BIDRAIL_ and the
// name in capitals with _ for the dots, such as BIDRAIL_LOG_LEVEL.
type Config struct {
	// Listen is the address of the gRPC door. Loopback only, until identity can be configured.
	// Default 127.0.0.1:7443.
	Listen string `koanf:"listen"`
	// HTTP is the address of the JSON door, for tools that speak no gRPC, with /healthz and /readyz.
	// Empty, the default: no such door.
	HTTP string `koanf:"http"`
	// Data is the folder of the embedded store. Default ./bidrail-data.
	Data string `koanf:"data"`
	// Policy is a folder or a bundle.tar.gz of rules and limits. Empty, the default: the shipped pack.
	Policy string `koanf:"policy"`
	// Log says what is logged and how.
	Log Log `koanf:"log"`
	// Evaluation bounds what rules may take.
	Evaluation Evaluation `koanf:"evaluation"`
	// Permit bounds how long a permit is good for.
	Permit Permit `koanf:"permit"`
	// Caps are your own limits over time, which no policy revision lifts: what they have no room for is blocked (ledger.cap).
	// Only in a file. Default: none.
	Caps []Cap `koanf:"caps"`
	// Notify says who is told of approvals. Default: nobody.
	Notify Notify `koanf:"notify"`
	// Drain is how long calls under way may go on when the server is told to stop. Default 10s.
	Drain time.Duration `koanf:"drain"`
}

// Log says what is logged and how.
type Log struct {
	// Level is trace, debug, info, warn or error. Default info: one line per decision.
	Level string `koanf:"level"`
	// Format is text or json. Default text.
	Format string `koanf:"format"`
}

// Evaluation bounds what rules may take.
type Evaluation struct {
	// Deadline is for all rules of one change together. What takes longer is blocked. Default 250ms.
	Deadline time.Duration `koanf:"deadline"`
	// Evaluator runs the rules: plan, which is compiled Go and says what is not there, or topdown, which is OPA's own and slower.
	// A policy that plan cannot run falls back to topdown, and the server says so when it is loaded. Default plan.
	Evaluator string `koanf:"evaluator"`
}

// Permit bounds how long a permit is good for.
type Permit struct {
	// Life is how long a permit can be claimed after the decision. What is not claimed by then gives back what was held for
	// it. Default 60s.
	Life time.Duration `koanf:"life"`
	// ReportWithin is how long after its claim a permit waits for the report. From then on its outcome counts as unknown,
	// and what was held for it stays held until somebody reports. Default 10m.
	ReportWithin time.Duration `koanf:"report_within"`
}

// Cap is the most that may move within a window in every scope of one kind, such as:
//
//	{name: daily budget rise, scope: account, window: 24h, measure: net_rise, kinds: [daily_budget, shared_budget], limit: "100000.00 USD"}
//	{name: changes of an automation, scope: automation, window: 1h, measure: count, limit: 5000}
//
// Posted and held count alike. What does not add to the measure passes a cap that is full: a cut is not refused
// because rises are used up.
type Cap struct {
	// Name is what findings and the ledger call it. Each has its own.
	Name string `koanf:"name"`
	// Scope is the kind of scope: field, ad_group, campaign, portfolio, channel, account, run, automation or organisation. The cap
	// is on each of them alone.
	Scope string `koanf:"scope"`
	// Window is how far back it reaches: whole minutes, hours or days, such as 90m, 24h or 7d, at most 30d.
	Window string `koanf:"window"`
	// Measure is what is summed up: raised, lowered, moved, net_rise, net_fall, count (of changes) or reversals.
	Measure string `koanf:"measure"`
	// Kinds are the kinds of change that count, such as bid or daily_budget. Empty, for count and reversals alone: all.
	Kinds []string `koanf:"kinds"`
	// Limit is the most that the measure may come to: money such as "100000.00 USD", a ratio such as "30%", and for count and
	// reversals a number such as 5000. Amounts in other currencies are converted by the rates of the policy revision.
	Limit string `koanf:"limit"`
}

// Default is what holds where nothing is set.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:7443", Data: "bidrail-data",
		Log:        Log{Level: "info", Format: "text"},
		Evaluation: Evaluation{Deadline: 250 * time.Millisecond, Evaluator: string(policy.ByPlan)},
		Permit:     Permit{Life: time.Minute, ReportWithin: 10 * time.Minute},
		Drain:      10 * time.Second,
	}
}

const environmentPrefix = "BIDRAIL_"

// Load reads the file at path (none if empty), then environ (as os.Environ gives it), then flags by
// the names of the settings. It reports every problem at once; what it returns beside them is what could be read.
func Load(path string, environ []string, flags map[string]any) (Config, error) {
	settings := koanf.New(".")
	if path != "" {
		if err := settings.Load(file.Provider(path), yaml.Parser()); err != nil {
			return Config{}, fmt.Errorf("configuration file %s: %w", path, err)
		}
	}
	fromEnvironment := env.Provider(".", env.Opt{
		Prefix:      environmentPrefix,
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			return settingOf(strings.ToLower(strings.TrimPrefix(name, environmentPrefix))), value
		},
	})
	if err := settings.Load(fromEnvironment, nil); err != nil {
		return Config{}, fmt.Errorf("environment: %w", err)
	}
	if err := settings.Load(confmap.Provider(flags, "."), nil); err != nil {
		return Config{}, fmt.Errorf("flags: %w", err)
	}
	config := Default()
	err := settings.UnmarshalWithConf("", &config, koanf.UnmarshalConf{DecoderConfig: &mapstructure.DecoderConfig{
		Result: &config, TagName: "koanf", WeaklyTypedInput: true, ErrorUnused: true,
		DecodeHook: mapstructure.ComposeDecodeHookFunc(mapstructure.DecodeHookFuncType(duration), mapstructure.DecodeHookFuncType(exact)),
	}})
	if err != nil {
		// What could be read is looked at as well: one attempt shows everything.
		return config, errors.Join(fmt.Errorf("configuration: %w", err), config.Validate())
	}
	return config, config.Validate()
}

// settingOf is the setting that an environment variable is for: the one whose name has _ for its dots. A name that no
// setting has is left as it would be written, to be refused.
func settingOf(variable string) string {
	for _, name := range settingNames(reflect.TypeFor[Config](), "") {
		if strings.ReplaceAll(name, ".", "_") == variable {
			return name
		}
	}
	return strings.ReplaceAll(variable, "_", ".")
}

// settingNames are the names of all settings of a struct of them.
func settingNames(settings reflect.Type, prefix string) []string {
	var names []string
	for i := range settings.NumField() {
		field := settings.Field(i)
		name := prefix + field.Tag.Get("koanf")
		if field.Type.Kind() == reflect.Struct {
			names = append(names, settingNames(field.Type, name+".")...)
		} else {
			names = append(names, name)
		}
	}
	return names
}

// exact refuses what YAML has made something else of than was written: an amount is never a float on its way.
func exact(_, into reflect.Type, value any) (any, error) {
	switch value.(type) {
	case float32, float64, bool:
		if into.Kind() == reflect.String {
			return nil, fmt.Errorf("%v was not read as text; write it in quotes", value)
		}
	}
	return value, nil
}

// duration reads times. A number alone would be taken for nanoseconds.
func duration(_, into reflect.Type, value any) (any, error) {
	if into != reflect.TypeFor[time.Duration]() {
		return value, nil
	}
	if text, ok := value.(string); ok {
		if read, err := time.ParseDuration(text); err == nil {
			return read, nil
		}
	}
	return nil, fmt.Errorf("%v is not a time; write a number with its unit, such as 250ms or 10s", value)
}

// Validate says everything that is wrong.
func (c Config) Validate() error {
	var problems []error
	if err := loopback("listen", c.Listen); err != nil {
		problems = append(problems, err)
	}
	if c.HTTP != "" {
		if err := loopback("http", c.HTTP); err != nil {
			problems = append(problems, err)
		}
	}
	if c.Data == "" {
		problems = append(problems, errors.New("data: name a folder for the record"))
	}
	if levels := []string{"trace", "debug", "info", "warn", "error"}; !slices.Contains(levels, c.Log.Level) {
		problems = append(problems, fmt.Errorf("log.level: %q is not one of %s", c.Log.Level, strings.Join(levels, ", ")))
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		problems = append(problems, fmt.Errorf("log.format: %q is neither text nor json", c.Log.Format))
	}
	if c.Evaluation.Deadline <= 0 {
		problems = append(problems, errors.New("evaluation.deadline: must be longer than nothing, such as 250ms"))
	}
	if _, err := policy.ParseEvaluator(c.Evaluation.Evaluator); err != nil {
		problems = append(problems, fmt.Errorf("evaluation.evaluator: %w", err))
	}
	if c.Permit.Life <= 0 {
		problems = append(problems, errors.New("permit.life: must be longer than nothing, such as 60s"))
	}
	if c.Permit.ReportWithin <= 0 {
		problems = append(problems, errors.New("permit.report_within: must be longer than nothing, such as 10m"))
	}
	names := map[string]int{}
	for i, cap := range c.Caps {
		if first, twice := names[cap.Name]; twice && cap.Name != "" {
			problems = append(problems, fmt.Errorf("caps[%d].name: %q is the name of caps[%d] too; each has its own", i, cap.Name, first))
		}
		names[cap.Name] = i
	}
	problems = append(problems, c.Notify.problems()...)
	if c.Drain < 0 {
		problems = append(problems, errors.New("drain: must not be negative"))
	}
	return errors.Join(problems...)
}

// loopback refuses addresses that others can reach: callers are believed, not known.
func loopback(setting, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%s: %q is not an address such as 127.0.0.1:7443", setting, address)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s: %q can be reached from other machines, and without identity every caller would be believed; listen on 127.0.0.1 or [::1]", setting, address)
}
