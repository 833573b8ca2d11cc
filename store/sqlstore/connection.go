package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/bidrail/bidrail/policy/audit"
)

// Connection is one connection to the database with the statements prepared on it. It is for one
// goroutine at a time.
//
// Statements belong to the connection and not to a sql.DB, because preparing one on the DB takes
// a second connection, and a writer has none to spare while its transaction is open.
type Connection struct {
	conn       *sql.Conn
	dialect    *Dialect
	statements map[string]*sql.Stmt
	// tree is the log as it was last left here, so that it need not be read for each transaction. It
	// counts for nothing where the head of the log has another size or root: a transaction may have
	// been undone since, and others may have written.
	tree audit.Tree
	// recent is tallies, of which the same is true.
	recent recent
}

// Connect takes a connection out of db and keeps it until Close.
func Connect(ctx context.Context, db *sql.DB, dialect *Dialect) (*Connection, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &Connection{conn: conn, dialect: dialect, statements: make(map[string]*sql.Stmt), recent: recent{}}, nil
}

// Close finalizes the statements and gives the connection back.
func (c *Connection) Close() error {
	var errs []error
	for _, statement := range c.statements {
		errs = append(errs, statement.Close())
	}
	return errors.Join(append(errs, c.conn.Close())...)
}

// statement prepares a query the first time it is asked for. The queries of this package are few
// and fixed, so the map stays small.
func (c *Connection) statement(ctx context.Context, query string) (*sql.Stmt, error) {
	if statement, ok := c.statements[query]; ok {
		return statement, nil
	}
	statement, err := c.conn.PrepareContext(ctx, c.dialect.rebind(query))
	if err != nil {
		return nil, fmt.Errorf("prepare: %w", err)
	}
	c.statements[query] = statement
	return statement, nil
}

// Exec runs a statement that returns no rows.
func (c *Connection) Exec(ctx context.Context, query string, arguments ...any) error {
	_, err := c.change(ctx, query, arguments...)
	return err
}

// change is Exec for who wants to know how many rows were changed.
func (c *Connection) change(ctx context.Context, query string, arguments ...any) (rows int64, err error) {
	statement, err := c.statement(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := statement.ExecContext(ctx, arguments...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// Query runs a statement and hands each row to scan.
func (c *Connection) Query(ctx context.Context, scan func(*sql.Rows) error, query string, arguments ...any) (err error) {
	statement, err := c.statement(ctx, query)
	if err != nil {
		return err
	}
	rows, err := statement.QueryContext(ctx, arguments...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
