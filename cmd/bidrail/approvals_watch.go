package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type approvalsWatchCommand struct {
	connection
	ID         string `help:"Only this approval; it ends with it." placeholder:"ID"`
	Automation string `help:"Only what this automation proposed." placeholder:"SUBJECT"`
	Platform   string `help:"Only this platform." placeholder:"NAME"`
	Account    string `help:"Only this account." placeholder:"ID"`
	Group      string `help:"Only while the open stage asks this group." placeholder:"NAME"`
	Resume     string `help:"Go on after this token, as -o ndjson shows it." placeholder:"TOKEN"`
	Count      int    `short:"n" help:"End after so many; 0: go on." default:"0"`
	Output     string `short:"o" help:"text, or ndjson: one event on each line." enum:"text,ndjson" default:"text"`
}

// Help is shown by bidrail approvals watch --help.
func (approvalsWatchCommand) Help() string {
	return "One line for each step, until you interrupt it. Where the connection breaks it is made again, and nothing is missed. --timeout is how long to try."
}

// watchPause is how long to wait before a broken stream is opened again.
const watchPause = time.Second

var errWatched = errors.New("all that was asked for has been seen")

func (c *approvalsWatchCommand) Run(ctx context.Context, env environment) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	if c.ID != "" { // of one that is not there nothing would ever be heard
		if err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) error {
			_, err := bidrailv1.NewApprovalServiceClient(conn).GetApproval(ctx, &bidrailv1.GetApprovalRequest{ApprovalId: c.ID})
			return err
		}); err != nil {
			return err
		}
	}
	request := &bidrailv1.WatchApprovalsRequest{ResumeToken: c.Resume, ApprovalId: c.ID, Automation: c.Automation, Platform: c.Platform, Account: c.Account, Group: c.Group}
	out := newScreen(env.stdout, env)
	lost := time.Time{} // since when there is no stream
	for count := 0; ; {
		err := c.follow(ctx, conn, request, func(event *bidrailv1.ApprovalEvent) error {
			if !lost.IsZero() {
				fmt.Fprintln(env.stderr, "the connection is back")
			}
			lost = time.Time{}
			return c.print(out, event, &count)
		})
		first := lost.IsZero()
		if first {
			lost = time.Now()
		}
		switch {
		case errors.Is(err, errWatched), ctx.Err() != nil: // interrupted: it was asked to end
			return nil
		case status.Code(err) != codes.Unavailable || time.Since(lost) > c.Timeout:
			return err
		}
		if first {
			fmt.Fprintf(env.stderr, "the connection is lost, trying again for %s: %s\n", span(c.Timeout), clean(status.Convert(err).Message()))
		}
		select {
		case <-time.After(watchPause):
		case <-ctx.Done():
			return nil
		}
	}
}

// follow reads one stream until it breaks, and leaves in the request where to go on.
func (c *approvalsWatchCommand) follow(ctx context.Context, conn grpc.ClientConnInterface, request *bidrailv1.WatchApprovalsRequest, each func(*bidrailv1.ApprovalEvent) error) error {
	ctx, cancel, err := c.identified(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	stream, err := bidrailv1.NewApprovalServiceClient(conn).WatchApprovals(ctx, request)
	if err != nil {
		return err
	}
	for {
		event, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return status.Error(codes.Unavailable, "the server has ended the stream")
		}
		if err != nil {
			return err
		}
		if err := each(event); err != nil {
			return err
		}
		if event.GetResumeToken() != "" {
			request.ResumeToken = event.GetResumeToken()
		}
	}
}

// print writes what has happened; a sign of life is nothing to write.
func (c *approvalsWatchCommand) print(out screen, event *bidrailv1.ApprovalEvent, count *int) error {
	a := event.GetApproval()
	if a == nil {
		return nil
	}
	if c.Output == "ndjson" {
		if err := printLine(out, event); err != nil {
			return err
		}
	} else {
		by := ""
		if a.GetChangedBy() != "" {
			by = " by " + clean(a.GetChangedBy())
		}
		if _, err := fmt.Fprintf(out, "%s  %s  v%d %s%s: %s; %s\n", timeCell(a.GetChangedAt()), clean(a.GetApprovalId()), a.GetVersion(), approvalStateText(out, a.GetState()), by,
			askedFor(a), waitsFor(a)); err != nil {
			return err
		}
	}
	if *count++; *count == c.Count || c.ID != "" && final(a) {
		return errWatched
	}
	return nil
}

// final reports whether nothing follows.
func final(a *bidrailv1.Approval) bool {
	return a.GetState() != bidrailv1.ApprovalState_APPROVAL_STATE_PENDING && !(approves(a.GetState()) && a.GetClaimedAt() == nil)
}
