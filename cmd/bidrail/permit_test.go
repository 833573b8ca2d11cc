package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/bidrail/bidrail/policy/permit"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/keys"
)

// command runs bidrail and holds what it says against patterns.
func command(t *testing.T, stdin string, wantCode int, wantOut, wantErr string, args ...string) string {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, environment{strings.NewReader(stdin), &stdout, &stderr, nil})
	if code != wantCode || !regexp.MustCompile(wantOut).Match(stdout.Bytes()) || !regexp.MustCompile(wantErr).Match(stderr.Bytes()) {
		t.Errorf("bidrail %s: got exit %d\n%s%s\nwant exit %d, %s and %s", strings.Join(args, " "), code, &stdout, &stderr, wantCode, wantOut, wantErr)
	}
	return stdout.String()
}

func signPermit(t *testing.T, keyring *keys.Keyring, issued time.Time) string {
	t.Helper()
	token, err := keyring.Sign(permit.Issue(permit.Permit{
		ID: "per_1", Automation: "pacer", Audience: []string{"google_ads/100"}, Digest: "sha256:g", GroupID: "shift-7", Epoch: 7,
		Legs:     []permit.Leg{{DecisionID: "dec_1", ChangeID: "less\x1b[2J", ChangeDigest: "sha256:1"}, {DecisionID: "dec_2", ChangeID: "more", ChangeDigest: "sha256:2"}},
		IssuedAt: issued, ExpiresAt: issued.Add(time.Hour),
	}))
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestKeys(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, keysFile)
	keyring, err := keys.Open(path, time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	first := keyring.Keys()[0].ID
	command(t, "", 0, `^KEY +CREATED +USE\n`+first+`  2026-01-15T12:00:00Z  signs\n$`, "^$", "keys", "list", "--data", folder)
	said := command(t, "", 0, `^new key [\w-]{43}\nA server that is running .* kill -HUP its process id\.\n$`, "^$", "keys", "rotate", "--data", folder)
	second := strings.Fields(said)[2]
	command(t, "", 0, `\n`+second+`  20\S+Z  signs\n`+first+`  2026-01-15T12:00:00Z  verifies\n$`, "^$", "keys", "list", "--data", folder)
	command(t, "", 0, `^\{"keys":\[\{.*"kid":"`+second+`".*"kid":"`+first+`".*\}\]\}\n$`, "^$", "keys", "list", "--data", folder, "--jwks")
	said = command(t, "", 0, "new key", "^$", "keys", "rotate", "--data", folder, "--keep", "0s")
	command(t, "", 0, `^KEY.*\n`+strings.Fields(said)[2]+`  \S+  signs\n$`, "^$", "keys", "list", "--data", folder)

	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "", 1, "^$", "is not a set of keys", "keys", "rotate", "--data", folder)
}

