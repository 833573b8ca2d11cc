package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	"github.com/bidrail/bidrail/rego"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/auth"
	"github.com/bidrail/bidrail/server/config"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/keys"
	"github.com/bidrail/bidrail/server/notify"
	"github.com/bidrail/bidrail/store/sqlite"
)

type serveCommand struct {
	Config    string `help:"Configuration file (YAML)." type:"existingfile" placeholder:"FILE" env:"BIDRAIL_CONFIG"`
	Listen    string `help:"Address of the gRPC door. Default 127.0.0.1:7443." placeholder:"ADDR"`
	HTTP      string `help:"Address of the JSON door. Default: none." name:"http" placeholder:"ADDR"`
	Data      string `help:"Folder of the record. Default ./bidrail-data." placeholder:"DIR"`
	Evaluator string `help:"What runs the rules: plan, which is compiled, or topdown, which is OPA's own and slower. Default plan." placeholder:"NAME"`
	Policy    string `help:"Folder or bundle of rules and limits. Default: the shipped pack." placeholder:"DIR"`
	LogLevel  string `help:"trace, debug, info, warn or error. Default info: a line for each decision." placeholder:"LEVEL"`
	LogFormat string `help:"text or json. Default text." placeholder:"FORMAT"`
}

// Help is shown by bidrail serve --help.
func (serveCommand) Help() string {
	return "Settings come from the file, then the environment (BIDRAIL_LISTEN, BIDRAIL_LOG_LEVEL, ...), then flags.\n\n" +
		"Send SIGHUP to load the policy and the keys of permits again: a revision that does not compile or whose tests fail is refused, and the running one stays. " +
		"SIGTERM and Ctrl-C let calls under way end first."
}

func (c *serveCommand) Run(ctx context.Context, env environment) error {
	settings, err := config.Load(c.Config, c.environ(env.environ), c.flags())
	caps, capsErr := capsOf(settings.Caps)
	if err := errors.Join(err, capsErr); err != nil {
		return err
	}
	// The live heap is small and every check leaves a hundred kilobytes behind, so collecting less often
	// is a third more throughput for some tens of megabytes. GOGC overrules it.
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
	logger := hclog.New(&hclog.LoggerOptions{
		Name: "bidrail", Output: env.stderr, Level: hclog.LevelFromString(settings.Log.Level),
		JSONFormat: settings.Log.Format == "json",
	})
	return serve(ctx, settings, caps, logger)
}

// environ leaves out what other flags read from the environment themselves.
func (c *serveCommand) environ(environ []string) []string {
	var kept []string
	for _, pair := range environ {
		switch name, _, _ := strings.Cut(pair, "="); name {
		case "BIDRAIL_CONFIG", "BIDRAIL_SERVER", "BIDRAIL_AS":
		default:
			kept = append(kept, pair)
		}
	}
	return kept
}

func (c *serveCommand) flags() map[string]any {
	flags := map[string]any{}
	for name, value := range map[string]string{
		"listen": c.Listen, "http": c.HTTP, "data": c.Data, "policy": c.Policy, "evaluation.evaluator": c.Evaluator,
		"log.level": c.LogLevel, "log.format": c.LogFormat,
	} {
		if value != "" {
			flags[name] = value
		}
	}
	return flags
}

// serve wires the parts in the order in which they need each other, and takes them down in the
// opposite order.
func serve(ctx context.Context, settings config.Config, caps []ledger.Cap, logger hclog.Logger) (err error) {
	// First of all: a hangup that nobody listens for would end the process.
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	options := policy.Options{Deadline: settings.Evaluation.Deadline, Evaluator: policy.EvaluatorName(settings.Evaluation.Evaluator)}
	active, err := loadPolicy(ctx, settings.Policy, options)
	if err != nil {
		return err
	}
	records, err := sqlite.Open(ctx, sqlite.Config{Path: filepath.Join(settings.Data, "bidrail.db"), Logger: logger.Named("store")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	keyring, err := keys.Open(filepath.Join(settings.Data, keysFile), time.Now())
	if err != nil {
		return err
	}
	notifier, err := notifierOf(settings.Notify, records, logger.Named("notify"))
	if err != nil {
		return err
	}
	core, err := server.New(ctx, server.Config{
		Store: records, Policy: active, Logger: logger.Named("server"), Keys: keyring, Caps: caps,
		PermitLife: settings.Permit.Life, ReportWithin: settings.Permit.ReportWithin,
		Receivers: receiversOf(notifier), Wake: notifier.Wake,
	})
	if err != nil {
		return err
	}
	defer attend(ctx, core, notifier)()
	door, err := grpcapi.New(grpcapi.Config{Server: core, Authenticator: auth.Development{}, Logger: logger.Named("grpcapi"), Reflection: true})
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", settings.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w; is another server running? choose another address with --listen", err)
	}
	doors := &doors{door: door, logger: logger}
	doors.start(func() error { return door.Serve(listener) })
	logger.Warn("DEVELOPMENT IDENTITY: every caller is believed; who calls is what the header says", "header", auth.DevelopmentHeader,
		"default", auth.DevelopmentSubject)
	if settings.HTTP != "" {
		if err := doors.startGateway(ctx, settings.HTTP); err != nil {
			doors.stop(settings)
			return err
		}
	}
	door.Ready()
	logger.Info("serving", "grpc", listener.Addr().String(), "http", doors.httpAddress(), "data", settings.Data, "policy", policyName(settings.Policy),
		"key_id", keyring.Keys()[0].ID, "caps", len(caps), "receivers", len(notifier.Receivers()))
	for {
		select {
		case <-hangup:
			reloadKeys(keyring, logger)
			reload(ctx, core, settings.Policy, options, logger)
		case <-ctx.Done():
			logger.Info("stopping: calls under way may end", "within", settings.Drain)
			doors.stop(settings)
			return nil
		case <-core.Halted():
			doors.stop(settings)
			return errors.New("the disk failed to keep a record, so nothing more is decided; look after the disk, then start the server again")
		case failure := <-doors.failed():
			doors.stop(settings)
			return failure
		}
	}
}

