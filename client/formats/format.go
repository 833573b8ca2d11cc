package formats

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Format is one platform's form of updates.
type Format string

// The formats.
const (
	GoogleAds Format = "google-ads"
	AmazonSP  Format = "amazon-sp"
	Meta      Format = "meta"
	Microsoft Format = "microsoft"
	TikTok    Format = "tiktok"
)

// Formats returns every format.
func Formats() []Format { return []Format{GoogleAds, AmazonSP, Meta, Microsoft, TikTok} }

// Parse returns the format of that name.
func Parse(name string) (Format, error) {
	if slices.Contains(Formats(), Format(name)) {
		return Format(name), nil
	}
	return "", fmt.Errorf("no format is called %q; there are google-ads, amazon-sp, meta, microsoft and tiktok", shorten(name))
}

// platform is what differs between the formats.
type platform interface {
	// name is Target.platform.
	name() string
	// read finds the operations of a payload and gives each to the reader.
	read(r *reader, root *node) error
	// owner is the platform's resource that an update of the target goes to. Changes of one resource can be in one operation.
	owner(target *bidrailv1.Target) (string, error)
	// write writes a payload of operations, each of which has one owner.
	write(w *writer, operations [][]*bidrailv1.Change) (string, error)
}

func (f Format) platform() (platform, error) {
	switch f {
	case GoogleAds:
		return googleAds{}, nil
	case AmazonSP:
		return amazonSP{}, nil
	case Meta:
		return meta{}, nil
	case Microsoft:
		return microsoft{}, nil
	case TikTok:
		return tiktok{}, nil
	}
	_, err := Parse(string(f))
	return nil, err
}

// Payload is a platform's updates, and the changes that they are.
type Payload struct {
	Format     Format
	Operations []Operation

	data []byte
}

// Operation is one thing that a payload asks of the platform, which lands whole or not at all.
type Operation struct {
	Index    int    // in the payload, from 0
	Resource string // what it updates, as the platform names it
	// Changes are at least one. Where there are several they share an atomic_group_id.
	Changes []*bidrailv1.Change

	start, end int // in the payload
}

// Limits of what is read at once. Google takes 10,000 operations a call, the others fewer.
const (
	MaxOperations = 10_000
	MaxBytes      = 64 << 20
)

// Read reads a payload and makes of each of its operations the changes that it is. What it does not understand whole it refuses, with
// an error that names the operation and what is not understood: nothing passes through unjudged.
func Read(format Format, payload []byte, context *Context) (*Payload, error) {
	platform, err := format.platform()
	if err != nil {
		return nil, err
	}
	if err := context.complete(); err != nil {
		return nil, fmt.Errorf("context: %w", err)
	}
	resources, err := context.index()
	if err != nil {
		return nil, fmt.Errorf("context: %w", err)
	}
	if len(payload) > MaxBytes {
		return nil, fmt.Errorf("payload: it has %d bytes; %d are the most", len(payload), MaxBytes)
	}
	root, err := parse(payload)
	if err != nil {
		return nil, fmt.Errorf("payload: %w", err)
	}
	units, err := unitsOf(context)
	if err != nil {
		return nil, err
	}
	r := &reader{context: context, resources: resources, account: format.account(context.Account), units: units, run: context.Run, payload: &Payload{Format: format, data: bytes.Clone(payload)}}
	if r.run == "" {
		sum := sha256.New()
		content := sha256.Sum256(payload)
		sum.Write([]byte(format))
		sum.Write(content[:])
		sum.Write(context.digest[:])
		r.run = hex.EncodeToString(sum.Sum(nil)[:12])
	}
	if err := platform.read(r, root); err != nil {
		return nil, err
	}
	if len(r.payload.Operations) == 0 {
		return nil, errors.New("payload: there are no operations in it")
	}
	return r.payload, nil
}

// Changes returns the changes of all operations, in order.
func (p *Payload) Changes() []*bidrailv1.Change {
	var changes []*bidrailv1.Change
	for i := range p.Operations {
		changes = append(changes, p.Operations[i].Changes...)
	}
	return changes
}

