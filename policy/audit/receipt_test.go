package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func receiptFor(t testing.TB, b *book, at int64, checkpoint Signed) Receipt {
	t.Helper()
	receipt, err := NewReceipt(b.stored[at].Leaf, checkpoint, b.hashes)
	if err != nil {
		t.Fatal(err)
	}
	return receipt
}

func TestReceipt(t *testing.T) {
	signer, verifier := key(t, origin, 1)
	_, stranger := key(t, origin, 2)
	b := new(book).grow(t, 20, "x")
	signed := b.signed(t, 20, signer)
	receipt := receiptFor(t, b, 11, signed)

	encoded, err := receipt.Encode()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/receipt.json", string(encoded)+"\n")
	decoded, err := DecodeReceipt(encoded)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(receipt, decoded); diff != "" {
		t.Errorf("decoded is not what was encoded (-want +got):\n%s", diff)
	}
	proven, err := decoded.Verify(b.stored[11].Record, verifier)
	if err != nil {
		t.Fatal(err)
	}
	if proven.Leaf.Object != "decision-11" || proven.Checkpoint.Checkpoint != signed.Checkpoint {
		t.Errorf("proven is %+v", proven)
	}
	if err := proven.Leaf.CheckInput([]byte("{}")); !errors.Is(err, ErrUnproven) {
		t.Errorf("an input that was none: got %v, want ErrUnproven", err)
	}
	for _, record := range [][]byte{nil, {}, b.stored[12].Record, append(bytes.Clone(b.stored[11].Record), ' ')} {
		if _, err := decoded.Verify(record, verifier); !errors.Is(err, ErrUnproven) {
			t.Errorf("with the record %q: got %v, want ErrUnproven", record, err)
		}
	}
	if _, err := decoded.VerifyLeaf(verifier); err != nil {
		t.Errorf("without a record: %v", err)
	}
	if _, err := decoded.VerifyLeaf(stranger); !errors.Is(err, ErrSignature) {
		t.Errorf("with another key: got %v, want ErrSignature", err)
	}

	other := receiptFor(t, b, 12, signed)
	for name, edit := range map[string]func(*Receipt){
		"another leaf":          func(r *Receipt) { r.Leaf = other.Leaf },
		"another index":         func(r *Receipt) { r.Index = 12 },
		"another proof":         func(r *Receipt) { r.Proof = other.Proof },
		"a leaf at another end": func(r *Receipt) { r.Leaf, r.Index = other.Leaf, other.Index },
		"longer proof":          func(r *Receipt) { r.Proof = append(r.Proof[:len(r.Proof):len(r.Proof)], r.Proof[0]) },
		"shorter proof":         func(r *Receipt) { r.Proof = r.Proof[:1] },
		"an older checkpoint":   func(r *Receipt) { r.Checkpoint = b.signed(t, 11, signer).Note },
		"a newer checkpoint":    func(r *Receipt) { r.Checkpoint = new(book).grow(t, 20, "y").signed(t, 20, signer).Note },
	} {
		changed := receipt
		edit(&changed)
		if _, err := changed.VerifyLeaf(verifier); !errors.Is(err, ErrUnproven) {
			t.Errorf("%s: got %v, want ErrUnproven", name, err)
		}
	}
	for bit := range 8 * len(encoded) {
		changed := bytes.Clone(encoded)
		flip(changed, bit)
		receipt, err := DecodeReceipt(changed)
		if err != nil {
			continue
		}
		if _, err := receipt.Verify(b.stored[11].Record, verifier); err == nil {
			t.Errorf("accepted with bit %d changed:\n%s", bit, changed)
		}
	}
}

// A log could be built around a leaf that names another place than its own.
func TestReceiptOfMisplacedLeaf(t *testing.T) {
	signer, verifier := key(t, origin, 1)
	var b book
	leaf := encode(t, sampleLeaf()) // it says that it is leaf 41
	b.hashes = b.tree.push(LeafHash(leaf), nil)
	receipt := Receipt{Leaf: leaf, Checkpoint: b.signed(t, 1, signer).Note}
	if _, err := receipt.VerifyLeaf(verifier); !errors.Is(err, ErrUnproven) {
		t.Errorf("got %v, want ErrUnproven", err)
	}
}

