package store

import "time"

// Revision is a policy revision as it was loaded.
type Revision struct {
	Digest   string
	LoadedAt time.Time // when it was first put
	Size     int64     // of Archive, in bytes
	Archive  []byte    // the revision itself; nil in lists
}

// RevisionReader finds revisions.
type RevisionReader interface {
	// Revision is the revision with that digest, or policy.ErrNotFound.
	Revision(digest string) (Revision, error)
	// Revisions is all revisions without their archives, the last put first.
	Revisions() ([]Revision, error)
}

// RevisionWriter keeps revisions, so that a decision can be explained by the policy that made it.
type RevisionWriter interface {
	// PutRevision keeps a revision. The digest names its contents, so putting one that is there
	// already changes nothing and is no error.
	PutRevision(digest string, loadedAt time.Time, archive []byte) error
}
