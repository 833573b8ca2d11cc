package sqlstore

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Migrate brings the database up to the numbered .sql files of migrations, in one transaction:
// 0001_decisions.sql, 0002_..., without a gap. A file that was applied is history and may never
// change; a database that has more files than these belongs to a newer program. Both are errors,
// and then nothing is changed. It returns the names of the files it applied.
func Migrate(ctx context.Context, db *sql.DB, dialect *Dialect, migrations fs.FS) (applied []string, err error) {
	files, err := readMigrations(migrations)
	if err != nil {
		return nil, err
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	defer func() {
		if rollback := tx.Rollback(); !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	if dialect.LockMigrations != "" {
		if _, err := tx.ExecContext(ctx, dialect.LockMigrations); err != nil {
			return nil, fmt.Errorf("lock migrations: %w", err)
		}
	}
	_, err = tx.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS migrations"+
		" (number INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)")
	if err != nil {
		return nil, fmt.Errorf("create table migrations: %w", err)
	}
	present, err := presentMigrations(ctx, tx)
	if err != nil {
		return nil, err
	}
	if err := checkHistory(files, present); err != nil {
		return nil, err
	}
	for i := len(present); i < len(files); i++ {
		file := files[i]
		if _, err := tx.ExecContext(ctx, file.script); err != nil {
			return nil, fmt.Errorf("migration %s: %w", file.name, err)
		}
		_, err := tx.ExecContext(ctx, dialect.rebind("INSERT INTO migrations (number, name, sha256, applied_at) VALUES (?,?,?,?)"),
			i+1, file.name, file.sum, time.Now().UnixMicro())
		if err != nil {
			return nil, fmt.Errorf("migration %s: %w", file.name, err)
		}
		applied = append(applied, file.name)
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	return applied, nil
}

// migration is one file, or the row that says it was applied, which has no script.
type migration struct{ name, sum, script string }

func readMigrations(migrations fs.FS) ([]migration, error) {
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return nil, err
	}
	slices.Sort(names)
	files := make([]migration, len(names))
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("migration %s: want a file numbered %04d here", name, i+1)
		}
		script, err := fs.ReadFile(migrations, name)
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(script)
		files[i] = migration{name: name, sum: hex.EncodeToString(sum[:]), script: string(script)}
	}
	return files, nil
}

func presentMigrations(ctx context.Context, tx *sql.Tx) (present []migration, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT name, sha256 FROM migrations ORDER BY number")
	if err != nil {
		return nil, fmt.Errorf("read table migrations: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row migration
		if err := rows.Scan(&row.name, &row.sum); err != nil {
			return nil, fmt.Errorf("read table migrations: %w", err)
		}
		present = append(present, row)
	}
	return present, rows.Err()
}

func checkHistory(files, present []migration) error {
	for i, row := range present {
		if i >= len(files) {
			return fmt.Errorf("the database is newer than this program: it has migration %s, and this program ends at number %d;"+
				" run the newer program, or restore a backup from before the upgrade", row.name, len(files))
		}
		if files[i].name != row.name || files[i].sum != row.sum {
			return fmt.Errorf("migration %s was applied to the database with other contents (%s as %s, now %s);"+
				" run the program that made the database, and never edit a migration that was released",
				files[i].name, row.name, row.sum[:min(12, len(row.sum))], files[i].sum[:12])
		}
	}
	return nil
}
