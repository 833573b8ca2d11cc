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
}

// Default is what holds where nothing is set.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:7443", Data: "bidrail-data",
		Log:        Log{Level: "info", Format: "text"},
		Evaluation: Evaluation{Deadline: 250 * time.Millisecond},
		Drain:      10 * time.Second,
	}
}

const environmentPrefix = "BIDRAIL_"

// Load reads the file at path (none if empty), then environ (as os.Environ gives it), then flags by
// the names of the settings. It reports every problem at once.
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
			return strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(name, environmentPrefix)), "_", "."), value
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
		DecodeHook: mapstructure.DecodeHookFuncType(duration),
	}})
	if err != nil {
		// What could be read is looked at as well: one attempt shows everything.
		return Config{}, errors.Join(fmt.Errorf("configuration: %w", err), config.Validate())
	}
	return config, config.Validate()
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
