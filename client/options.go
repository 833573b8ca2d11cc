package client

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// Option is a choice made at [Dial].
type Option func(*settings) error

type settings struct {
	credentials credentials.TransportCredentials
	principal   string // "": the credentials alone say who calls
	retry       retry
}

func defaults(address string) settings {
	settings := settings{
		credentials: credentials.NewTLS(&tls.Config{MinVersion: tls.VersionTLS12}),
		retry:       retry{attempts: 4, pause: 100 * time.Millisecond, timeout: 10 * time.Second},
	}
	if onLoopback(address) {
		settings.credentials = insecure.NewCredentials()
	}
	return settings
}

// WithCredentials sets how the connection is secured, instead of TLS with the system's certificates.
func WithCredentials(transport credentials.TransportCredentials) Option {
	return func(s *settings) error {
		if transport == nil {
			return errors.New("the credentials are nil; leave the option out to get the default")
		}
		s.credentials = transport
		return nil
	}
}

// WithPrincipal names the caller and its roles where a service runs with development identities. Such a service believes
// everyone: it is for a developer's machine only, and any other service ignores or refuses the name.
func WithPrincipal(subject string, roles ...string) Option {
	return func(s *settings) error {
		if subject == "" || strings.ContainsAny(subject+strings.Join(roles, ""), ";,\r\n") {
			return errors.New("a principal needs a subject, and neither subject nor roles may hold a comma or a semicolon")
		}
		s.principal = subject + ";" + strings.Join(roles, ",")
		return nil
	}
}

// WithTimeout sets how long one attempt may take; the default is 10 seconds. The whole call is bounded by the caller's context.
func WithTimeout(perAttempt time.Duration) Option {
	return func(s *settings) error {
		if perAttempt <= 0 {
			return errors.New("the timeout must be above zero")
		}
		s.retry.timeout = perAttempt
		return nil
	}
}

// WithRetry sets how often a call without an answer is attempted in all, and the pause before the second attempt, which doubles
// with each further one. The default is 4 attempts and 100 milliseconds. One attempt means no repeats.
func WithRetry(attempts int, firstPause time.Duration) Option {
	return func(s *settings) error {
		if attempts < 1 || firstPause <= 0 {
			return errors.New("there must be at least one attempt, and the pause must be above zero")
		}
		s.retry.attempts, s.retry.pause = attempts, firstPause
		return nil
	}
}

// onLoopback says whether the address stays on this machine.
func onLoopback(address string) bool {
	if strings.HasPrefix(address, "unix:") {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func (s settings) identify(ctx context.Context) context.Context {
	if s.principal == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, "bidrail-dev-principal", s.principal)
}

func (s settings) identifyUnary(ctx context.Context, method string, request, reply any, connection *grpc.ClientConn, invoke grpc.UnaryInvoker, options ...grpc.CallOption) error {
	return invoke(s.identify(ctx), method, request, reply, connection, options...)
}

func (s settings) identifyStream(ctx context.Context, description *grpc.StreamDesc, connection *grpc.ClientConn, method string, open grpc.Streamer, options ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(s.identify(ctx), description, connection, method, options...)
}
