package sqlstore_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/store/sqlstore"
)

func TestMigrate(t *testing.T) {
	file := func(script string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(script)} }
	first := file("CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (1);")
	second := file("CREATE TABLE b (y INTEGER);")
	dialect := &sqlstore.Dialect{Name: "sqlite"}

	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "migrate.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, step := range []struct {
		name    string
		files   fstest.MapFS
		applied []string
		err     string
	}{
		{"a gap", fstest.MapFS{"0001_a.sql": first, "0003_b.sql": second}, nil, "want a file numbered 0002"},
		{"no number", fstest.MapFS{"a.sql": first}, nil, "want a file numbered 0001"},
		{"one is wrong", fstest.MapFS{"0001_a.sql": first, "0002_b.sql": file("CREATE TABEL b")}, nil, "migration 0002_b.sql"},
		{"the first", fstest.MapFS{"0001_a.sql": first}, []string{"0001_a.sql"}, ""},
		{"again", fstest.MapFS{"0001_a.sql": first}, nil, ""},
		{"one more", fstest.MapFS{"0001_a.sql": first, "0002_b.sql": second}, []string{"0002_b.sql"}, ""},
		{"again", fstest.MapFS{"0001_a.sql": first, "0002_b.sql": second}, nil, ""},
		{"changed", fstest.MapFS{"0001_a.sql": first, "0002_b.sql": file("CREATE TABLE b (z INTEGER);")}, nil, "0002_b.sql was applied to the database with other contents"},
		{"renamed", fstest.MapFS{"0001_a.sql": first, "0002_c.sql": second}, nil, "0002_c.sql was applied to the database with other contents"},
		{"older program", fstest.MapFS{"0001_a.sql": first}, nil, "the database is newer than this program: it has migration 0002_b.sql"},
	} {
		applied, err := sqlstore.Migrate(t.Context(), db, dialect, step.files)
		if difference := cmp.Diff(step.applied, applied); difference != "" {
			t.Errorf("%s: applied (-want +got):\n%s", step.name, difference)
		}
		switch {
		case step.err == "" && err != nil:
			t.Errorf("%s: %v", step.name, err)
		case step.err != "" && (err == nil || !strings.Contains(err.Error(), step.err)):
			t.Errorf("%s: got error %v, want one with %q", step.name, err, step.err)
		}
	}
	var rows, tables int
	err = db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM sqlite_schema WHERE type = 'table')").Scan(&rows, &tables)
	if err != nil || rows != 1 || tables != 3 {
		t.Errorf("got %d rows and %d tables, error %v; want each file applied once, so 1 and 3", rows, tables, err)
	}
}
