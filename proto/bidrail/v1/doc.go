// Package bidrailv1 is the API of Bidrail in Go: generated from the .proto files beside it, which are its reference. Start at
// guardrail.proto. `make generate` writes the code anew.
package bidrailv1
