package audit

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Receipt proves that a leaf is in the log. It is all that is needed, besides the record and the key of the log.
type Receipt struct {
	Leaf       []byte // encoded
	Index      int64
	Proof      tlog.RecordProof
	Checkpoint []byte // the signed note
}

// NewReceipt makes the receipt of an encoded leaf under a checkpoint. It checks the proof before it hands it out: a
// hash that was stored wrong is an [ErrUnproven] here and not at the auditor's.
func NewReceipt(leaf []byte, checkpoint Signed, stored tlog.HashReader) (Receipt, error) {
	decoded, err := DecodeLeaf(leaf)
	if err != nil {
		return Receipt{}, err
	}
	proof, err := ProveInclusion(checkpoint.Size, decoded.Sequence, stored)
	if err != nil {
		return Receipt{}, err
	}
	receipt := Receipt{Leaf: leaf, Index: decoded.Sequence, Proof: proof, Checkpoint: checkpoint.Note}
	if _, err := receipt.under(checkpoint.Checkpoint); err != nil {
		return Receipt{}, err
	}
	return receipt, nil
}

// Proven is what a receipt shows.
type Proven struct {
	Leaf       Leaf
	Checkpoint Signed
}

// Verify checks the receipt against the keys of the log and the record as it was handed over, without asking
// anybody: the record has the digest in the leaf, the leaf is at its index of the log, and the log was signed.
func (r Receipt) Verify(record []byte, keys ...note.Verifier) (Proven, error) {
	proven, err := r.VerifyLeaf(keys...)
	if err != nil {
		return Proven{}, err
	}
	if err := proven.Leaf.CheckRecord(record); err != nil {
		return Proven{}, err
	}
	return proven, nil
}

// VerifyLeaf is Verify for a record that is not there, such as one that was redacted. It proves no record.
func (r Receipt) VerifyLeaf(keys ...note.Verifier) (Proven, error) {
	checkpoint, err := OpenCheckpoint(r.Checkpoint, keys...)
	if err != nil {
		return Proven{}, err
	}
	leaf, err := r.under(checkpoint.Checkpoint)
	if err != nil {
		return Proven{}, err
	}
	return Proven{Leaf: leaf, Checkpoint: checkpoint}, nil
}

func (r Receipt) under(checkpoint Checkpoint) (Leaf, error) {
	leaf, err := DecodeLeaf(r.Leaf)
	if err != nil {
		return Leaf{}, err
	}
	if leaf.Sequence != r.Index {
		return Leaf{}, fmt.Errorf("%w: the leaf says that it is leaf %d, the receipt that it is %d", ErrUnproven, leaf.Sequence, r.Index)
	}
	if err := tlog.CheckRecord(r.Proof, checkpoint.Size, checkpoint.Root, r.Index, LeafHash(r.Leaf)); err != nil {
		return Leaf{}, fmt.Errorf("%w: leaf %d in the log of %d leaves: %w", ErrUnproven, r.Index, checkpoint.Size, err)
	}
	return leaf, nil
}

const receiptFormat = "bidrail.receipt.v1"

type receiptJSON struct {
	Format     string   `json:"format"`
	Leaf       string   `json:"leaf"`
	Index      int64    `json:"index"`
	Proof      []string `json:"proof"`
	Checkpoint string   `json:"checkpoint"`
}

// Encode is the receipt as JSON. Leaf and hashes are in base64, the checkpoint is text.
func (r Receipt) Encode() ([]byte, error) {
	return json.Marshal(receiptJSON{receiptFormat, base64.StdEncoding.EncodeToString(r.Leaf), r.Index, hashTexts(r.Proof), string(r.Checkpoint)})
}

// DecodeReceipt reads what [Receipt.Encode] writes. Any JSON with the same members will do, each of them once and no
// others: receipts are passed on by programs that lay out JSON their own way. It checks the form only; see
// [Receipt.Verify].
func DecodeReceipt(encoded []byte) (Receipt, error) {
	var (
		in      receiptJSON
		receipt Receipt
	)
	err := decodeObject(encoded, map[string]member{
		"format": exactly(receiptFormat), "leaf": into(&in.Leaf), "index": into(&in.Index),
		"proof": into(&in.Proof), "checkpoint": into(&in.Checkpoint),
	})
	if err == nil {
		receipt.Leaf, err = parseBase64(in.Leaf)
	}
	if err == nil {
		var proof []tlog.Hash
		proof, err = parseHashes(in.Proof)
		receipt.Proof = proof
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("receipt: %w", err)
	}
	receipt.Index, receipt.Checkpoint = in.Index, []byte(in.Checkpoint)
	return receipt, nil
}
