package server_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
	"github.com/bidrail/bidrail/server/servertest"
	"github.com/bidrail/bidrail/store"
)

// TestMain asks for 40 checks of each property, unless somebody asks for another number: each has a server under it.
func TestMain(m *testing.M) {
	flag.Parse()
	asked := os.Getenv("RAPID_CHECKS") != ""
	flag.Visit(func(f *flag.Flag) { asked = asked || f.Name == "rapid.checks" })
	if !asked {
		if err := flag.Set("rapid.checks", "40"); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// check has the first automation ask, and demands an answer for each change.
func check(t *testing.T, s *servertest.Server, changes ...*bidrailv1.Change) []server.Result {
	t.Helper()
	results, err := s.Core.Check(t.Context(), s.Automation.Principal, server.CheckRequest{Changes: servertest.Domain(changes...)})
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range results {
		if (result.Decision == nil) == (result.Err == nil) {
			t.Fatalf("result %d: got decision %v and error %v, want one of the two", i, result.Decision, result.Err)
		}
	}
	return results
}

// decide is check for what nothing keeps from being decided.
func decide(t *testing.T, s *servertest.Server, changes ...*bidrailv1.Change) []server.Result {
	t.Helper()
	results := check(t, s, changes...)
	for i, result := range results {
		if result.Err != nil {
			t.Fatalf("change %s: %v", changes[i].GetChangeId(), result.Err)
		}
	}
	return results
}

// page is the first page of a list.
func page() store.Page { return store.Page{} }
