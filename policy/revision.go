package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/util"

	"github.com/bidrail/bidrail/policy/limits"
)

// What is read of a revision is bounded before it is parsed.
const (
	maxRevisionFiles  = 4096
	maxDocumentBytes  = 4 << 20 // one Rego or data file
	maxTableBytes     = 1 << 30 // one limits table
	maxArchiveBytes   = 1 << 30
	maxDocumentsBytes = 64 << 20 // all Rego and data files together
)

// Revision is one immutable version of the policy: Rego modules, data and limits, read but not
// yet compiled ([Compile] does that). It is named by its digest.
//
// A revision is a folder in the layout of an OPA bundle: Rego files anywhere, data.yaml and
// data.json files whose content lands in data at the path of their folder, limits tables
// as limits/*.csv beside limits/data.yaml, and scenarios as scenarios/*.yaml.
type Revision struct {
	Digest string // SHA-256 over the files, as "sha256:" and hex
	Source string // where it was read from, for people

	modules map[string]string // path → Rego text, tests included
	data    map[string]any    // what rules read as data; limits are not in it
	limits  *limits.Set
	files   []revisionFile

	archived func() ([]byte, error) // once: a revision does not change
}

type revisionFile struct {
	path    string
	content []byte // nil for tables, which are streamed and not kept
	sum     [sha256.Size]byte
}

// OpenRevision reads a revision from a folder or from a bundle (.tar.gz).
func OpenRevision(name string) (*Revision, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %v; name a folder of Rego files or a bundle.tar.gz", ErrRevision, err)
	}
	if info.IsDir() {
		return ReadRevision(os.DirFS(name), name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrRevision, err)
	}
	defer file.Close()
	return ReadBundle(file, name)
}

// ReadBundle reads a revision from a gzipped tar archive, such as `opa build` writes.
func ReadBundle(r io.Reader, source string) (*Revision, error) {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %s is not a gzipped bundle: %v", ErrRevision, source, err)
	}
	var files []sourceFile
	bounded := &io.LimitedReader{R: unzipped, N: maxArchiveBytes + 1}
	archive := tar.NewReader(bounded)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			// The checksum of the archive comes after what tar reads.
			if _, err := io.Copy(io.Discard, bounded); err != nil {
				return nil, fmt.Errorf("%w: bundle %s: %v", ErrRevision, source, err)
			}
			if bounded.N == 0 { // a cut archive can look like one that ended
				return nil, fmt.Errorf("%w: bundle %s: larger than %d MiB", ErrRevision, source, maxArchiveBytes>>20)
			}
			return readFiles(files, source)
		}
		if err != nil {
			return nil, fmt.Errorf("%w: bundle %s: %v", ErrRevision, source, err)
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if header.Typeflag == tar.TypeSymlink || header.Typeflag == tar.TypeLink {
			return nil, fmt.Errorf("%w: bundle %s: %s is a link, and would not be read; put the file itself there", ErrRevision, source, name)
		}
		if header.Typeflag != tar.TypeReg || kindOfFile(name) == otherFile || inHiddenFolder(name) {
			continue
		}
		if kindOfFile(name) != tableFile && header.Size > maxDocumentBytes {
			return nil, fmt.Errorf("%w: bundle %s: %s: larger than %d MiB", ErrRevision, source, name, maxDocumentBytes>>20)
		}
		if len(files) == maxRevisionFiles {
			return nil, fmt.Errorf("%w: bundle %s holds more than %d files", ErrRevision, source, maxRevisionFiles)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return nil, fmt.Errorf("%w: bundle %s: %s: %v", ErrRevision, source, name, err)
		}
		files = append(files, sourceFile{name, func() (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content)), nil
		}})
	}
}

// ReadRevision reads a revision from a folder. The error, which is an [ErrRevision], names each
// file that cannot be read and why.
func ReadRevision(fsys fs.FS, source string) (*Revision, error) {
	var files []sourceFile
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && name != "." && strings.HasPrefix(entry.Name(), "."):
			return fs.SkipDir
		case entry.IsDir() || entry.Type().IsRegular() && kindOfFile(name) == otherFile:
			return nil
		case entry.Type()&fs.ModeSymlink != 0:
			if info, err := fs.Stat(fsys, name); err != nil || info.IsDir() {
				return fmt.Errorf("%s is a link to a folder or to nothing, and would not be read; put the files themselves there", name)
			}
		case len(files) == maxRevisionFiles:
			return fmt.Errorf("more than %d files", maxRevisionFiles)
		}
		files = append(files, sourceFile{name, func() (io.ReadCloser, error) { return fsys.Open(name) }})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrRevision, source, err)
	}
	return readFiles(files, source)
}

