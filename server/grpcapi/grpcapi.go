// Package grpcapi is the gRPC door: it authenticates, validates, converts, calls package server, and
// turns errors into statuses. Nothing is decided here. Start with [New].
package grpcapi

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
	"github.com/bidrail/bidrail/server"
)

// maxMessageBytes bounds what is read of one message, before it is parsed: 10,000 changes of the
// usual half kilobyte fit three times.
const maxMessageBytes = 16 << 20

// Config is what the door is made of.
type Config struct {
	Server        *server.Server
	Authenticator Authenticator
	Logger        hclog.Logger
	// Reflection lets tools list the API. For development.
	Reflection bool
	// Deadline is for calls that bring none. Default 30 s.
	Deadline time.Duration
	// Validator is one for several doors. Default: the door makes its own.
	Validator *Validator
}

// Door is a gRPC server in front of package server.
type Door struct {
	grpc          *grpc.Server
	health        *health.Server
	authenticator Authenticator
	validator     *Validator
	logger        hclog.Logger
	deadline      time.Duration
	closing       chan struct{} // closed when the door is about to be: whoever waits for something hears it
	close         sync.Once
}

// New makes a door. It serves once [Door.Serve] is called.
func New(config Config) (*Door, error) {
	validator := config.Validator
	if validator == nil {
		var err error
		if validator, err = NewValidator(); err != nil {
			return nil, err
		}
	}
	d := &Door{authenticator: config.Authenticator, validator: validator, logger: config.Logger, deadline: config.Deadline,
		health: health.NewServer(), closing: make(chan struct{})}
	if d.logger == nil {
		d.logger = hclog.NewNullLogger()
	}
	if d.deadline <= 0 {
		d.deadline = 30 * time.Second
	}
	d.grpc = grpc.NewServer(
		grpc.UnaryInterceptor(d.unary),
		grpc.StreamInterceptor(d.stream),
		grpc.MaxRecvMsgSize(maxMessageBytes),
		grpc.MaxSendMsgSize(64<<20), // 10,000 decisions with their findings
		grpc.MaxConcurrentStreams(128),
		grpc.MaxHeaderListSize(16<<10),
		grpc.ConnectionTimeout(5*time.Second),
		grpc.WaitForHandlers(true),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: 15 * time.Minute, MaxConnectionAge: 30 * time.Minute, MaxConnectionAgeGrace: 30 * time.Second,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 30 * time.Second}),
	)
	bidrailv1.RegisterGuardrailServiceServer(d.grpc, &guardrail{server: config.Server, validator: validator, deadline: d.deadline})
	bidrailv1.RegisterPolicyServiceServer(d.grpc, &policies{server: config.Server})
	bidrailv1.RegisterRegistryServiceServer(d.grpc, &registry{server: config.Server})
	bidrailv1.RegisterLedgerServiceServer(d.grpc, &ledgers{server: config.Server})
	bidrailv1.RegisterApprovalServiceServer(d.grpc, &approvals{server: config.Server, validator: validator, closing: d.closing})
	bidrailv1.RegisterExceptionServiceServer(d.grpc, &exceptions{server: config.Server})
	bidrailv1.RegisterReportServiceServer(d.grpc, &reports{server: config.Server})
	healthv1.RegisterHealthServer(d.grpc, d.health)
	d.announce(healthv1.HealthCheckResponse_NOT_SERVING)
	if config.Reflection {
		reflection.Register(d.grpc)
	}
	return d, nil
}

// Serve answers calls on the listener until [Door.Stop]. A door may serve several listeners.
func (d *Door) Serve(listener net.Listener) error { return d.grpc.Serve(listener) }

// Ready tells health checks that changes can be decided. Until then they hear NOT_SERVING.
func (d *Door) Ready() { d.announce(healthv1.HealthCheckResponse_SERVING) }

func (d *Door) announce(status healthv1.HealthCheckResponse_ServingStatus) {
	for _, service := range []string{"", bidrailv1.GuardrailService_ServiceDesc.ServiceName, bidrailv1.PolicyService_ServiceDesc.ServiceName,
		bidrailv1.RegistryService_ServiceDesc.ServiceName, bidrailv1.LedgerService_ServiceDesc.ServiceName,
		bidrailv1.ApprovalService_ServiceDesc.ServiceName, bidrailv1.ExceptionService_ServiceDesc.ServiceName,
		bidrailv1.ReportService_ServiceDesc.ServiceName} {
		d.health.SetServingStatus(service, status)
	}
}

// Stop tells health checks that the door closes, and whoever waits for an approval or watches some. It lets other calls under way
// end until ctx does, and then cuts off what is left.
func (d *Door) Stop(ctx context.Context) {
	d.health.Shutdown()
	d.close.Do(func() { close(d.closing) })
	stopped := make(chan struct{})
	go func() { d.grpc.GracefulStop(); close(stopped) }()
	select {
	case <-stopped:
	case <-ctx.Done():
		d.logger.Warn("cutting off calls that are still under way")
		d.grpc.Stop()
		<-stopped
	}
}
