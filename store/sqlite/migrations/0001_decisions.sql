-- Times are microseconds since 1970 UTC. Verdicts and kinds are the numbers of the API.

-- One row a decision, append only. The columns beside record are what decisions are found by;
-- record holds all of it and is what a replay answers with.
CREATE TABLE decisions (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL,
    automation TEXT NOT NULL,
    change_id  TEXT NOT NULL,
    verdict    INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    platform   TEXT NOT NULL,
    account    TEXT NOT NULL,
    campaign   TEXT NOT NULL,
    batch_id   TEXT NOT NULL,
    decided_at INTEGER NOT NULL,
    revision   TEXT NOT NULL,
    record     BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX decisions_id ON decisions (id);

-- The idempotency key. change_id comes first so that one index also finds a change id alone.
CREATE UNIQUE INDEX decisions_key ON decisions (change_id, automation);

-- Every index ends in seq (SQLite adds it), so a list is read in its order and stops at its limit.
CREATE INDEX decisions_automation ON decisions (automation);
CREATE INDEX decisions_account ON decisions (account);
CREATE INDEX decisions_verdict ON decisions (verdict);
CREATE INDEX decisions_decided_at ON decisions (decided_at);
CREATE INDEX decisions_campaign ON decisions (campaign) WHERE campaign <> '';
CREATE INDEX decisions_batch ON decisions (batch_id) WHERE batch_id <> '';

-- Apart from decisions, because it is several times as large and rarely read.
CREATE TABLE inputs (
    seq   INTEGER PRIMARY KEY REFERENCES decisions (seq),
    input BLOB NOT NULL
) STRICT;

-- Which rules had something to say. What they said is in the record.
CREATE TABLE findings (
    rule TEXT NOT NULL,
    seq  INTEGER NOT NULL REFERENCES decisions (seq),
    PRIMARY KEY (rule, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE revisions (
    seq       INTEGER PRIMARY KEY,
    digest    TEXT NOT NULL UNIQUE,
    loaded_at INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    archive   BLOB NOT NULL
) STRICT;
