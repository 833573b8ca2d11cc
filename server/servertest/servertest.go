// Package servertest runs a whole server for tests: the shipped rules, a SQLite store in a folder of
// the test, a gRPC door on a port of this machine, a clock that the test moves, and a connection for
// each role. Start with [New].
package servertest

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"net"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/ledger"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/rego"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/auth"
	"github.com/bidrail/bidrail/server/grpcapi"
	"github.com/bidrail/bidrail/server/keys"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlite"
)

// Start is when the clock of every server starts: a Monday morning in New York.
var Start = time.Date(2026, time.March, 2, 15, 0, 0, 0, time.UTC)

// Server is a server under test, and who calls it. What time brings about happens when the test says so: it moves the
// clock, then calls Core.Sweep.
type Server struct {
	Core    *server.Server
	Store   store.Store // the real one, whatever the server was given
	Keys    *keys.Keyring
	Door    *grpcapi.Door
	Address string // of the gRPC door
	Clock   *Clock
	Logger  hclog.Logger

	Automation      *Caller
	OtherAutomation *Caller
	Approver        *Caller
	Governance      *Caller
	Auditor         *Caller
	Admin           *Caller
}

// Caller is one principal with a connection of its own.
type Caller struct {
	Principal  policy.Principal
	Guardrail  bidrailv1.GuardrailServiceClient
	Policy     bidrailv1.PolicyServiceClient
	Registry   bidrailv1.RegistryServiceClient
	Ledger     bidrailv1.LedgerServiceClient
	Reports    bidrailv1.ReportServiceClient
	Connection *grpc.ClientConn
}

// Callers returns one caller for each role, with the second automation.
func (s *Server) Callers() []*Caller {
	return []*Caller{s.Automation, s.OtherAutomation, s.Approver, s.Governance, s.Auditor, s.Admin}
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mutex sync.Mutex
	now   time.Time
}

// Now is the time.
func (c *Clock) Now() time.Time {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return c.now
}

// Advance moves the clock on.
func (c *Clock) Advance(by time.Duration) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.now = c.now.Add(by)
}

type options struct {
	revision  fs.FS
	noPolicy  bool
	wrap      func(store.Store) store.Store
	evaluate  time.Duration
	commit    time.Duration
	workers   int
	folder    string
	notReady  bool
	logOutput hclog.Logger

	caps         []ledger.Cap
	permitLife   time.Duration
	reportWithin time.Duration
	receivers    []server.Receiver
	synchronous  string
}

// Option changes how a server is set up.
type Option func(*options)

// WithRevision uses these rules and limits and not the shipped ones.
func WithRevision(files fs.FS) Option { return func(o *options) { o.revision = files } }

// WithoutPolicy starts with no revision at all.
func WithoutPolicy() Option { return func(o *options) { o.noPolicy = true } }

// WithStore puts something between the server and its store.
func WithStore(wrap func(store.Store) store.Store) Option { return func(o *options) { o.wrap = wrap } }

// WithEvaluationDeadline bounds what rules may take. Without it they may take half a minute, so
// that a busy machine decides no test.
func WithEvaluationDeadline(deadline time.Duration) Option {
	return func(o *options) { o.evaluate = deadline }
}

// WithCommitTimeout bounds the wait for the record. Without it the wait is half a minute.
func WithCommitTimeout(timeout time.Duration) Option {
	return func(o *options) { o.commit = timeout }
}

// WithWorkers is how many changes of a call are judged at once.
func WithWorkers(workers int) Option { return func(o *options) { o.workers = workers } }

// WithFolder keeps the record in this folder, so that a second server can go on with it.
func WithFolder(folder string) Option { return func(o *options) { o.folder = folder } }

// WithCaps are the operator's own limits over time.
func WithCaps(caps ...ledger.Cap) Option { return func(o *options) { o.caps = caps } }

// WithPermitLife is how long a permit can be claimed.
func WithPermitLife(life time.Duration) Option { return func(o *options) { o.permitLife = life } }

// WithReportWithin is how long a claimed permit waits for its report.
func WithReportWithin(within time.Duration) Option {
	return func(o *options) { o.reportWithin = within }
}

