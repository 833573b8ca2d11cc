// Package sqlite keeps the store in one SQLite file: the engine that needs no server. Start with
// [Open].
//
// All writing goes through one goroutine, which commits what has queued up together (writer.go);
// reading happens beside it on connections of its own. One process at a time may use a data
// folder.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
	"github.com/bidrail/bidrail/store/sqlstore"
)

// Config says where the store is and how it behaves.
type Config struct {
	// Path is the database file. Its folder is the data folder: it is made, for this user alone,
	// if it does not exist, and locked.
	Path string
	// Logger is told about opening and about trouble. Nil: nobody is.
	Logger hclog.Logger
	// Readers is how many views run at the same time; the others wait. 0: four, or one a
	// processor if that is more.
	Readers int
	// Synchronous is FULL, which is the default, or OFF, which loses acknowledged records when
	// the machine stops and is for tests and benchmarks alone.
	Synchronous string
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
}

//go:embed migrations/*.sql
var migrations embed.FS

// dialect is how SQLite differs.
var dialect = sqlstore.Dialect{
	Name: "sqlite",
	// A deferred transaction sees one state of the database from its first read to its end.
	BeginView: "BEGIN",
	// Immediate: a transaction that begins by reading and then wants to write is refused at once
	// when another has written meanwhile, however long it would be ready to wait.
	BeginUpdate: "BEGIN IMMEDIATE",
	Conflict: func(err error) bool {
		failure, ok := errors.AsType[*sqlite.Error](err)
		return ok && (failure.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || failure.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
	},
}

// Store is a store.Store in a SQLite file.
type Store struct {
	folder  *folder
	clock   *clock
	logger  hclog.Logger
	writes  *sql.DB
	reads   *sql.DB
	writer  *writer
	readers chan *sqlstore.Connection // those that are free

	mutex    sync.Mutex
	closed   bool
	underWay sync.WaitGroup // views and updates
	close    func() error
}

var _ store.Store = (*Store)(nil)

// Open opens the store, making folder and file if there are none, and brings its tables up to
// date.
func Open(ctx context.Context, config Config) (_ *Store, err error) {
	path, err := filepath.Abs(config.Path)
	if err != nil || config.Path == "" {
		return nil, fmt.Errorf("%w: the store needs the path of its database file, got %q", policy.ErrInvalid, config.Path)
	}
	synchronous := config.Synchronous
	switch synchronous {
	case "":
		synchronous = "FULL"
	case "FULL", "OFF":
	default:
		return nil, fmt.Errorf("%w: synchronous is FULL or OFF, not %q", policy.ErrInvalid, synchronous)
	}
	s := &Store{logger: config.Logger, clock: &clock{now: config.Now}}
	if s.logger == nil {
		s.logger = hclog.NewNullLogger()
	}
	if s.clock.now == nil {
		s.clock.now = time.Now
	}
	readers := config.Readers
	if readers <= 0 {
		readers = max(4, runtime.GOMAXPROCS(0))
	}
	s.close = sync.OnceValue(s.shut)

	if s.folder, err = openFolder(path); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open %s: %w", path, err), s.disconnect(), s.release())
		}
	}()
	if err := s.openWriter(ctx, path, synchronous); err != nil {
		return nil, err
	}
	if err := s.openReaders(ctx, path, readers); err != nil {
		return nil, err
	}
	if synchronous == "OFF" {
		s.logger.Warn("records are not durable: synchronous is OFF", "path", path)
	}
	s.logger.Info("store open", "path", path, "readers", readers)
	go s.writer.run()
	return s, nil
}

func (s *Store) openWriter(ctx context.Context, path, synchronous string) (err error) {
	s.writes, err = sql.Open("sqlite", source(path, url.Values{
		// Migrations use the transactions of database/sql; see dialect.BeginUpdate.
		"_txlock": {"immediate"},
		// A backup tool may hold the file for a moment; wait for it and do not fail.
		"_busy_timeout": {"5000"},
		// Readers do not stop the writer, nor the writer readers, and a commit is one sync.
		"_journal_mode": {"WAL"},
		// In WAL mode NORMAL would sync at checkpoints only: a power cut could take back what was
		// acknowledged.
		"_synchronous": {synchronous},
		// An input or a finding without its decision would be a bug here; SQLite does not look
		// unless it is told to.
		"_foreign_keys": {"ON"},
		"_pragma": {
			// 64 MiB. Keys come in no order, so their index is written all over.
			"cache_size(-65536)",
			// What a savepoint needs to go back is kept in memory; it is worth nothing after a crash.
			"temp_store(MEMORY)",
			// 64 MiB. After one large transaction the log would keep its size for ever.
			"journal_size_limit(67108864)",
		},
	}))
	if err != nil {
		return err
	}
	// SQLite allows one writer: queue in writer.go rather than fail there.
	s.writes.SetMaxOpenConns(1)
	s.writes.SetMaxIdleConns(1)

	var version, mode string
	if err := s.writes.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return err
	}
	if err := checkVersion(version); err != nil {
		return err
	}
	if err := s.writes.QueryRowContext(ctx, "PRAGMA journal_mode").Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		return fmt.Errorf("SQLite cannot use its write-ahead log here (journal mode %q); put the data folder on a local disk", mode)
	}
	scripts, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return err
	}
	applied, err := sqlstore.Migrate(ctx, s.writes, &dialect, scripts)
	if err != nil {
		return err
	}
	for _, name := range applied {
		s.logger.Info("migration applied", "name", name)
	}
	connection, err := sqlstore.Connect(ctx, s.writes, &dialect)
	if err != nil {
		return err
	}
	s.writer = newWriter(connection, s.clock, s.logger)
	return nil
}