// sourceFile is one file of a folder or an archive.
type sourceFile struct {
	name string
	open func() (io.ReadCloser, error)
}

// inHiddenFolder reports whether a folder on the way to the file is hidden, such as .git.
func inHiddenFolder(name string) bool {
	return strings.HasPrefix(name, ".") && strings.Contains(name, "/") || strings.Contains(path.Dir(name), "/.")
}

func readFiles(files []sourceFile, source string) (*Revision, error) {
	revision := &Revision{Source: source, modules: map[string]string{}, data: map[string]any{}}
	revision.archived = sync.OnceValues(revision.archive)
	var problems []error
	var tables []sourceFile
	total := 0
	// An archive has its files in any order; what they come to must not depend on it.
	slices.SortFunc(files, func(a, b sourceFile) int { return strings.Compare(a.name, b.name) })
	for i, file := range files {
		if i > 0 && files[i-1].name == file.name {
			problems = append(problems, fmt.Errorf("%s: the archive holds two files of this name", file.name))
			continue
		}
		switch kindOfFile(file.name) {
		case strangeFile:
			problems = append(problems, fmt.Errorf("%s is none of the files a revision is made of and would not be read: they are *.rego, data.yaml or data.json in any folder, limits/*.csv and scenarios/*.yaml", file.name))
			continue
		case tableFile:
			tables = append(tables, file)
			continue
		}
		content, err := readBounded(file, maxDocumentBytes)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		if total += len(content); total > maxDocumentsBytes {
			problems = append(problems, fmt.Errorf("the Rego and data files hold more than %d MiB; large limits belong in limits/*.csv", maxDocumentsBytes>>20))
			break
		}
		revision.files = append(revision.files, revisionFile{file.name, content, sha256.Sum256(content)})
		switch kindOfFile(file.name) {
		case moduleFile:
			revision.modules[file.name] = string(content)
		case dataFile:
			if err := revision.addData(file.name, content); err != nil {
				problems = append(problems, err)
			}
		}
	}
	if len(problems) == 0 && len(revision.modules) == 0 {
		problems = append(problems, errors.New("no Rego files; a revision is a folder like the shipped rego/"))
	}
	if len(problems) == 0 {
		problems = append(problems, revision.readLimits(tables))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrRevision, source, err)
	}
	revision.seal()
	return revision, nil
}

type fileKind int

const (
	otherFile   fileKind = iota // lies beside, and is not read
	strangeFile                 // refused
	moduleFile
	dataFile
	tableFile
	scenarioFile // an example, which belongs to the revision as tests do
)

// kindOfFile knows the files that a revision is made of and those that may lie beside them. Any other
// is refused: its author believes that it counts.
func kindOfFile(name string) fileKind {
	base, folder := path.Base(name), path.Dir(name)
	switch {
	case strings.HasSuffix(base, ".rego"):
		return moduleFile
	case folder == "scenarios" && base == "data.yaml":
		return strangeFile // a scenario to one reader, data to another
	case base == "data.yaml", base == "data.yml", base == "data.json":
		return dataFile
	case folder == "limits" && strings.HasSuffix(base, ".csv"):
		return tableFile
	case folder == "scenarios" && strings.HasSuffix(base, ".yaml"):
		return scenarioFile
	case strings.HasPrefix(base, "."), strings.HasSuffix(base, ".md"), strings.HasSuffix(base, ".go"),
		base == "LICENSE", base == "NOTICE", base == "Makefile", folder == "schemas" && strings.HasSuffix(base, ".json"):
		return otherFile
	default:
		return strangeFile
	}
}

func readBounded(file sourceFile, most int64) ([]byte, error) {
	reader, err := file.open()
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	content, err := io.ReadAll(io.LimitReader(reader, most+1))
	if err != nil {
		return nil, fmt.Errorf("%s: %v", file.name, err)
	}
	if int64(len(content)) > most {
		return nil, fmt.Errorf("%s: larger than %d MiB", file.name, most>>20)
	}
	return content, nil
}

