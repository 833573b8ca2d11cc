-- The log over all decisions; package policy/audit says what is in it. It begins with what is stored
-- from here on: decisions from before, which no released version has written, have no leaf_seq, and
-- verifying the log reports them.

CREATE TABLE log_leaves (
    seq  INTEGER PRIMARY KEY, -- from 0, without gaps
    leaf BLOB NOT NULL
) STRICT;

-- Of each leaf and each complete subtree, about two a leaf. idx counts as tlog.StoredHashIndex does.
CREATE TABLE log_hashes (
    idx  INTEGER PRIMARY KEY,
    hash BLOB NOT NULL
) STRICT;

-- One row. The root is that of no leaves.
CREATE TABLE log_head (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    size INTEGER NOT NULL,
    root BLOB NOT NULL
) STRICT;

INSERT INTO log_head (one, size, root) VALUES (1, 0, x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');

-- Where the leaf of a decision is, for its receipt.
ALTER TABLE decisions ADD COLUMN leaf_seq INTEGER REFERENCES log_leaves (seq);
