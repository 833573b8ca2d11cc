package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/server/auth"
)

// connection is the flags of commands that talk to a server.
type connection struct {
	Server  string        `help:"Address of the server." env:"BIDRAIL_SERVER" default:"127.0.0.1:7443" placeholder:"ADDR"`
	As      string        `help:"Who asks, under the development identity: subject:role,role. Roles: automation, approver, governance, auditor, admin, break_glass, connector." env:"BIDRAIL_AS" placeholder:"WHO"`
	Timeout time.Duration `help:"How long to wait for an answer." default:"30s"`
}

// defaultServer is where a server listens that was not told otherwise.
const defaultServer = "127.0.0.1:7443"

// dial connects. The address is checked when the first call is made.
func (c connection) dial() (*grpc.ClientConn, error) {
	return grpc.NewClient(c.Server,
		grpc.WithTransportCredentials(insecure.NewCredentials()), // the server listens on loopback only
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(64<<20)),
	)
}

// flags is how a command that is written out reaches the same server as the same caller.
func (c connection) flags() string {
	text := ""
	if c.As != "" {
		text += " --as " + shellWord(c.As)
	}
	if c.Server != defaultServer {
		text += " --server " + shellWord(c.Server)
	}
	return text
}

// call is the context of one call: with the caller's name and bounded in time.
func (c connection) call(ctx context.Context) (context.Context, context.CancelFunc, error) {
	ctx, stop, err := c.identified(ctx)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	return ctx, func() { cancel(); stop() }, nil
}

// identified is the context of a call that takes as long as it takes, with the caller's name.
func (c connection) identified(ctx context.Context) (context.Context, context.CancelFunc, error) {
	if c.As != "" {
		header, err := developmentHeader(c.As)
		if err != nil {
			return nil, nil, err
		}
		ctx = metadata.AppendToOutgoingContext(ctx, auth.DevelopmentHeader, header)
	}
	ctx, cancel := context.WithCancel(ctx)
	return ctx, cancel, nil
}

// ask makes one call.
func (c connection) ask(ctx context.Context, call func(context.Context, grpc.ClientConnInterface) error) error {
	conn, err := c.dial()
	if err != nil {
		return err
	}
	defer conn.Close()
	ctx, cancel, err := c.call(ctx)
	if err != nil {
		return err
	}
	defer cancel()
	return call(ctx, conn)
}

// developmentHeader turns subject:role,role into the header's subject;role,role. The subject may
// have colons of its own, so the last one divides.
func developmentHeader(who string) (string, error) {
	at := strings.LastIndex(who, ":")
	if at < 0 {
		return "", fmt.Errorf("--as %q: write subject:role,role, such as ana:auditor", who)
	}
	header := who[:at] + ";" + who[at+1:]
	if _, err := auth.ParseDevelopment(header); err != nil {
		return "", fmt.Errorf("--as %q: write subject:role,role, such as ana:auditor; the roles are %s", who, roleNames())
	}
	return header, nil
}

func roleNames() string {
	var names []string
	for _, role := range policy.Roles() {
		names = append(names, string(role))
	}
	return strings.Join(names, ", ")
}

// principalFor is who a local evaluation takes the caller for.
func principalFor(who string) (policy.Principal, error) {
	if who == "" {
		return policy.Principal{Subject: auth.DevelopmentSubject, Roles: []policy.Role{policy.RoleAutomation}}, nil
	}
	header, err := developmentHeader(who)
	if err != nil {
		return policy.Principal{}, err
	}
	return auth.ParseDevelopment(header)
}

// neverSent reports whether a call failed for want of a connection, so that certainly no server has seen it. A connection that
// broke off later may have carried it.
func neverSent(err error) bool {
	return status.Code(err) == codes.Unavailable && strings.Contains(status.Convert(err).Message(), "Error while dialing")
}

// describe says what went wrong and what to do next.
func describe(err error) string {
	var answered interface{ GRPCStatus() *status.Status }
	if !errors.As(err, &answered) {
		return err.Error()
	}
	described := answered.GRPCStatus()
	message := described.Message()
	switch described.Code() {
	case codes.Unavailable:
		if strings.Contains(message, "connection") || strings.Contains(message, "dial") {
			if at := strings.Index(message, "dial "); at >= 0 {
				message = strings.TrimRight(message[at:], `"`)
			}
			return "no server answers: " + message + "\n  Start one with: bidrail serve\n  or name another with: --server ADDR"
		}
		return message + "\n  This gives no leave to act. Ask again with the same change ids: what was decided is answered again."
	case codes.PermissionDenied:
		return message + "\n  Say who you are with: --as subject:role,role"
	case codes.DeadlineExceeded:
		return message + "\n  This gives no leave to act. Ask again with the same change ids (what was decided is answered again), or wait longer with --timeout."
	case codes.ResourceExhausted:
		return message + "\n  Send less at once."
	default:
		return message
	}
}
