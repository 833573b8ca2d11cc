-- What has moved, what is reserved, and what may still be done. Kinds are the numbers of the API;
-- states are those of ledger.HoldState and permit.State.

-- The tally of each scope and unit, as ledger.Tally.Encode writes it. Every change rewrites the heads of
-- all its scopes, some eight, so they are small and lie apart from what seldom changes.
CREATE TABLE tallies (
    scope    TEXT NOT NULL,
    kind     INTEGER NOT NULL,
    currency TEXT NOT NULL,
    head     BLOB NOT NULL,
    PRIMARY KEY (scope, kind, currency)
) STRICT, WITHOUT ROWID;

-- The older buckets of those that have many: several KiB for a wide scope. Where the head has all of
-- them, a row that is left here means nothing.
CREATE TABLE tallies_older (
    scope    TEXT NOT NULL,
    kind     INTEGER NOT NULL,
    currency TEXT NOT NULL,
    older    BLOB NOT NULL,
    PRIMARY KEY (scope, kind, currency)
) STRICT, WITHOUT ROWID;

-- One row a hold, for ever. The id is that of its decision.
CREATE TABLE holds (
    id        TEXT PRIMARY KEY NOT NULL,
    state     INTEGER NOT NULL,
    placed_at INTEGER NOT NULL,
    hold      BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX holds_held ON holds (placed_at, id) WHERE state = 1; -- HELD

-- What happened to a record after it was made, each with its leaf in the log. There is no table of
-- modes: the mode of a scope is what the last event says, so that it cannot be changed without one.
CREATE TABLE events (
    seq      INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL,    -- of the leaf: permit, mode
    object   TEXT NOT NULL,    -- the permit's id, the scope
    version  INTEGER NOT NULL, -- of the permit; the epoch of the mode
    at       INTEGER NOT NULL,
    subject  TEXT NOT NULL,    -- empty: time
    record   BLOB NOT NULL,
    leaf_seq INTEGER NOT NULL REFERENCES log_leaves (seq)
) STRICT;

-- kind does not come first, so that what is asked of all modes goes by the next index.
CREATE UNIQUE INDEX events_object ON events (object, kind, version);

-- Over all scopes, each epoch is one switch.
CREATE UNIQUE INDEX events_epoch ON events (version) WHERE kind = 'mode';

-- One row a permit. issued is version 1, and is covered by the leaf of its decision; the record of a later version
-- is that of the event.
CREATE TABLE permits (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL,
    automation TEXT NOT NULL,
    state      INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    due_at     INTEGER, -- when time alone changes it; NULL: never
    issued     BLOB NOT NULL
) STRICT;

CREATE UNIQUE INDEX permits_id ON permits (id);
CREATE INDEX permits_state ON permits (state);
CREATE INDEX permits_due ON permits (due_at) WHERE due_at IS NOT NULL;