// WithReceivers are who is told of approvals outside.
func WithReceivers(receivers ...server.Receiver) Option {
	return func(o *options) { o.receivers = receivers }
}

// WithoutSync has the store wait for no disk, for benchmarks: what that costs is what differs.
func WithoutSync() Option { return func(o *options) { o.synchronous = "OFF" } }

// NotReady leaves it to the test to say that the door is ready.
func NotReady() Option { return func(o *options) { o.notReady = true } }

// WithLogger logs there and not to the test's output.
func WithLogger(logger hclog.Logger) Option { return func(o *options) { o.logOutput = logger } }

// New starts a server, which ends with the test.
func New(t testing.TB, with ...Option) *Server {
	t.Helper()
	set := options{evaluate: 30 * time.Second, commit: 30 * time.Second}
	for _, option := range with {
		option(&set)
	}
	s := &Server{Clock: &Clock{now: Start}, Logger: set.logOutput}
	if s.Logger == nil {
		s.Logger = hclog.New(&hclog.LoggerOptions{Output: t.Output(), Level: hclog.Warn})
	}
	if set.folder == "" {
		set.folder = t.TempDir()
	}
	records, err := sqlite.Open(t.Context(), sqlite.Config{Path: filepath.Join(set.folder, "bidrail.db"), Now: s.Clock.Now, Synchronous: set.synchronous})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := records.Close(); err != nil {
			t.Error("close the store:", err)
		}
	})
	s.Store = records
	if s.Keys, err = keys.Open(filepath.Join(set.folder, "permit-keys.json"), s.Clock.Now()); err != nil {
		t.Fatal(err)
	}
	config := server.Config{Store: records, Now: s.Clock.Now, Logger: s.Logger, CommitTimeout: set.commit, Workers: set.workers,
		Keys: s.Keys, Caps: set.caps, PermitLife: set.permitLife, ReportWithin: set.reportWithin, Receivers: set.receivers}
	if set.wrap != nil {
		config.Store = set.wrap(records)
	}
	switch {
	case set.noPolicy:
	case set.revision != nil || set.evaluate != 30*time.Second:
		files := set.revision
		if files == nil {
			files = Pack(t, nil)
		}
		config.Policy = load(t, files, set.evaluate)
	default:
		if config.Policy, err = shipped(); err != nil {
			t.Fatal(err)
		}
	}
	if s.Core, err = server.New(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	s.open(t, set)
	return s
}

// shipped is compiled once: a policy is never changed.
var shipped = sync.OnceValues(func() (*server.Policy, error) {
	files, err := pack()
	if err != nil {
		return nil, err
	}
	revision, err := policy.ReadRevision(files, "shipped")
	if err != nil {
		return nil, err
	}
	return server.LoadPolicy(context.Background(), revision, policy.Options{SkipTests: true, Deadline: 30 * time.Second})
})

// Load compiles a revision, as [server.Server.Activate] wants it.
func Load(t testing.TB, files fs.FS) *server.Policy {
	t.Helper()
	return load(t, files, 30*time.Second)
}

// LoadHurried compiles a revision whose rules may only take so long.
func LoadHurried(t testing.TB, files fs.FS, deadline time.Duration) *server.Policy {
	t.Helper()
	return load(t, files, deadline)
}

// loaded is what was compiled already: a policy is never changed, and many tests use the same.
var loaded sync.Map // loadedKey → *server.Policy

type loadedKey struct {
	digest   string
	deadline time.Duration
}

func load(t testing.TB, files fs.FS, deadline time.Duration) *server.Policy {
	t.Helper()
	revision, err := policy.ReadRevision(files, t.Name())
	if err != nil {
		t.Fatal(err)
	}
	key := loadedKey{revision.Digest, deadline}
	if known, found := loaded.Load(key); found {
		return known.(*server.Policy)
	}
	compiled, err := server.LoadPolicy(t.Context(), revision, policy.Options{SkipTests: true, Deadline: deadline})
	if err != nil {
		t.Fatal(err)
	}
	loaded.Store(key, compiled)
	return compiled
}

// validators makes the one of all doors.
var validators = sync.OnceValues(grpcapi.NewValidator)

