package store

import "github.com/bidrail/bidrail/policy/mode"

// ModeReader reads the modes of scopes.
type ModeReader interface {
	// ModeEpoch is the newest epoch; 0: no mode was ever set. As long as it is the same, so are the modes.
	ModeEpoch() (int64, error)
	// Modes is the last setting of every scope that was ever set, the newest first.
	Modes() ([]mode.Setting, error)
}

// ModeWriter switches them.
type ModeWriter interface {
	// SetMode stores a setting under the next epoch, which must be the one that it says, and logs it.
	// It is [ErrConflict] when the newest epoch is not the one before. The same scope may be set again and
	// again; what it was is in its events.
	SetMode(setting mode.Setting) error
}
