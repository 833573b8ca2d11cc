-- What people keep beside the rules has no table, like modes: what an entry says is what its last event says. By this index the
-- entries are found, and whether any was put.
CREATE INDEX events_registry ON events (seq) WHERE kind IN ('experiment', 'calendar');
