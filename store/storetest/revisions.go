package storetest

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/store"
)

func revisions(t *testing.T, s store.Store) {
	big := bytes.Repeat([]byte("limits"), 500_000)
	for _, put := range []store.Revision{
		{Digest: "sha256:a", LoadedAt: start, Archive: []byte("first")},
		{Digest: "sha256:b", LoadedAt: start.Add(-time.Hour), Archive: big},
		{Digest: "sha256:a", LoadedAt: start.Add(time.Hour), Archive: []byte("first, packed another way")},
	} {
		err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutRevision(put.Digest, put.LoadedAt, put.Archive) })
		if err != nil {
			t.Fatal(err)
		}
	}
	view(t, s, func(r store.Reader) error {
		got, err := r.Revision("sha256:a")
		if err != nil {
			return err
		}
		want := store.Revision{Digest: "sha256:a", LoadedAt: start, Size: 5, Archive: []byte("first")}
		if difference := cmp.Diff(want, got); difference != "" {
			t.Errorf("revision (-want +got):\n%s", difference)
		}
		if got, err = r.Revision("sha256:b"); !bytes.Equal(got.Archive, big) {
			t.Errorf("got an archive of %d bytes, error %v, want %d", len(got.Archive), err, len(big))
		}
		all, err := r.Revisions()
		wantAll := []store.Revision{
			{Digest: "sha256:b", LoadedAt: start.Add(-time.Hour), Size: int64(len(big))},
			{Digest: "sha256:a", LoadedAt: start, Size: 5},
		}
		if difference := cmp.Diff(wantAll, all); difference != "" {
			t.Errorf("revisions (-want +got):\n%s", difference)
		}
		return err
	})
	err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutRevision("", start, nil) })
	wantError(t, "a revision without digest", err, policy.ErrInvalid)
}