// Emit writes the payload with only those of its operations that keep asks for, in their order. Everything else in it, the operations
// included, is as it was, byte for byte. Where none is kept there is nothing to send, and Emit returns nil: no platform takes an empty
// list.
func (p *Payload) Emit(keep func(index int) bool) []byte {
	operations := p.Operations
	out := make([]byte, 0, len(p.data))
	kept := 0
	for i := range operations {
		if !keep(i) {
			continue
		}
		if kept == 0 {
			out = append(out, p.data[:operations[0].start]...)
		} else {
			out = append(out, p.data[operations[i-1].end:operations[i].start]...) // the comma, and the space around it
		}
		out = append(out, p.data[operations[i].start:operations[i].end]...)
		kept++
	}
	if kept == 0 {
		return nil
	}
	return append(out, p.data[operations[len(operations)-1].end:]...)
}

// reader turns what platforms find into operations and changes.
type reader struct {
	context   *Context
	resources map[string]*Resource
	account   string
	units     units
	run       string
	payload   *Payload
}

// entity is what an update is of, as far as the payload says.
type entity struct {
	key    string // what the context knows it by
	target *bidrailv1.Target
}

// edit is one field that an operation writes.
type edit struct {
	entity entity
	kind   bidrailv1.Kind
	after  *bidrailv1.Value
	paths  []string
}

// refused is an error of the operation that would be next.
func (r *reader) refused(resource string, err error) error {
	if resource == "" {
		return fmt.Errorf("operation %d: %w", len(r.payload.Operations), err)
	}
	return fmt.Errorf("operation %d (%s): %w", len(r.payload.Operations), shorten(resource), err)
}

// known is what the context knows of an entity; nil: nothing.
func (r *reader) known(key string) *Resource { return r.resources[key] }

// holds is the text that the context says is there now; "": it does not say.
func (r *reader) holds(key string, kind bidrailv1.Kind) string {
	value, _ := r.context.before(r.known(key), kind)
	return value.GetText()
}

// operation adds an operation that stands at a node of the payload.
func (r *reader) operation(resource string, at *node, edits []edit) error {
	for _, each := range edits {
		for _, id := range []string{each.entity.target.GetEntityId(), each.entity.target.GetCampaign(), each.entity.target.GetAdGroup()} {
			if zeros(id) {
				return r.refused(resource, fmt.Errorf("the id %s begins with a zero; write it as the platform does, or it would be taken for another entity", shorten(id)))
			}
		}
	}
	index := len(r.payload.Operations)
	if index == MaxOperations {
		return fmt.Errorf("payload: it has more than %d operations; send them in parts", MaxOperations)
	}
	if len(edits) == 0 {
		return r.refused(resource, errors.New("it writes nothing that can be judged"))
	}
	operation := Operation{Index: index, Resource: resource, Changes: make([]*bidrailv1.Change, 0, len(edits)), start: at.start, end: at.end()}
	id := r.run + "/" + strconv.Itoa(index)
	for i, each := range edits {
		for _, other := range edits[:i] {
			if other.kind == each.kind && other.entity.key == each.entity.key {
				return r.refused(resource, fmt.Errorf("%s and %s are two values of one kind; send them one by one", other.paths[0], each.paths[0]))
			}
		}
		change := &bidrailv1.Change{
			ChangeId: id, BatchId: r.run, Kind: each.kind, After: each.after,
			Actor: &bidrailv1.Actor{Run: r.run}, FieldMask: each.paths,
		}
		if len(edits) > 1 {
			change.ChangeId += "." + strconv.Itoa(i)
			change.AtomicGroupId = id
		}
		known := r.known(each.entity.key)
		change.Target = proto.CloneOf(each.entity.target)
		change.Target.Account = r.account
		facts, err := r.context.describe(change.Target, known)
		if err != nil {
			return r.refused(resource, err)
		}
		change.Facts = facts
		change.Before, change.BeforeObservedAt = r.context.before(known, each.kind)
		operation.Changes = append(operation.Changes, change)
	}
	r.payload.Operations = append(r.payload.Operations, operation)
	return nil
}

// zeros says whether an id, or a part of one, is a number with a zero before it: what a platform may take for the one without.
func zeros(id string) bool {
	for part := range strings.FieldsFuncSeq(id, func(r rune) bool { return r == '~' || r == '/' }) {
		if len(part) > 1 && part[0] == '0' && digits(part) {
			return true
		}
	}
	return false
}

