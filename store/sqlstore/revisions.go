package sqlstore

import (
	"database/sql"
	"fmt"
	"time"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

// Revision is described in store.RevisionReader.
func (r *reader) Revision(digest string) (store.Revision, error) {
	var (
		revision store.Revision
		loaded   int64
	)
	err := r.query("revision "+digest, func(rows *sql.Rows) error {
		return rows.Scan(&revision.Digest, &loaded, &revision.Size, &revision.Archive)
	}, "SELECT digest, loaded_at, size, archive FROM revisions WHERE digest = ?", digest)
	if err != nil {
		return store.Revision{}, err
	}
	if revision.Digest == "" {
		return store.Revision{}, fmt.Errorf("revision %s: %w", digest, policy.ErrNotFound)
	}
	revision.LoadedAt = time.UnixMicro(loaded).UTC()
	return revision, nil
}

// Revisions is described in store.RevisionReader.
func (r *reader) Revisions() ([]store.Revision, error) {
	var revisions []store.Revision
	err := r.query("list revisions", func(rows *sql.Rows) error {
		var (
			revision store.Revision
			loaded   int64
		)
		if err := rows.Scan(&revision.Digest, &loaded, &revision.Size); err != nil {
			return err
		}
		revision.LoadedAt = time.UnixMicro(loaded).UTC()
		revisions = append(revisions, revision)
		return nil
	}, "SELECT digest, loaded_at, size FROM revisions ORDER BY seq DESC")
	return revisions, err
}

// PutRevision is described in store.RevisionWriter.
func (w *writer) PutRevision(digest string, loadedAt time.Time, archive []byte) error {
	if digest == "" || len(archive) == 0 {
		return w.refuse(fmt.Errorf("%w: a revision needs a digest and an archive", policy.ErrInvalid))
	}
	if err := validWord("digest", digest); err != nil {
		return w.refuse(err)
	}
	return w.exec("put revision "+digest,
		"INSERT INTO revisions (digest, loaded_at, size, archive) VALUES (?,?,?,?) ON CONFLICT (digest) DO NOTHING",
		digest, loadedAt.UnixMicro(), len(archive), archive)
}
