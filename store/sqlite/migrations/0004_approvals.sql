-- What waits for people, what they have said of it and ahead of it, and who outside is told. Kinds and states are the
-- numbers of the API, where they are numbers.

-- What was redeemed for a change is decided again, under a key of its own: the permit. Of a check, redemption is empty.
ALTER TABLE decisions ADD COLUMN redemption TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN entity_type TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN entity_id TEXT NOT NULL DEFAULT '';

-- A record that cannot be read is for bidrail audit verify to find, and no reason not to start.
UPDATE decisions SET
    entity_type = coalesce(json_extract(CAST(record AS TEXT), '$.target.entity_type'), ''),
    entity_id = coalesce(json_extract(CAST(record AS TEXT), '$.target.entity_id'), '')
WHERE json_valid(CAST(record AS TEXT));

-- The idempotency key. change_id comes first so that one index also finds a change id alone.
DROP INDEX decisions_key;
CREATE UNIQUE INDEX decisions_key ON decisions (change_id, automation, redemption);

CREATE INDEX decisions_entity ON decisions (entity_id);

-- One row an approval. Its record is that of its last event: the first step has one too.
CREATE TABLE approvals (
    seq        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL,
    automation TEXT NOT NULL,
    state      INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    open       INTEGER NOT NULL, -- 1: not final
    created_at INTEGER NOT NULL,
    due_at     INTEGER -- when time alone changes it; NULL: never
) STRICT;

CREATE UNIQUE INDEX approvals_id ON approvals (id);
CREATE INDEX approvals_due ON approvals (due_at) WHERE due_at IS NOT NULL;

-- Lists come in the order of created_at and then of seq, so each index that one is read by ends in both.
CREATE INDEX approvals_created_at ON approvals (created_at);
CREATE INDEX approvals_open ON approvals (created_at) WHERE open = 1;
CREATE INDEX approvals_state ON approvals (state, created_at);
CREATE INDEX approvals_automation ON approvals (automation, created_at);

-- Apart from approvals, because it is several times as large and read only when the changes are to be made.
CREATE TABLE approval_changes (
    seq     INTEGER PRIMARY KEY REFERENCES approvals (seq),
    changes BLOB NOT NULL
) STRICT;

-- Where its changes are.
CREATE TABLE approval_accounts (
    account    TEXT NOT NULL,
    created_at INTEGER NOT NULL, -- of the approval
    seq        INTEGER NOT NULL REFERENCES approvals (seq),
    platform   TEXT NOT NULL,
    PRIMARY KEY (account, created_at, seq, platform)
) STRICT, WITHOUT ROWID;

CREATE INDEX approval_accounts_platform ON approval_accounts (platform, created_at, seq);

-- Which rules want people for it. What they said is in the record.
CREATE TABLE approval_rules (
    rule       TEXT NOT NULL,
    created_at INTEGER NOT NULL, -- of the approval
    seq        INTEGER NOT NULL REFERENCES approvals (seq),
    PRIMARY KEY (rule, created_at, seq)
) STRICT, WITHOUT ROWID;

-- The fields that its changes are of, as scopes of the ledger; of those that are not final only.
CREATE TABLE approval_fields (
    seq   INTEGER NOT NULL REFERENCES approvals (seq),
    field TEXT NOT NULL,
    PRIMARY KEY (seq, field)
) STRICT, WITHOUT ROWID;

CREATE INDEX approval_fields_field ON approval_fields (field);

-- The groups whose people may approve it now; of those that are PENDING only.
CREATE TABLE approval_asks (
    seq   INTEGER NOT NULL REFERENCES approvals (seq),
    asked TEXT NOT NULL,
    PRIMARY KEY (seq, asked)
) STRICT, WITHOUT ROWID;

CREATE INDEX approval_asks_asked ON approval_asks (asked);

-- One row a review. The record is that of its event.
CREATE TABLE reviews (
    seq         INTEGER PRIMARY KEY,
    id          TEXT NOT NULL,
    approval_id TEXT NOT NULL REFERENCES approvals (id),
    reviewer    TEXT NOT NULL,
    nonce       TEXT NOT NULL
) STRICT;

CREATE UNIQUE INDEX reviews_id ON reviews (id);

-- A reviewer sends each nonce once.
CREATE UNIQUE INDEX reviews_nonce ON reviews (approval_id, reviewer, nonce);

-- Suppressions, grants, overrides and delegations, one row each. The record is that of the last event. It holds from starts
-- on and before ends; what was taken back has the end that follows from that.
CREATE TABLE exceptions (
    seq     INTEGER PRIMARY KEY,
    kind    TEXT NOT NULL, -- of the leaf
    id      TEXT NOT NULL,
    version INTEGER NOT NULL,
    whose   TEXT NOT NULL, -- the automation; of a delegation, whom it is to
    field   TEXT NOT NULL, -- of a suppression, as a scope of the ledger; else empty
    starts  INTEGER NOT NULL,
    ends    INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX exceptions_id ON exceptions (id, kind);
CREATE INDEX exceptions_kind ON exceptions (kind);
CREATE INDEX exceptions_ends ON exceptions (kind, ends);
CREATE INDEX exceptions_whose ON exceptions (kind, whose, ends);
CREATE INDEX exceptions_field ON exceptions (field, whose, ends) WHERE field <> '';

-- For whoever watches approvals: in the order of the log, of which the steps of approvals are a part.
CREATE INDEX events_approvals ON events (leaf_seq) WHERE kind = 'approval';

-- Notices on their way, one row for each receiver, until some time after they got there or were given up.
CREATE TABLE deliveries (
    seq        INTEGER PRIMARY KEY,
    notice     BLOB NOT NULL, -- JSON
    receiver   TEXT NOT NULL,
    state      TEXT NOT NULL, -- waiting, delivered, given_up
    attempts   INTEGER NOT NULL,
    due_at     INTEGER NOT NULL, -- of one that waits: tried then or later
    changed_at INTEGER NOT NULL,
    last_error TEXT NOT NULL
) STRICT;

CREATE INDEX deliveries_state ON deliveries (state);
CREATE INDEX deliveries_due ON deliveries (state, due_at);
CREATE INDEX deliveries_ended ON deliveries (changed_at) WHERE state <> 'waiting';
