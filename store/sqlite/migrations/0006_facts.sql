-- What connectors have observed: of each name of an entity the newest, which replaces the one before. None of it is in the log; what
-- rules saw of it is in the inputs of decisions. An entity is written PLATFORM/ACCOUNT/TYPE/ID, so that those of one account stand
-- together; the comparison is by bytes.
CREATE TABLE facts (
    entity      TEXT NOT NULL,
    name        TEXT NOT NULL,
    observed_at INTEGER NOT NULL,
    record      BLOB NOT NULL,
    PRIMARY KEY (entity, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX facts_name ON facts (name, entity);
