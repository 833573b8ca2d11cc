package store

import "github.com/bidrail/bidrail/policy/experiment"

// ContaminationReader reads what has disturbed tests.
type ContaminationReader interface {
	// Contaminations is what was recorded of a test, the first first.
	Contaminations(experimentID string) ([]experiment.Contamination, error)
}

// ContaminationWriter records it.
type ContaminationWriter interface {
	// InsertContaminations stores and logs contaminations, and numbers those of each test on from its last. The decisions that they
	// name are inserted in the same Update, so that neither is ever there without the other.
	InsertContaminations(contaminations []experiment.Contamination) error
}