// attend has permits and approvals settled as they come due and notices delivered, until the function that it returns is
// called; that waits for the last transaction, so it comes before the store is closed.
func attend(ctx context.Context, core *server.Server, notifier *notify.Notifier) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { _ = core.Run(ctx) }) // nil, always: what goes wrong is logged and tried again
	running.Go(func() { _ = notifier.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// reloadKeys tries the keys in the file and keeps those in use when they are refused.
func reloadKeys(keyring *keys.Keyring, logger hclog.Logger) {
	if err := keyring.Reload(); err != nil {
		logger.Error("the keys in the file are refused and those in use stay", "error", err)
		return
	}
	logger.Info("keys read again", "key_id", keyring.Keys()[0].ID, "keys", len(keyring.Keys()))
}

// loadPolicy compiles a folder or a bundle, or the shipped pack when none is named. The shipped
// pack's tests ran when it was built; another's run now.
func loadPolicy(ctx context.Context, name string, options policy.Options) (*server.Policy, error) {
	revision, err := openRevision(name)
	if err != nil {
		return nil, err
	}
	if name == "" {
		options.SkipTests = true
	}
	return server.LoadPolicy(ctx, revision, options)
}

func openRevision(name string) (*policy.Revision, error) {
	if name == "" {
		return policy.ReadRevision(rego.Files(), "built in")
	}
	return policy.OpenRevision(name)
}

func policyName(name string) string {
	if name == "" {
		return "built in"
	}
	return name
}

// reload tries a revision and keeps the running one when it is refused.
func reload(ctx context.Context, core *server.Server, name string, options policy.Options, logger hclog.Logger) {
	if name == "" {
		logger.Warn("nothing to load again: the built-in policy is in use; start with --policy DIR to use your own")
		return
	}
	next, err := loadPolicy(ctx, name, options)
	if err == nil {
		err = core.Activate(ctx, next)
	}
	if err != nil {
		logger.Error("the new policy is refused and the running one stays", "error", err)
	}
}

// doors is what listens, started and stopped together.
type doors struct {
	door    *grpcapi.Door
	gateway *grpcapi.Gateway
	address net.Addr
	logger  hclog.Logger
	once    sync.Once
	failure chan error
}

func (d *doors) failed() chan error {
	d.once.Do(func() { d.failure = make(chan error, 2) })
	return d.failure
}

func (d *doors) start(serve func() error) {
	failed := d.failed()
	go func() {
		if err := serve(); err != nil && !errors.Is(err, grpc.ErrServerStopped) && !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	}()
}

func (d *doors) startGateway(ctx context.Context, address string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen for HTTP: %w; choose another address with --http", err)
	}
	d.gateway, err = grpcapi.NewGateway(ctx, d.door, auth.DevelopmentHeader)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	d.address = listener.Addr()
	d.start(func() error { return d.gateway.Serve(listener) })
	return nil
}

func (d *doors) httpAddress() string {
	if d.address == nil {
		return "off"
	}
	return d.address.String()
}

// stop is called when the command's own context has ended, so it takes its time from elsewhere.
func (d *doors) stop(settings config.Config) {
	ctx, cancel := context.WithTimeout(context.Background(), settings.Drain)
	defer cancel()
	if d.gateway != nil {
		if err := d.gateway.Stop(ctx); err != nil {
			d.logger.Warn("the JSON door did not close in time", "error", err)
		}
	}
	d.door.Stop(ctx)
}
