package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/bidrail/bidrail/client"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type permitVerifyCommand struct {
	connection
	Token    string `arg:"" help:"The signed permit; - reads it from standard input, where other users of the machine do not see it."`
	Keys     string `help:"Verify with the public keys in this file instead of asking the server for them." type:"existingfile" placeholder:"FILE"`
	Audience string `help:"Demand that it is for this account, written platform/account." placeholder:"ACCOUNT"`
}

// Help is shown by bidrail permit verify --help.
func (permitVerifyCommand) Help() string {
	return "A genuine permit may have been claimed by somebody else, or a mode may have been switched since. Only the server knows: claim it before the change is made.\n\n" +
		"Get the public keys with: bidrail keys list --jwks > keys.json, or save what a server answers to GET /v1/keys."
}

// Exit codes of permit verify.
const (
	exitNotNow = 2
	exitForged = 3
)

func (c *permitVerifyCommand) Run(ctx context.Context, env environment) error {
	token := c.Token
	if token == "-" {
		read, err := io.ReadAll(io.LimitReader(env.stdin, 1<<20))
		if err != nil {
			return err
		}
		token = string(read)
	}
	jwks, err := c.publicKeys(ctx)
	if err != nil {
		return err
	}
	verifier, err := client.NewVerifier(jwks)
	if err != nil {
		return err
	}
	out := newScreen(env.stdout, env)
	permit, err := verifier.Read(strings.TrimSpace(token))
	if err != nil {
		fmt.Fprintf(out, "%s %s\n", out.colour(red, "FAIL"), clean(err.Error()))
		return exitCode(exitForged)
	}
	usable := permit.At(time.Now())
	if c.Audience != "" && usable == nil {
		_, usable = verifier.Verify(strings.TrimSpace(token), c.Audience, time.Now())
	}
	if usable != nil {
		fmt.Fprintf(out, "%s genuine, but %s\n", out.colour(yellow, "NO"), clean(usable.Error()))
	} else {
		fmt.Fprintf(out, "%s genuine, and it can be used now unless it was claimed or withdrawn meanwhile: claim it\n", out.colour(green, "ok"))
	}
	if err := printPermitClaims(out, permit); err != nil {
		return err
	}
	if usable != nil {
		return exitCode(exitNotNow)
	}
	return nil
}

// publicKeys reads the file, or asks the server.
func (c *permitVerifyCommand) publicKeys(ctx context.Context) ([]byte, error) {
	if c.Keys != "" {
		read, err := os.ReadFile(c.Keys)
		var answer bidrailv1.ListKeysResponse
		if err == nil && protojson.Unmarshal(read, &answer) == nil && answer.GetJwks() != "" {
			return []byte(answer.GetJwks()), nil // the whole answer of ListKeys was saved, as JSON
		}
		return read, err
	}
	var jwks []byte
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
		response, err := bidrailv1.NewGuardrailServiceClient(conn).ListKeys(ctx, &bidrailv1.ListKeysRequest{})
		jwks = []byte(response.GetJwks())
		return err
	})
	return jwks, err
}

func printPermitClaims(out screen, permit *client.VerifiedPermit) error {
	lines := [][2]string{
		{"permit", permit.PermitID},
		{"for", permit.Automation + ", and nobody else"},
		{"on", strings.Join(permit.Audience, ", ")},
		{"from", permit.NotBefore.Format(time.RFC3339)},
		{"before", permit.ExpiresAt.Format(time.RFC3339)},
		{"epoch", fmt.Sprint(permit.Epoch)},
		{"key", permit.KeyID},
		{"digest", permit.Digest},
	}
	if permit.GroupID != "" {
		lines = append(lines, [2]string{"group", permit.GroupID})
	}
	for _, change := range permit.Changes {
		lines = append(lines, [2]string{"change", fmt.Sprintf("%s  %s  %s", change.ChangeID, change.DecisionID, change.Digest)})
	}
	var failure error
	for _, line := range lines {
		_, err := fmt.Fprintf(out, "%-7s %s\n", line[0], clean(line[1]))
		failure = errors.Join(failure, err)
	}
	return failure
}