func (s *Store) openReaders(ctx context.Context, path string, count int) (err error) {
	s.reads, err = sql.Open("sqlite", source(path, url.Values{
		// Twice over: the file is opened for reading, and statements that write are refused.
		"mode":          {"ro"},
		"_query_only":   {"ON"},
		"_busy_timeout": {"5000"},
		"_foreign_keys": {"ON"},
		// Readers never sync; this is so that no connection says anything but FULL.
		"_synchronous": {"FULL"},
	}))
	if err != nil {
		return err
	}
	s.reads.SetMaxOpenConns(count)
	s.readers = make(chan *sqlstore.Connection, count)
	for range count {
		connection, err := sqlstore.Connect(ctx, s.reads, &dialect)
		if err != nil {
			return err
		}
		s.readers <- connection
	}
	return nil
}

// source is the data source name of a file. As a URI, so that no character in the path can be
// taken for the beginning of the parameters.
func source(path string, parameters url.Values) string {
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	name := url.URL{Scheme: "file", Path: path, RawQuery: parameters.Encode()}
	return name.String()
}

// oldestVersion is the first SQLite without a bug that could corrupt the database when the log
// starts over while it is being checkpointed. All versions from 3.7.0 had it.
var oldestVersion = [3]int{3, 51, 3}

func checkVersion(version string) error {
	var found [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &found[0], &found[1], &found[2]); err != nil {
		return fmt.Errorf("SQLite has version %q, which cannot be read: %w", version, err)
	}
	for i, want := range oldestVersion {
		if found[i] > want {
			return nil
		}
		if found[i] < want {
			return fmt.Errorf("SQLite %s can corrupt its log; build with version 3.51.3 or later", version)
		}
	}
	return nil
}

// View is described in store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.underWay.Done()
	select {
	case connection := <-s.readers:
		defer func() { s.readers <- connection }()
		return sqlstore.View(ctx, connection, s.clock.read(), fn)
	case <-ctx.Done():
		return fmt.Errorf("wait for a reader: %w", ctx.Err())
	}
}

// Update is described in store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	if err := s.enter(); err != nil {
		return err
	}
	defer s.underWay.Done()
	return s.writer.update(ctx, fn)
}

func (s *Store) enter() error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.closed {
		return store.ErrClosed
	}
	s.underWay.Add(1)
	return nil
}

// Close is described in store.Store. It leaves everything in the database file and no log beside
// it, so that the file alone can be copied.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	s.mutex.Lock()
	s.closed = true
	s.mutex.Unlock()
	s.underWay.Wait()
	s.writer.stop()

	err := errors.Join(s.disconnect(), s.checkpoint(), s.release())
	s.logger.Info("store closed", "path", s.folder.path)
	return err
}

// disconnect closes the connections, all of which are free.
func (s *Store) disconnect() error {
	var errs []error
	for len(s.readers) > 0 {
		errs = append(errs, (<-s.readers).Close())
	}
	if s.writer != nil {
		errs = append(errs, s.writer.connection.Close())
	}
	return errors.Join(errs...)
}

// checkpoint moves the log into the database file.
func (s *Store) checkpoint() error {
	var busy, inLog, moved int
	err := s.writes.QueryRowContext(context.Background(), "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &inLog, &moved)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if busy != 0 {
		// Nothing is lost: the log stays beside the file and is read at the next start.
		s.logger.Warn("the log was not moved into the database file: another program has it open")
	}
	return nil
}

func (s *Store) release() error {
	var errs []error
	for _, db := range []*sql.DB{s.reads, s.writes} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	// Last: as long as a connection is open, nobody else may have the folder.
	return errors.Join(append(errs, s.folder.release())...)
}
