package grpcapi

import "google.golang.org/grpc/codes"

// Statuses is the table of errors and codes, for the test that nothing is missing in it.
var Statuses = func() (table []struct {
	Err    error
	Code   codes.Code
	Reason string
}) {
	for _, entry := range statuses {
		table = append(table, struct {
			Err    error
			Code   codes.Code
			Reason string
		}{entry.err, entry.code, entry.reason})
	}
	return table
}()

// StatusOf is what a caller gets for an error.
var StatusOf = statusOf

// The parts of a stream of approvals.
var (
	Watch       = watch
	ResumeToken = resumeToken
	ResumeAfter = resumeAfter
	WaitFor     = waitFor
)