func (s *Server) open(t testing.TB, set options) {
	t.Helper()
	validator, err := validators()
	if err != nil {
		t.Fatal(err)
	}
	door, err := grpcapi.New(grpcapi.Config{Server: s.Core, Authenticator: auth.Development{}, Logger: s.Logger, Validator: validator})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Door, s.Address = door, listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- door.Serve(listener) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		door.Stop(ctx)
		if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error("serve:", err)
		}
	})
	if !set.notReady {
		door.Ready()
	}
	s.Automation = s.Call(t, "pacer", policy.RoleAutomation)
	s.OtherAutomation = s.Call(t, "bidder", policy.RoleAutomation)
	s.Approver = s.Call(t, "ana", policy.RoleApprover)
	s.Governance = s.Call(t, "gita", policy.RoleGovernance)
	s.Auditor = s.Call(t, "olu", policy.RoleAuditor)
	s.Admin = s.Call(t, "root", policy.RoleAdmin)
}

// Call connects a principal.
func (s *Server) Call(t testing.TB, subject string, roles ...policy.Role) *Caller {
	t.Helper()
	names := make([]string, len(roles))
	for i, role := range roles {
		names[i] = string(role)
	}
	connection := s.Dial(t, auth.DevelopmentHeader, subject+";"+strings.Join(names, ","))
	return &Caller{
		Principal: policy.Principal{Subject: subject, Roles: roles}, Connection: connection,
		Guardrail: bidrailv1.NewGuardrailServiceClient(connection), Policy: bidrailv1.NewPolicyServiceClient(connection),
		Registry: bidrailv1.NewRegistryServiceClient(connection), Ledger: bidrailv1.NewLedgerServiceClient(connection),
		Reports: bidrailv1.NewReportServiceClient(connection),
	}
}

// Dial connects with these headers on every call, as pairs of name and value.
func (s *Server) Dial(t testing.TB, headers ...string) *grpc.ClientConn {
	t.Helper()
	connection, err := grpc.NewClient(s.Address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20)),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, request, response any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
			return invoke(metadata.AppendToOutgoingContext(ctx, headers...), method, request, response, connection, options...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string, stream grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
			return stream(metadata.AppendToOutgoingContext(ctx, headers...), description, connection, method, options...)
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

// Recorded is how many decisions the store holds.
func (s *Server) Recorded(t testing.TB) int {
	t.Helper()
	count := 0
	err := s.Store.View(t.Context(), func(r store.Reader) error {
		count = 0
		for page := (store.Page{Limit: store.MaxPage}); ; {
			found, err := r.ListDecisions(store.DecisionFilter{}, page)
			if err != nil {
				return err
			}
			count += len(found.Records)
			if page.After = found.Next; page.After == "" {
				return nil
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// Pack is the shipped rules and limits with some files added or replaced; a file with no content is
// left out.
func Pack(t testing.TB, changed map[string]string) fs.FS {
	t.Helper()
	files, err := pack()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range slices.Sorted(maps.Keys(changed)) {
		if changed[name] == "" {
			delete(files, name)
			continue
		}
		files[path.Clean(name)] = &fstest.MapFile{Data: []byte(changed[name])}
	}
	return files
}

// silent are the rules that say nothing unless somebody has put facts or filled in a registry that no test of a server is about. Each revision
// of the tests is compiled, and under the race detector for seconds; the pack's own tests have all its rules.
var silent = strings.Fields(`bid_evidence bid_hazard_combo bid_ineffective_write bid_net_economics bid_uncapped_automation budget_pacing budget_shared
	cadence_stacked_automation calendar_flight governance_authority governance_heartbeat governance_invoice_variance governance_registration
	governance_tracking_health governance_unreconciled integrity_budget_type state_audiences state_creative state_learning state_reenable
	state_strategy_change state_taxonomy`)

// pack is the shipped pack without those, and without what it is tried with, which decides nothing.
func pack() (fstest.MapFS, error) {
	files := fstest.MapFS{}
	shipped := rego.Files()
	return files, fs.WalkDir(shipped, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(name, "_test.rego") || strings.HasPrefix(name, "scenarios/") ||
			slices.Contains(silent, strings.TrimSuffix(path.Base(name), ".rego")) {
			return err
		}
		content, err := fs.ReadFile(shipped, name)
		files[name] = &fstest.MapFile{Data: content}
		return err
	})
}
