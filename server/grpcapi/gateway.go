package grpcapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"
	"github.com/grpc-ecosystem/grpc-gateway/v2/utilities"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	bidrailv1 "github.com/bidrail/bidrail/proto/bidrail/v1"
)

// Gateway serves the unary calls as JSON over HTTP, by calling the door inside this process: every
// request passes the same interceptors. Identity headers are handed on by name.
type Gateway struct {
	http       *http.Server
	connection *grpc.ClientConn
}

// NewGateway puts a gateway in front of a door. forward names the HTTP headers that carry identity.
func NewGateway(ctx context.Context, door *Door, forward ...string) (*Gateway, error) {
	inside := bufconn.Listen(1 << 20)
	go func() { _ = door.Serve(inside) }() // ends with the door; what it returns then is of no use
	connection, err := grpc.NewClient("passthrough:///inside",
		grpc.WithTransportCredentials(insecure.NewCredentials()), // never leaves the process
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return inside.DialContext(ctx) }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20), grpc.MaxCallSendMsgSize(maxMessageBytes)),
	)
	if err != nil {
		return nil, err
	}
	mux := runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, &wholeJSON{runtime.JSONPb{
			MarshalOptions:   protojson.MarshalOptions{UseProtoNames: true},
			UnmarshalOptions: protojson.UnmarshalOptions{DiscardUnknown: false},
		}}),
		runtime.SetQueryParameterParser(knownParameters{}),
		runtime.WithIncomingHeaderMatcher(func(header string) (string, bool) {
			for _, name := range forward {
				if strings.EqualFold(header, name) {
					return strings.ToLower(name), true
				}
			}
			return "", false
		}),
		runtime.WithOutgoingHeaderMatcher(func(string) (string, bool) { return "", false }),
	)
	for _, register := range []func(context.Context, *runtime.ServeMux, *grpc.ClientConn) error{
		bidrailv1.RegisterGuardrailServiceHandler, bidrailv1.RegisterPolicyServiceHandler,
		bidrailv1.RegisterRegistryServiceHandler, bidrailv1.RegisterLedgerServiceHandler,
		bidrailv1.RegisterApprovalServiceHandler, bidrailv1.RegisterExceptionServiceHandler,
		bidrailv1.RegisterReportServiceHandler,
	} {
		if err := register(ctx, mux, connection); err != nil {
			return nil, err
		}
	}
	routes := http.NewServeMux()
	routes.Handle("/v1/", jsonOnly(http.MaxBytesHandler(mux, 2*maxMessageBytes))) // JSON is about twice as large
	routes.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	routes.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		status, err := healthv1.NewHealthClient(connection).Check(r.Context(), &healthv1.HealthCheckRequest{})
		if err != nil || status.GetStatus() != healthv1.HealthCheckResponse_SERVING {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	protected := http.NewCrossOriginProtection().Handler(loopbackHost(routes))
	return &Gateway{
		http:       &http.Server{Handler: protected, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: door.deadline, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10, ErrorLog: door.logger.StandardLogger(nil)},
		connection: connection,
	}, nil
}

// wholeJSON reads bodies that are one JSON value and nothing else: what stands behind the first
// would be left out without a word.
type wholeJSON struct{ runtime.JSONPb }

// NewDecoder implements runtime.Marshaler.
func (j *wholeJSON) NewDecoder(r io.Reader) runtime.Decoder {
	return runtime.DecoderFunc(func(into any) error {
		body, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		if message, ok := into.(proto.Message); ok {
			return j.UnmarshalOptions.Unmarshal(body, message)
		}
		return json.Unmarshal(body, into)
	})
}

// knownParameters refuses parameters that the request does not have. The gateway alone would leave
// a misspelt filter out, and list everything.
type knownParameters struct{ known runtime.DefaultQueryParser }

// Parse implements runtime.QueryParameterParser.
func (p knownParameters) Parse(into proto.Message, values url.Values, filter *utilities.DoubleArray) error {
	fields := into.ProtoReflect().Descriptor().Fields()
	for name := range values {
		first, _, _ := strings.Cut(name, ".")
		if fields.ByTextName(first) == nil && fields.ByJSONName(first) == nil {
			return fmt.Errorf("there is no parameter %q", name)
		}
	}
	return p.known.Parse(into, values, filter)
}

// jsonOnly refuses bodies that do not say that they are JSON. A page on the web can have a browser send other kinds to anybody
// without asking; for this one the browser asks first, and is not let through. What acts is POST only, so that a link that is
// followed, or fetched ahead to be shown, does nothing.
func jsonOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if r.Method == http.MethodPost && (err != nil || kind != "application/json") {
			http.Error(w, "send JSON, and say so: Content-Type: application/json", http.StatusUnsupportedMediaType)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopbackHost refuses requests that reached this machine under another machine's name: a page on
// the web can point a name of its own at 127.0.0.1.
func loopbackHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if ip := net.ParseIP(strings.Trim(host, "[]")); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			http.Error(w, "this server answers to localhost only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Serve answers requests on the listener until [Gateway.Stop].
func (g *Gateway) Serve(listener net.Listener) error { return g.http.Serve(listener) }

// Stop lets requests under way end until ctx does.
func (g *Gateway) Stop(ctx context.Context) error {
	err := g.http.Shutdown(ctx)
	if closed := g.connection.Close(); err == nil {
		err = closed
	}
	return err
}
