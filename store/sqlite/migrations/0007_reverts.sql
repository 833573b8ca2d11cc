-- Values that were raised for a time and are to be put back, one row a field, as long as they are not.
CREATE TABLE reverts (
    field  TEXT PRIMARY KEY NOT NULL, -- as a scope of the ledger
    due_at INTEGER NOT NULL,
    revert BLOB NOT NULL -- JSON
) STRICT, WITHOUT ROWID;

CREATE INDEX reverts_due ON reverts (due_at, field);
