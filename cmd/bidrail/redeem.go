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
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/bidrail/bidrail/policy"
	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server/grpcapi"
)

type redeemCommand struct {
	connection
	ID           string `arg:"" help:"The approval's id, or the override's."`
	Digest       string `help:"The digest of the change, or of its group, as it is to be made. Default: of --file, or what the approval is for." placeholder:"DIGEST"`
	Value        string `help:"How far to go, where people have agreed to a part: such as '120.00 USD'. Default: as far as they have." placeholder:"VALUE"`
	File         string `short:"f" help:"The changes exactly as they were proposed. Needed for an override." placeholder:"FILE|-"`
	Observations string `help:"What was read since, as JSON: an object from change_id to bidrail.v1.Observation. Rules let nothing through whose facts are too old." placeholder:"FILE"`
	Output       string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

// Help is shown by bidrail redeem --help.
func (redeemCommand) Help() string {
	return `The rules are asked again first, with what holds now. While its permit can be claimed, redeeming again returns the same one.

Exit 0: there is a permit; claim it right before you make the change. 2: people are still asked, or again. 3: there will be none: it was
refused, has ended, or the rules block it now. 1: it could not be found out.`
}

func (c *redeemCommand) Run(ctx context.Context, env environment) error {
	request, err := c.request(ctx, env)
	if err != nil {
		return err
	}
	redeemed, err := redeem(ctx, c.connection, request)
	if err != nil {
		return refusedRedemption(env, err)
	}
	out := newScreen(env.stdout, env)
	if c.Output == "json" {
		return printJSON(out, redeemed)
	}
	return printRedeemed(out, redeemed, time.Now())
}

func (c *redeemCommand) request(ctx context.Context, env environment) (*bidrailv1.RedeemRequest, error) {
	request := &bidrailv1.RedeemRequest{Digest: c.Digest}
	if strings.HasPrefix(c.ID, overridePrefix) {
		request.OverrideId = c.ID
	} else {
		request.ApprovalId = c.ID
	}
	if c.Observations != "" {
		var err error
		if request.Observations, err = readObservations(c.Observations); err != nil {
			return nil, err
		}
	}
	if c.File != "" {
		reader := checkCommand{File: c.File}
		var err error
		if request.Changes, err = reader.read(env); err != nil {
			return nil, err
		}
		if request.Digest == "" {
			request.Digest = digestOf(grpcapi.Changes(request.GetChanges()))
		}
	}
	if c.Value != "" {
		value, err := parseApplied(policy.Value{}, c.Value)
		if err != nil {
			return nil, fmt.Errorf("--value: %w", err)
		}
		request.Value = grpcapi.ValueMessage(value)
	}
	if request.Digest != "" {
		return request, nil
	}
	if request.GetOverrideId() != "" {
		return nil, errors.New("an override is for one exact change: name it with --file")
	}
	page, err := fetchApproval(ctx, c.connection, c.ID)
	request.Digest = page.GetApproval().GetDigest()
	return request, err
}

// readObservations reads what was read of changes since they were proposed, by change_id.
func readObservations(file string) (map[string]*bidrailv1.Observation, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var read bidrailv1.RedeemRequest
	if err := protojson.Unmarshal(fmt.Appendf(nil, `{"observations": %s}`, text), &read); err != nil {
		_, problem := readable(err)
		return nil, fmt.Errorf("%s: %s", file, problem)
	}
	return read.GetObservations(), nil
}

// overridePrefix is how ids of overrides begin.
const overridePrefix = "ovr_"

// digestOf is what people agree to: the digest of a change that stands alone, or of a group.
func digestOf(changes []*policy.Change) string {
	if len(changes) == 1 && changes[0].AtomicGroupID == "" {
		return changes[0].Digest()
	}
	return policy.GroupDigest(changes)
}

func redeem(ctx context.Context, link connection, request *bidrailv1.RedeemRequest) (redeemed *bidrailv1.RedeemResponse, err error) {
	err = link.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		redeemed, err = bidrailv1.NewGuardrailServiceClient(conn).Redeem(ctx, request)
		return err
	})
	return redeemed, err
}

// refusedRedemption is the exit code of a redemption that was refused, with the reason printed; another error stays what it is.
func refusedRedemption(env environment, err error) error {
	switch reasonOf(err) {
	case "NOT_APPROVED":
		fmt.Fprintf(env.stderr, "bidrail: %s\n", status.Convert(err).Message())
		return exitCode(exitApproval)
	case "NOT_COVERED":
		fmt.Fprintf(env.stderr, "bidrail: %s\n", status.Convert(err).Message())
		if strings.Contains(status.Convert(err).Message(), "PENDING") {
			return exitCode(exitApproval)
		}
		return exitCode(exitBlocked)
	case "ENDED", "TIMED_OUT":
		fmt.Fprintf(env.stderr, "bidrail: %s\n", status.Convert(err).Message())
		return exitCode(exitBlocked)
	}
	return err
}

func printRedeemed(out screen, redeemed *bidrailv1.RedeemResponse, now time.Time) error {
	var text strings.Builder
	fmt.Fprintf(&text, "%s\n", permitNote(redeemed.GetPermit(), now))
	for _, change := range redeemed.GetPermit().GetChanges() {
		fmt.Fprintf(&text, "  %s\n", permittedText(change))
	}
	if token := redeemed.GetPermit().GetToken(); token != "" {
		fmt.Fprintf(&text, "claim it right before you make that change, once; its token is a secret until then:\n  bidrail permit claim %s\n", clean(token))
	}
	_, err := io.WriteString(out, text.String())
	return err
}