// update reads an object that updates one entity, by what is understood of its type. special reads what is no plain field: it says
// whether it has.
func (r *reader) update(n *node, understood *resource, of entity, special func(path string, n *node) ([]edit, bool, error)) ([]edit, error) {
	if n.kind != '{' {
		return nil, fmt.Errorf("it is %s and not an object", n.what())
	}
	var edits []edit
	err := leaves(n, "", func(path string, n *node) error {
		if special != nil {
			more, done, err := special(path, n)
			if err != nil {
				return fmt.Errorf("%s: %w", path, err)
			}
			if done {
				edits = append(edits, more...)
				return nil
			}
		}
		if understood.identifies(path) {
			return nil
		}
		field := understood.field(path)
		if field == nil {
			return understood.notUnderstood(path)
		}
		after, err := field.read(r.units, n)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		edits = append(edits, edit{of, field.kind, after, []string{path}})
		return nil
	})
	return edits, err
}

// account checks that a payload is for the context's account.
func (r *reader) accountIs(n *node) error {
	if n == nil {
		return nil
	}
	id, err := n.id()
	if err != nil {
		return err
	}
	if r.payload.Format.account(id) != r.account {
		return fmt.Errorf("the payload is for the account %s and the context for %s", shorten(id), r.account)
	}
	return nil
}

// account is the one way in which an account's id is written, so that it has one set of limits: Google's without the dashes of its
// pages, Meta's without act_.
func (f Format) account(id string) string {
	switch f {
	case GoogleAds:
		return strings.ReplaceAll(id, "-", "")
	case Meta:
		return strings.TrimPrefix(id, "act_")
	default:
		return id
	}
}

// Write is the way back: the payload that makes the changes. Changes that share an atomic_group_id and are of one resource of the
// platform are one operation; every other change is one of its own. A change that the platform has no such field for is an error.
func Write(format Format, changes []*bidrailv1.Change, context *Context) ([]byte, error) {
	platform, err := format.platform()
	if err != nil {
		return nil, err
	}
	if err := context.complete(); err != nil {
		return nil, fmt.Errorf("context: %w", err)
	}
	resources, err := context.index()
	if err != nil {
		return nil, fmt.Errorf("context: %w", err)
	}
	units, err := unitsOf(context)
	if err != nil {
		return nil, err
	}
	w := &writer{resources: resources, context: context, units: units}
	var operations [][]*bidrailv1.Change
	grouped := map[[2]string]int{}
	for i, change := range changes {
		if got := change.GetTarget().GetPlatform(); got != platform.name() {
			return nil, fmt.Errorf("change %d: it is for %q and the payload for %s", i, shorten(got), platform.name())
		}
		if got := change.GetTarget().GetAccount(); format.account(got) != format.account(context.Account) {
			return nil, fmt.Errorf("change %d: it is in the account %s and the context is for %s", i, shorten(got), context.Account)
		}
		owner, err := platform.owner(change.GetTarget())
		if err != nil {
			return nil, fmt.Errorf("change %d: %w", i, err)
		}
		if group := change.GetAtomicGroupId(); group != "" {
			if at, there := grouped[[2]string{group, owner}]; there {
				operations[at] = append(operations[at], change)
				continue
			}
			grouped[[2]string{group, owner}] = len(operations)
		}
		operations = append(operations, []*bidrailv1.Change{change})
	}
	if len(operations) == 0 {
		return nil, errors.New("there are no changes to write")
	}
	written, err := platform.write(w, operations)
	if err != nil {
		return nil, err
	}
	return append([]byte(written), '\n'), nil
}

// writer is what platforms write with.
type writer struct {
	context   *Context
	resources map[string]*Resource
	units     units
}

// field finds where a change is to be written: at the field that its mask names, or else the first of its kind.
func (w *writer) field(understood *resource, change *bidrailv1.Change) (*field, error) {
	for i := range understood.fields {
		field := &understood.fields[i]
		if field.kind != change.GetKind() {
			continue
		}
		if mask := change.GetFieldMask(); len(mask) == 0 || len(mask) == 1 && mask[0] == field.path {
			return field, nil
		}
	}
	return nil, fmt.Errorf("a %s has no field for %s %v", understood.entityType, change.GetKind(), change.GetFieldMask())
}

// set writes a change into an object. Nothing is written as null.
func (w *writer) set(into *object, understood *resource, change *bidrailv1.Change) error {
	field, err := w.field(understood, change)
	if err != nil {
		return err
	}
	json, nothing, err := field.write(w.units, change.GetAfter())
	if err != nil {
		return fmt.Errorf("%s: %w", field.path, err)
	}
	if nothing {
		json = "null"
	}
	return into.set(field.path, json)
}

// list writes objects one on each line.
func list(objects []string) string { return "[\n  " + strings.Join(objects, ",\n  ") + "\n]" }

func failed(operation int, err error) error { return fmt.Errorf("operation %d: %w", operation, err) }
