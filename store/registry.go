package store

import "github.com/bidrail/bidrail/policy/registry"

// RegistryReader reads what people keep beside the rules. Every version of one entry is in its events.
type RegistryReader interface {
	// RegistryEpoch grows with every version that is put. As long as it is the same, so is the registry. 0: nothing was ever put.
	RegistryEpoch() (int64, error)
	// RegistryEntries is the newest version of every entry, removed ones too, by kind and id.
	RegistryEntries() ([]registry.Entry, error)
}

// RegistryWriter edits it.
type RegistryWriter interface {
	// PutEntry stores the next version of an entry and logs it. It is [ErrConflict] when the newest version is not the one before.
	PutEntry(entry registry.Entry) error
}