// A receipt that does not hold never leaves the house.
func TestNewReceiptChecks(t *testing.T) {
	signer, _ := key(t, origin, 1)
	b := new(book).grow(t, 20, "x")
	signed := b.signed(t, 20, signer)
	damaged := b.clone()
	damaged.hashes[0][0] ^= 1 // leaf 0, the neighbour of leaf 1
	if _, err := NewReceipt(b.stored[1].Leaf, signed, damaged.hashes); !errors.Is(err, ErrUnproven) {
		t.Errorf("with a damaged hash: got %v, want ErrUnproven", err)
	}
	if _, err := NewReceipt(b.stored[15].Leaf, b.signed(t, 15, signer), b.hashes); !errors.Is(err, ErrMalformed) {
		t.Errorf("of a leaf after the checkpoint: got %v, want ErrMalformed", err)
	}
	if _, err := NewReceipt([]byte("leaf"), signed, b.hashes); !errors.Is(err, ErrMalformed) {
		t.Errorf("of no leaf: got %v, want ErrMalformed", err)
	}
}

func TestDecodeReceipt(t *testing.T) {
	signer, verifier := key(t, origin, 1)
	b := new(book).grow(t, 3, "x")
	receipt := receiptFor(t, b, 1, b.signed(t, 3, signer))
	encoded, err := receipt.Encode()
	if err != nil {
		t.Fatal(err)
	}
	good := string(encoded)

	var indented bytes.Buffer
	if err := json.Indent(&indented, encoded, "", "  "); err != nil {
		t.Fatal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(encoded, &members); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"indented":          indented.String(),
		"sorted":            string(sorted),
		"escaped":           strings.ReplaceAll(good, "—", `\u2014`),
		"with a line break": good + "\n",
	} {
		decoded, err := DecodeReceipt([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if _, err := decoded.Verify(b.stored[1].Record, verifier); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	for _, each := range []struct{ name, old, new string }{
		{"nothing", good, ""},
		{"null", good, "null"},
		{"a list", good, "[" + good + "]"},
		{"two", good, good + good},
		{"cut off", `"}`, `"`},
		{"another format", "receipt.v1", "receipt.v2"},
		{"no format", `"format":"bidrail.receipt.v1",`, ""},
		{"index twice", `"index":1,`, `"index":1,"index":1,`},
		{"index in capitals", `"index"`, `"Index"`},
		{"no index", `"index":1,`, ""},
		{"null index", `"index":1,`, `"index":null,`},
		{"index as text", `"index":1,`, `"index":"1",`},
		{"index as a fraction", `"index":1,`, `"index":1.0,`},
		{"null proof", `"proof":[`, `"proof":null,"x":[`},
		{"null in the proof", `"proof":[`, `"proof":[null,`},
		{"short hash", `"proof":[`, `"proof":["AAAA",`},
		{"not base64", `"leaf":"`, `"leaf":"*`},
		{"break in base64", `"leaf":"`, `"leaf":"\n`},
		{"unknown member", `"index":1,`, `"index":1,"note":"",`},
		{"proof without end", `"proof":[`, `"proof":[` + strings.Repeat(`"`+receipt.Proof[0].String()+`",`, maxProof)},
		{"too long", `"index":1,`, `"index":1,` + strings.Repeat(" ", maxEvidence)},
	} {
		text := strings.Replace(good, each.old, each.new, 1)
		if text == good {
			t.Fatalf("%s changes nothing", each.name)
		}
		if _, err := DecodeReceipt([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: got %v, want ErrMalformed", each.name, err)
		}
	}
}

func FuzzReceipt(f *testing.F) {
	signer, verifier := key(f, origin, 1)
	b := new(book).grow(f, 5, "x")
	signed := b.signed(f, 5, signer)
	for at := range int64(5) {
		encoded, err := receiptFor(f, b, at, signed).Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(encoded)
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		receipt, err := DecodeReceipt(encoded)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v, want ErrMalformed", err)
			}
			return
		}
		again, err := receipt.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if second, err := DecodeReceipt(again); err != nil || !cmp.Equal(receipt, second) {
			t.Errorf("encoded again it is %+v, %v; want %+v", second, err, receipt)
		}
		// Whatever verifies is a leaf of this log.
		if proven, err := receipt.VerifyLeaf(verifier); err == nil && !bytes.Equal(encode(t, proven.Leaf), b.stored[receipt.Index].Leaf) {
			t.Errorf("a leaf that was never logged verifies: %+v", proven.Leaf)
		}
	})
}
