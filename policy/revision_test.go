package policy

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// bundle is a gzipped tar of the members, in their order.
func bundle(t *testing.T, members ...[2]string) []byte {
	t.Helper()
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	archive := tar.NewWriter(zipped)
	for _, member := range members {
		if err := archive.WriteHeader(&tar.Header{Name: member[0], Mode: 0o644, Size: int64(len(member[1]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(member[1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

// bundleOf has the files of a folder, with something in front of their names, last one first.
func bundleOf(t *testing.T, folder fstest.MapFS, prefix string) []byte {
	var members [][2]string
	names := slices.Sorted(maps.Keys(folder))
	slices.Reverse(names)
	for _, name := range names {
		members = append(members, [2]string{prefix + name, string(folder[name].Data)})
	}
	return bundle(t, members...)
}

func readBundle(t *testing.T, archive []byte) *Revision {
	t.Helper()
	revision, err := ReadBundle(bytes.NewReader(archive), "test.tar.gz")
	if err != nil {
		t.Fatal(err)
	}
	return revision
}

const keywordTable = "entity,bid.ceiling\n400,4.20 USD\n401,4.30 USD\n"

func TestBundleIsTheSameRevisionAsItsFolder(t *testing.T) {
	folder := smallRevision(files{"limits/keywords.csv": keywordTable, "README.md": "not part of it"})
	fromFolder, err := ReadRevision(folder, "folder")
	if err != nil {
		t.Fatal(err)
	}
	for _, prefix := range []string{"", "./", "/", "../../", "a/../"} {
		got := readBundle(t, bundleOf(t, folder, prefix))
		if got.Digest != fromFolder.Digest {
			t.Errorf("with names that begin with %q the digest is %s instead of %s", prefix, got.Digest, fromFolder.Digest)
		}
		if diff := cmp.Diff(fromFolder.modules, got.modules); diff != "" {
			t.Errorf("with names that begin with %q:\n%s", prefix, diff)
		}
		if diff := cmp.Diff(fromFolder.data, got.data); diff != "" {
			t.Errorf("with names that begin with %q:\n%s", prefix, diff)
		}
		if got.Limits().Len() != fromFolder.Limits().Len() {
			t.Errorf("%d limits instead of %d", got.Limits().Len(), fromFolder.Limits().Len())
		}
	}
}

func TestRevisionIsReadFromAFolderOrAFile(t *testing.T) {
	folder := smallRevision(nil)
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "pack"), folder); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "bundle.tar.gz")
	if err := os.WriteFile(file, bundleOf(t, folder, ""), 0o600); err != nil {
		t.Fatal(err)
	}
	want := readSmall(t, nil).Digest
	for _, name := range []string{filepath.Join(dir, "pack"), file} {
		revision, err := OpenRevision(name)
		if err != nil {
			t.Fatal(err)
		}
		if revision.Digest != want || revision.Source != name {
			t.Errorf("%s: digest %s, source %s", name, revision.Digest, revision.Source)
		}
	}
	if _, err := OpenRevision(filepath.Join(dir, "gone")); !errors.Is(err, ErrRevision) || !strings.Contains(err.Error(), "name a folder of Rego files or a bundle.tar.gz") {
		t.Errorf("a name that there is not: %v", err)
	}
}

func TestHiddenFoldersAreNotPartOfARevision(t *testing.T) {
	folder := smallRevision(files{".git/x.rego": "package x", "rules/.cache/y.rego": "package y", ".regal.yaml": "rules: {}"})
	want := readSmall(t, nil).Digest
	fromFolder, err := ReadRevision(folder, "folder")
	if err != nil {
		t.Fatal(err)
	}
	if fromFolder.Digest != want {
		t.Error("the folder's digest has what is hidden in it")
	}
	if got := readBundle(t, bundleOf(t, folder, "./")); got.Digest != want {
		t.Errorf("the bundle's digest has what is hidden in it: %v", slices.Sorted(maps.Keys(got.modules)))
	}
}

func TestDigestOfARevisionDependsOnEveryFile(t *testing.T) {
	base := files{"limits/keywords.csv": keywordTable, "rules/data.yaml": "bid.ceiling: {mode: shadow}\n", "rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n"}
	want := readSmall(t, base).Digest
	if !strings.HasPrefix(want, "sha256:") || len(want) != len("sha256:")+64 {
		t.Errorf("the digest is %s", want)
	}
	seen := map[string]string{want: "the revision itself"}
	for _, change := range []files{
		{"rules/ceiling.rego": ceilingRule + "\n"},
		{"rules/ceiling_test.rego": "package bidrail.rules.ceiling_test\n\n"},
		{"rules/data.yaml": "bid.ceiling: {mode: \"off\"}\n"},
		{"limits/keywords.csv": keywordTable + "402,4.40 USD\n"},
		{"limits/keywords.csv": ""},
		{"limits/data.yaml": smallLimits + "\n"},
		{"rules/ceiling.rego": "", "rules/ceilings.rego": ceilingRule},
	} {
		all := maps.Clone(base)
		maps.Copy(all, change)
		got := readSmall(t, all).Digest
		if other, taken := seen[got]; taken {
			t.Errorf("%v has the digest of %s", slices.Sorted(maps.Keys(change)), other)
		}
		seen[got] = fmt.Sprint(change)
	}
	if again := readSmall(t, base).Digest; again != want {
		t.Error("read again, the same files have another digest")
	}
}

func TestArchiveReadsBackTheSame(t *testing.T) {
	engine := shippedEngine(t)
	for name, revision := range map[string]*Revision{"small": readSmall(t, nil), "shipped": engine.Revision()} {
		if !revision.Complete() {
			t.Fatalf("%s: there are tables in it", name)
		}
		archive, err := revision.Archive()
		if err != nil {
			t.Fatal(err)
		}
		back := readBundle(t, archive)
		if back.Digest != revision.Digest || back.Modules() != revision.Modules() {
			t.Errorf("%s: %s with %d modules reads back as %s with %d", name, revision.Digest, revision.Modules(), back.Digest, back.Modules())
		}
		if diff := cmp.Diff(revision.data, back.data); diff != "" {
			t.Errorf("%s: (-written +read)\n%s", name, diff)
		}
		again, err := back.Archive()
		if err != nil || !bytes.Equal(again, archive) {
			t.Errorf("%s: the archive of what was read back is another one (%v)", name, err)
		}
	}
}

func TestArchiveSaysWhenTablesAreNotInIt(t *testing.T) {
	revision := readSmall(t, files{"limits/keywords.csv": keywordTable})
	if revision.Complete() {
		t.Error("a revision with tables says that its archive is complete")
	}
	archive, err := revision.Archive()
	if err != nil {
		t.Fatal(err)
	}
	if back := readBundle(t, archive); back.Digest == revision.Digest {
		t.Error("without its table the revision has the same digest")
	}
}

func TestRevisionThatCannotBeReadIsRefused(t *testing.T) {
	for _, test := range []struct {
		name string
		over files
		want []string
	}{
		{"a fraction", files{"rules/data.yaml": "a: {b: [1, 0.5]}\n"}, []string{"rules/data.yaml: a.b[1]: 0.5 is not an integer; write ratios as text (12.5%) and money as text (0.05 USD)"}},
		{"a number with an exponent", files{"x/data.json": `{"a": 1e6}`}, []string{"x/data.json: a: 1e6 is not an integer"}},
		{"a list at the top", files{"x/data.yaml": "[1]\n"}, []string{"x/data.yaml: must hold an object at the top"}},
		{"a word at the top", files{"x/data.json": `"a"`}, []string{"x/data.json: must hold an object at the top"}},
		{"no YAML", files{"x/data.yaml": "a: [1\n"}, []string{"x/data.yaml: "}},
		{"two files for one place", files{"x/data.yaml": "a: 1\n", "x/data.json": `{"a": 1}`}, []string{"x/data.yaml: another data file already holds data.x.a"}},
		{"a file for a place within another's", files{"data.yaml": "x: {a: {b: 1}}\n", "x/a/data.yaml": "b: 2\n"}, []string{"x/a/data.yaml: another data file already holds data.x.a.b"}},
		{"a file below another's value", files{"x/data.yaml": "a: 1\n", "x/a/b/data.yaml": "c: 2\n"}, []string{"another data file already holds"}},
		{"a limit twice", files{"limits/data.yaml": smallLimits + "      bid.ceiling: [90.00 USD]\n"}, []string{"limits/data.yaml: line 14: bid.ceiling is said twice; line 11 says it first"}},
		{"a mode twice", files{"rules/data.yaml": "bid.ceiling: {mode: enforce}\n\nbid.ceiling: {mode: shadow}\n"}, []string{"rules/data.yaml: line 3: bid.ceiling is said twice; line 1 says it first"}},
		{"a key twice, as number and as text", files{"x/data.yaml": "a: [{1: 2, \"1\": 3}]\n"}, []string{"x/data.yaml: line 1: 1 is said twice"}},
		{"a key twice in JSON", files{"x/data.json": `{"a": [{"b": 1, "c": {"b": 2}}, {"b": 1, "\u0062": 2}]}`}, []string{"x/data.json: b is said twice"}},
		{"no Rego", files{"rules/ceiling.rego": ""}, []string{"no Rego files; a revision is a folder like the shipped rego/"}},
		{"a limit that cannot be read", files{"limits/data.yaml": strings.Replace(smallLimits, "50.00 USD", "fifty", 1)}, []string{"limits/data.yaml#defaults: ", "bid.ceiling"}},
		{"a limit that is not defined", files{"limits/keywords.csv": "entity,bid.cieling\n1,4.20 USD\n"}, []string{"limits/keywords.csv", "bid.cieling"}},
		{"a large data file", files{"x/data.yaml": strings.Repeat("#", maxDocumentBytes+1)}, []string{"x/data.yaml: larger than 4 MiB"}},
		{"a large module", files{"x.rego": strings.Repeat("#", maxDocumentBytes+1)}, []string{"x.rego: larger than 4 MiB"}},
		{"a scenario that might be data", files{"scenarios/data.yaml": "title: a\n"}, []string{"scenarios/data.yaml is none of the files a revision is made of"}},
		{"a scenario with another ending", files{"scenarios/a.yml": "title: a\n"}, []string{"scenarios/a.yml is none of the files", "limits/*.csv and scenarios/*.yaml"}},
		{"a scenario in a folder of its own", files{"scenarios/a/b.yaml": "title: a\n"}, []string{"scenarios/a/b.yaml is none of the files"}},
		{"two problems", files{"x/data.yaml": "[1]\n", "y/data.yaml": "[1]\n"}, []string{"x/data.yaml: must hold", "y/data.yaml: must hold"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			folder := smallRevision(test.over)
			_, fromFolder := ReadRevision(folder, "test")
			_, fromBundle := ReadBundle(bytes.NewReader(bundleOf(t, folder, "")), "test.tar.gz")
			for _, err := range []error{fromFolder, fromBundle} {
				if !errors.Is(err, ErrRevision) {
					t.Errorf("got %v, want an ErrRevision", err)
					continue
				}
				for _, want := range test.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("got  %v\nwant %s", err, want)
					}
				}
			}
		})
	}
}

func TestOneKeyInSeveralObjectsIsNotSaidTwice(t *testing.T) {
	readSmall(t, files{
		"x/data.yaml": "base: &base {a: 1}\none: {<<: *base, b: 1}\ntwo: [{a: 1}, {a: 1}, a, a]\n\"\": {a: {a: a}}\n",
		"y/data.json": "{\t\"a\": {\"a\": [\"a\", \"a\", {\"a\": null}]}, \"b\": {\"a\": 1}}",
	})
}

func TestRevisionOfTooManyOrTooLargeFilesIsRefused(t *testing.T) {
	many := smallRevision(nil)
	for i := range maxRevisionFiles {
		many[fmt.Sprintf("lib/%d.rego", i)] = &fstest.MapFile{}
	}
	large := smallRevision(nil)
	for i := range maxDocumentsBytes/maxDocumentBytes + 1 {
		large[fmt.Sprintf("lib/%d.rego", i)] = &fstest.MapFile{Data: bytes.Repeat([]byte("#"), maxDocumentBytes)}
	}
	for want, folder := range map[string]fstest.MapFS{"more than 4096 files": many, "hold more than 64 MiB": large} {
		_, fromFolder := ReadRevision(folder, "test")
		_, fromBundle := ReadBundle(bytes.NewReader(bundleOf(t, folder, "")), "test.tar.gz")
		for _, err := range []error{fromFolder, fromBundle} {
			if !errors.Is(err, ErrRevision) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %s", err, want)
			}
		}
	}
}

func TestDamagedBundleIsRefused(t *testing.T) {
	whole := bundleOf(t, smallRevision(nil), "")
	readBundle(t, whole)
	cut := func(at int) []byte { return whole[:at] }
	flipped := slices.Clone(whole)
	flipped[len(flipped)-6] ^= 1 // in the checksum, behind everything that tar reads
	for name, archive := range map[string][]byte{
		"nothing": nil, "no gzip": []byte("package x"), "half": cut(len(whole) / 2), "all but the checksum": cut(len(whole) - 8), "another checksum": flipped,
		"a file twice": bundle(t, [2]string{"rules/a.rego", ceilingRule}, [2]string{"./rules/a.rego", "package bidrail.lib.a\n"}),
		"only links":   onlyLinks(t),
	} {
		if _, err := ReadBundle(bytes.NewReader(archive), "test.tar.gz"); !errors.Is(err, ErrRevision) {
			t.Errorf("%s: got %v, want an ErrRevision", name, err)
		}
	}
	for at := range len(whole) {
		if _, err := ReadBundle(bytes.NewReader(cut(at)), "test.tar.gz"); err == nil {
			t.Fatalf("cut off after %d of %d bytes it is read", at, len(whole))
		}
	}
}

func onlyLinks(t *testing.T) []byte {
	var buffer bytes.Buffer
	zipped := gzip.NewWriter(&buffer)
	archive := tar.NewWriter(zipped)
	for _, kind := range []byte{tar.TypeSymlink, tar.TypeLink} {
		if err := archive.WriteHeader(&tar.Header{Name: "rules/a.rego", Typeflag: kind, Linkname: "/etc/passwd"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return buffer.Bytes()
}

func TestScenariosAreKeptWithTheRevisionAndAreNoData(t *testing.T) {
	revision := readSmall(t, files{"scenarios/b.yaml": "title: b\n", "scenarios/a.yaml": "title: [", "scenarios/README.md": "not part of it"})
	want := []Document{{"scenarios/a.yaml", []byte("title: [")}, {"scenarios/b.yaml", []byte("title: b\n")}}
	if difference := cmp.Diff(want, revision.Scenarios()); difference != "" {
		t.Error(difference)
	}
	if revision.Data("scenarios") != nil || revision.Digest == readSmall(t, nil).Digest {
		t.Errorf("data.scenarios is %v, and the digest %s", revision.Data("scenarios"), revision.Digest)
	}
	archive, err := revision.Archive()
	if err != nil {
		t.Fatal(err)
	}
	if back := readBundle(t, archive); back.Digest != revision.Digest || cmp.Diff(want, back.Scenarios()) != "" {
		t.Errorf("out of the archive come %v and %s", back.Scenarios(), back.Digest)
	}
}

func TestDataLandsAtItsFolder(t *testing.T) {
	revision := readSmall(t, files{
		"data.yaml":       "naming: {first: 1}\n",
		"naming/data.yml": "second: {third: text}\n",
		"empty/data.yaml": "# nothing yet\n",
	})
	want := map[string]any{"naming": map[string]any{"first": json.Number("1"), "second": map[string]any{"third": "text"}}}
	if diff := cmp.Diff(want["naming"], revision.Data("naming")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if revision.Data("limits") != nil {
		t.Error("rules can read the limits of all targets")
	}
	if revision.Data("nothing") != nil {
		t.Error("there is data that nobody wrote")
	}
}

// Numbers of data stay exact, however long they are.
func TestDataKeepsLargeIntegers(t *testing.T) {
	revision := readSmall(t, files{"x/data.yaml": "budget: 55000000000000001\n", "y/data.json": `{"budget": 9223372036854775807}`})
	for name, want := range map[string]string{"x": "55000000000000001", "y": "9223372036854775807"} {
		if got := fmt.Sprint(revision.Data(name).(map[string]any)["budget"]); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}
