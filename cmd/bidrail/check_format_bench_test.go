package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/bidrail/bidrail/client/formats"
	"github.com/bidrail/bidrail/rego"
)

// googlePayload is a Google Ads payload that sets the bid of so many keywords, every tenth of them far too high, and what holds now. Of
// what is written to the page of a report, each keyword has its own line.
func googlePayload(keywords int, now time.Time) (payload, context []byte) {
	var operations, resources bytes.Buffer
	for i := range keywords {
		name := fmt.Sprintf("customers/1234567890/adGroupCriteria/%d~%d", 7000+i/20, 100_000+i)
		bid := 1_150_000
		if i%10 == 9 {
			bid = 900_000_000
		}
		separator := ",\n"
		if i == 0 {
			separator = "\n"
		}
		fmt.Fprintf(&operations, `%s  {"adGroupCriterionOperation": {"updateMask": "cpcBidMicros", "update": {"resourceName": "%s", "cpcBidMicros": "%d"}}}`, separator, name, bid)
		fmt.Fprintf(&resources, `%s  {"resource_name": "%s", "campaign": "%d", "before": {"bid": "1.00"}}`, separator, name, 40+i/200)
	}
	payload = fmt.Appendf(nil, "{\"customerId\": \"1234567890\", \"partialFailure\": true, \"mutateOperations\": [%s\n]}\n", &operations)
	context = fmt.Appendf(nil, "{\"account\": \"1234567890\", \"currency\": \"USD\", \"channel\": \"search\", \"observed_at\": %q, \"resources\": [%s\n]}\n",
		now.UTC().Format(time.RFC3339), &resources)
	return payload, context
}

// BenchmarkCheckPayload starts the command on a payload of 10,000 operations, from reading the file to writing what is allowed of it.
func BenchmarkCheckPayload(b *testing.B) {
	dir := b.TempDir()
	binary := filepath.Join(dir, "bidrail")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	const keywords = 10_000
	payload, context := googlePayload(keywords, time.Now())
	files := map[string]string{}
	for name, content := range map[string][]byte{"payload.json": payload, "context.json": context} {
		files[name] = filepath.Join(dir, name)
		if err := os.WriteFile(files[name], content, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	allowed, pack := filepath.Join(dir, "allowed.json"), filepath.Join(dir, "policy")
	if err := os.CopyFS(pack, rego.Files()); err != nil {
		b.Fatal(err)
	}
	// The account is one of the policy's.
	accounts := "google_ads: {\"1234567890\": {currency: USD, time_zone: America/New_York}}\n"
	if err := os.WriteFile(filepath.Join(pack, "accounts", "data.yaml"), []byte(accounts), 0o600); err != nil {
		b.Fatal(err)
	}
	var busy time.Duration
	for b.Loop() {
		command := exec.CommandContext(b.Context(), binary, "check", "--format", "google-ads", "-f", files["payload.json"], "--context", files["context.json"], "--policy", pack, "--emit-allowed", allowed)
		command.Env = []string{}
		out, err := command.CombinedOutput()
		if failed, ok := errors.AsType[*exec.ExitError](err); !ok || failed.ExitCode() != exitBlocked {
			b.Fatalf("%v\n%.2000s", err, out)
		}
		busy += command.ProcessState.UserTime() + command.ProcessState.SystemTime()
	}
	b.ReportMetric(busy.Seconds()/float64(b.N), "processor-s/op") // what others on the machine do not change much
	emitted, err := os.ReadFile(allowed)
	if err != nil {
		b.Fatal(err)
	}
	known, err := formats.ParseContext(context)
	if err != nil {
		b.Fatal(err)
	}
	left, err := formats.Read(formats.GoogleAds, emitted, known)
	if err != nil {
		b.Fatal(err)
	}
	// On a machine that has too much to do rules run out of time now and then, which is no yes.
	if got := len(left.Operations); got > keywords*9/10 || got < keywords*89/100 {
		b.Fatalf("%d operations are emitted, want nine tenths of %d", got, keywords)
	}
}
