package main

import (
	"context"

	"google.golang.org/grpc"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

type approvalsWithdrawCommand struct {
	connection
	ID     string `arg:"" help:"The approval's id."`
	Reason string `help:"Why, if there is something to say." placeholder:"TEXT"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *approvalsWithdrawCommand) Run(ctx context.Context, env environment) error {
	var after *bidrailv1.Approval
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		after, err = bidrailv1.NewApprovalServiceClient(conn).Withdraw(ctx, &bidrailv1.WithdrawRequest{ApprovalId: c.ID, Reason: c.Reason})
		return err
	})
	if err != nil {
		return err
	}
	return printApprovalAfter(newScreen(env.stdout, env), c.Output, after)
}

type approvalsRevokeCommand struct {
	connection
	ID     string `arg:"" help:"The approval's id."`
	Reason string `help:"Why." required:"" placeholder:"TEXT"`
	Output string `short:"o" help:"text or json." enum:"text,json" default:"text"`
}

func (c *approvalsRevokeCommand) Run(ctx context.Context, env environment) error {
	var after *bidrailv1.Approval
	err := c.ask(ctx, func(ctx context.Context, conn grpc.ClientConnInterface) (err error) {
		after, err = bidrailv1.NewApprovalServiceClient(conn).Revoke(ctx, &bidrailv1.RevokeRequest{ApprovalId: c.ID, Reason: c.Reason})
		return err
	})
	if err != nil {
		return err
	}
	return printApprovalAfter(newScreen(env.stdout, env), c.Output, after)
}