func TestPermitVerify(t *testing.T) {
	folder := t.TempDir()
	keyring, err := keys.Open(filepath.Join(folder, keysFile), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	public := filepath.Join(folder, "keys.json")
	if err := os.WriteFile(public, keyring.Public(), 0o600); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	good, old, early := signPermit(t, keyring, now), signPermit(t, keyring, now.Add(-2*time.Hour)), signPermit(t, keyring, now.Add(2*time.Hour))

	said := command(t, "", 0, "^ok genuine, and it can be used now", "^$", "permit", "verify", "--keys", public, good)
	said = regexp.MustCompile(`20\S+Z|[\w-]{43}`).ReplaceAllString(said, "VARIES")
	const want = `ok genuine, and it can be used now unless it was claimed or withdrawn meanwhile: claim it
permit  per_1
for     pacer, and nobody else
on      google_ads/100
from    VARIES
before  VARIES
epoch   7
key     VARIES
digest  sha256:g
group   shift-7
change  less�[2J  dec_1  sha256:1
change  more  dec_2  sha256:2
`
	if said != want {
		t.Errorf("got\n%s\nwant\n%s", said, want)
	}
	command(t, good+"\n", 0, "^ok genuine", "^$", "permit", "verify", "--keys", public, "-")
	command(t, "", 0, "^ok genuine", "^$", "permit", "verify", "--keys", public, "--audience", "google_ads/100", good)
	command(t, "", 2, "^NO genuine, but .*it is for google_ads/100, not for google_ads/200\npermit", "^$", "permit", "verify", "--keys", public, "--audience", "google_ads/200", good)
	command(t, "", 2, "^NO genuine, but .*it expired at .*\npermit +per_1", "^$", "permit", "verify", "--keys", public, old)
	command(t, "", 2, "^NO genuine, but .*it begins at .*is the clock right", "^$", "permit", "verify", "--keys", public, early)
	command(t, "", 3, "^FAIL this is no genuine permit: its signature does not fit\n$", "^$", "permit", "verify", "--keys", public, altered(good))
	command(t, "", 3, "^FAIL this is no genuine permit: it is not a signed permit", "^$", "permit", "verify", "--keys", public, "per_1")
	command(t, "", 3, "^FAIL this is no genuine permit", "^$", "permit", "verify", "--keys", public, "-")
	answer, err := protojson.Marshal(&bidrailv1.ListKeysResponse{Jwks: string(keyring.Public())})
	if err != nil {
		t.Fatal(err)
	}
	saved := filepath.Join(folder, "answer.json")
	if err := os.WriteFile(saved, answer, 0o600); err != nil {
		t.Fatal(err)
	}
	command(t, "", 0, "^ok genuine", "^$", "permit", "verify", "--keys", saved, good)
	command(t, "", 3, "its signature does not fit", "^$", "permit", "verify", "--keys", saved, altered(good))
	command(t, "", 1, "^$", "let nobody see the private ones", "permit", "verify", "--keys", filepath.Join(folder, keysFile), good)
	command(t, "", 1, "^$", "no such file", "permit", "verify", "--keys", filepath.Join(folder, "none.json"), good)

	server := serveKeys(t, string(keyring.Public()))
	command(t, "", 0, "^ok genuine", "^$", "permit", "verify", "--server", server, good)
	other, err := keys.Open(filepath.Join(t.TempDir(), keysFile), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	command(t, "", 3, "not among the keys; fetch them again", "^$", "permit", "verify", "--server", server, signPermit(t, other, now))
	command(t, "", 1, "^$", "no server answers", "permit", "verify", "--server", "127.0.0.1:1", good)
}

// The command line has no flag for when an outcome was seen, and other reporters say it.
func TestPermitShowsWhatWasReported(t *testing.T) {
	var page bytes.Buffer
	reported := &bidrailv1.Permit{PermitId: "per_1", State: bidrailv1.PermitState_PERMIT_STATE_APPLIED, Note: "by\x1b[2J hand", Reference: "4711",
		ObservedAt: timestamppb.New(time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))}
	if err := printPermit(screen{Writer: &page}, reported); err != nil {
		t.Fatal(err)
	}
	const want = "seen         2026-03-02 09:00:00 UTC\nreference    4711\nnote         by�[2J hand\n"
	if !strings.Contains(page.String(), want) {
		t.Errorf("got\n%s\nwant\n%s", page.String(), want)
	}
}

// Whether a claim may have been taken is in doubt only where it may have been sent.
func TestClaimWithoutAnAnswer(t *testing.T) {
	const doubt = "^nobody knows whether the claim was taken; repeat it with: --claim-id again\n"
	server := serveKeys(t, "")
	command(t, "", 1, "^$", doubt+"bidrail: the record hangs", "permit", "claim", "--server", server, "--claim-id", "again", "token")
	command(t, "", 1, "^$", doubt+"bidrail: .*(EOF|reset)", "permit", "claim", "--server", hangsUp(t), "--claim-id", "again", "lost-token")
	command(t, "", 1, "^$", "^bidrail: no server answers: .*\n  Start one with", "permit", "claim", "--server", "127.0.0.1:1", "--claim-id", "again", "token")
}

// hangsUp is a server that takes the claim of lost-token and ends the connection.
func hangsUp(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			taken, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = taken.Write([]byte{0, 0, 0, 4, 0, 0, 0, 0, 0}) // the empty SETTINGS that every server begins with
			var sent []byte
			for piece := make([]byte, 1<<10); err == nil && !bytes.Contains(sent, []byte("lost-token")); {
				var n int
				n, err = taken.Read(piece)
				sent = append(sent, piece[:n]...)
			}
			_ = taken.Close()
		}
	}()
	return listener.Addr().String()
}

// altered is the token with other claims and the signature that it had.
func altered(token string) string {
	head, rest, _ := strings.Cut(token, ".")
	return head + "." + strings.Replace(rest, rest[20:24], "AAAA", 1)
}

// keysService is a server that does nothing but tell its keys. It cannot record a claim.
type keysService struct {
	bidrailv1.UnimplementedGuardrailServiceServer
	jwks string
}

func (s keysService) ListKeys(context.Context, *bidrailv1.ListKeysRequest) (*bidrailv1.ListKeysResponse, error) {
	return &bidrailv1.ListKeysResponse{Jwks: s.jwks}, nil
}

func (s keysService) Claim(context.Context, *bidrailv1.ClaimRequest) (*bidrailv1.ClaimResponse, error) {
	return nil, status.Error(codes.Unavailable, "the record hangs")
}

func serveKeys(t *testing.T, jwks string) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	bidrailv1.RegisterGuardrailServiceServer(server, keysService{jwks: jwks})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	return listener.Addr().String()
}
