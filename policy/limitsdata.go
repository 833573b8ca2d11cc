package policy

import (
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/bidrail/bidrail/policy/limits"
)

// readLimits takes data.limits out of what rules read, since limits reach them resolved, as
// input.limits, and adds the tables.
func (r *Revision) readLimits(tables []sourceFile) error {
	var builder limits.Builder
	if document, ok := r.data["limits"]; ok {
		if err := builder.Decode(document, "limits/data.yaml"); err != nil {
			return err
		}
		delete(r.data, "limits")
	}
	for _, table := range tables {
		if err := r.readTable(&builder, table); err != nil {
			return err
		}
	}
	set, err := builder.Build()
	if err != nil {
		return err
	}
	r.limits = set
	return nil
}

// readTable streams one table into the index, and its digest into the revision's.
func (r *Revision) readTable(builder *limits.Builder, table sourceFile) error {
	reader, err := table.open()
	if err != nil {
		return err
	}
	defer reader.Close()
	sum := sha256.New()
	bounded := &io.LimitedReader{R: reader, N: maxTableBytes + 1}
	if err := builder.ReadTable(io.TeeReader(bounded, sum), table.name); err != nil {
		return err
	}
	// What the table's reader left unread still counts for the digest.
	if _, err := io.Copy(sum, bounded); err != nil {
		return fmt.Errorf("%s: %v", table.name, err)
	}
	if bounded.N == 0 {
		return fmt.Errorf("%s: larger than %d MiB", table.name, maxTableBytes>>20)
	}
	r.files = append(r.files, revisionFile{path: table.name, sum: [sha256.Size]byte(sum.Sum(nil))})
	return nil
}