// addData puts one data file where its folder says. Numbers must be integers: a fraction could
// not be compared exactly.
func (r *Revision) addData(name string, content []byte) error {
	var document any
	if err := util.Unmarshal(content, &document); err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	if document == nil {
		return nil
	}
	if err := onlyOnce(content); err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	if err := onlyIntegers(document, ""); err != nil {
		return fmt.Errorf("%s: %v", name, err)
	}
	object, ok := document.(map[string]any)
	if !ok {
		return fmt.Errorf("%s: must hold an object at the top", name)
	}
	if folder := path.Dir(name); folder != "." {
		for _, part := range slices.Backward(strings.Split(folder, "/")) {
			object = map[string]any{part: object}
		}
	}
	if _, taken := object["bidrail"]; taken {
		return fmt.Errorf("%s: data.bidrail is where rules are; data there would stand in for a rule that is undefined", name)
	}
	return merge(r.data, object, name, "")
}

// merge adds the members of from to into, deep. What stands in both and is not an object in both is
// said twice, and nobody could tell which holds.
func merge(into, from map[string]any, name, at string) error {
	for _, key := range slices.Sorted(maps.Keys(from)) {
		held, taken := into[key]
		if !taken {
			into[key] = from[key]
			continue
		}
		heldObject, deep := held.(map[string]any)
		object, deepToo := from[key].(map[string]any)
		if !deep || !deepToo {
			return fmt.Errorf("%s: another data file already holds data%s.%s", name, at, key)
		}
		if err := merge(heldObject, object, name, at+"."+key); err != nil {
			return err
		}
	}
	return nil
}

func onlyIntegers(document any, at string) error {
	switch value := document.(type) {
	case json.Number:
		if strings.ContainsAny(value.String(), ".eE") {
			return fmt.Errorf("%s: %s is not an integer; write ratios as text (12.5%%) and money as text (0.05 USD)", strings.TrimPrefix(at, "."), value)
		}
	case map[string]any:
		for key, member := range value {
			if err := onlyIntegers(member, at+"."+key); err != nil {
				return err
			}
		}
	case []any:
		for i, member := range value {
			if err := onlyIntegers(member, fmt.Sprintf("%s[%d]", at, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// seal computes the digest over paths and contents, in the order of the paths.
func (r *Revision) seal() {
	slices.SortFunc(r.files, func(a, b revisionFile) int { return strings.Compare(a.path, b.path) })
	sum := sha256.New()
	for _, file := range r.files {
		fmt.Fprintf(sum, "%d:%s %x\n", len(file.path), file.path, file.sum)
	}
	r.Digest = "sha256:" + hex.EncodeToString(sum.Sum(nil))
}

// Data returns the document at the top-level name of data, such as "experiments", or nil.
func (r *Revision) Data(name string) any { return r.data[name] }

// Document is a file of the revision that decides nothing.
type Document struct {
	Path    string
	Content []byte
}

// Scenarios are the files of the folder scenarios, sorted by path. The engine does not read them: they are examples of
// what the rules should answer, and part of the revision as its tests are.
func (r *Revision) Scenarios() []Document {
	var scenarios []Document
	for _, file := range r.files {
		if kindOfFile(file.path) == scenarioFile {
			scenarios = append(scenarios, Document{file.path, file.content})
		}
	}
	return scenarios
}

// Limits returns the limits of the revision.
func (r *Revision) Limits() *limits.Set { return r.limits }

// Archive writes the revision as a gzipped tar that [ReadBundle] reads back. The limits tables
// are named in it by their digests only: they are too large to be kept with every revision.
func (r *Revision) Archive() ([]byte, error) { return r.archived() }

func (r *Revision) archive() ([]byte, error) {
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	archive := tar.NewWriter(zipped)
	for _, file := range r.files {
		if file.content == nil {
			continue
		}
		header := &tar.Header{Name: file.path, Mode: 0o444, Size: int64(len(file.content)), ModTime: time.Unix(0, 0)}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(file.content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	if err := zipped.Close(); err != nil {
		return nil, err
	}
	return buffer.Bytes(), nil
}

// Complete reports whether [Revision.Archive] holds all of the revision, which it does unless
// there are limits tables.
func (r *Revision) Complete() bool {
	return !slices.ContainsFunc(r.files, func(file revisionFile) bool { return file.content == nil })
}

// Modules is how many Rego files the revision has; tests are not counted.
func (r *Revision) Modules() int {
	count := 0
	for name := range r.modules {
		if !strings.HasSuffix(name, "_test.rego") {
			count++
		}
	}
	return count
}
