package notify

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"sync/atomic"
	"testing"
)

func TestPublic(t *testing.T) {
	for _, address := range []string{
		"0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "100.127.255.255", "127.0.0.1", "127.255.255.254",
		"168.63.129.16", "169.254.0.1", "169.254.169.254", "169.254.170.2", "172.16.0.1", "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1",
		"192.168.0.1", "192.168.255.255", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255",
		"240.0.0.1", "255.255.255.255",
		"::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
		"100::1", "2001::1", "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "4000::1", "5f00::1", "fc00::1",
		"fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "ffff::1",
	} {
		if public(netip.MustParseAddr(address)) {
			t.Errorf("%s is public", address)
		}
	}
	for _, address := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "168.63.129.15", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
		"198.17.255.255", "223.255.255.255", "::ffff:1.1.1.1", "64:ff9b::101:101", "2001:200::1", "2606:4700::1111", "2a00::1",
	} {
		if !public(netip.MustParseAddr(address)) {
			t.Errorf("%s is not public", address)
		}
	}
}

func TestCheck(t *testing.T) {
	network := network{allowed: []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd00:1::/32")}}
	for _, test := range []struct {
		address   string
		encrypted bool
		want      bool
	}{
		{"1.1.1.1:443", true, true},
		{"1.1.1.1:8443", true, true},
		{"1.1.1.1:443", false, false}, // in the clear
		{"1.1.1.1:22", true, false},
		{"10.1.2.3:443", true, true},
		{"10.1.2.3:22", false, true}, // whoever allows an address knows what is there
		{"[::ffff:10.1.2.3]:443", true, true},
		{"10.2.0.1:443", true, false},
		{"[fd00:1::1]:80", false, true},
		{"[fd00:2::1]:443", true, false},
		{"169.254.169.254:80", false, false},
		{"[::ffff:169.254.169.254]:80", false, false},
	} {
		err := network.check(netip.MustParseAddrPort(test.address), test.encrypted)
		if (err == nil) != test.want || err != nil && !errors.Is(err, errRefused) {
			t.Errorf("%s, encrypted %v: got %v, want it reached: %v", test.address, test.encrypted, err, test.want)
		}
	}
}

// counted is a listener that nobody should find.
func counted(t *testing.T, address string) (port string, connections *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int64)
	server := &http.Server{
		Handler: http.NotFoundHandler(),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				connections.Add(1)
			}
		},
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		<-ended
	})
	_, port, err = net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port, connections
}

// TestNoWayIn spells loopback in the ways that Go takes for an address, and as a name that resolves to one. Other spellings, such
// as 0x7f.1, are names to Go, and what a name resolves to is looked at like this one.
func TestNoWayIn(t *testing.T) {
	port, connections := counted(t, ":0")
	for _, host := range []string{
		"127.0.0.1", "127.0.0.2", "localhost", "LOCALHOST", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "[::1%25lo]",
	} {
		for _, scheme := range []string{"https", "http"} {
			target, err := url.Parse(scheme + "://" + host + ":" + port + "/")
			if err != nil {
				t.Fatal(err)
			}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, target.String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			if err := post(network{}.client(target), request); !errors.Is(err, errRefused) || !errors.Is(err, errUnreachable) {
				t.Errorf("%s: got %v, want it refused", target, err)
			}
		}
	}
	if got := connections.Load(); got != 0 {
		t.Errorf("%d connections were made", got)
	}
}

// TestNoRedirect has a public way in lead to a private one.
func TestNoRedirect(t *testing.T) {
	port, connections := counted(t, "127.0.0.1:0")
	for _, status := range []int{301, 302, 303, 307, 308} {
		server := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:"+port+"/", status))
		target, err := url.Parse(server.URL)
		if err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Even where both addresses are allowed.
		if err := post(network{allowed: loopback}.client(target), request); err == nil || errors.Is(err, errUnreachable) {
			t.Errorf("%d: got %v, want it to be said that redirects are not followed", status, err)
		}
		server.Close()
	}
	if got := connections.Load(); got != 0 {
		t.Errorf("%d redirects were followed", got)
	}
}

// A proxy would be connected to in the receiver's place, and nobody would look at where it goes.
func TestNoProxy(t *testing.T) {
	transport, ok := network{}.client(&url.URL{Scheme: "https", Host: "hooks.shop.example"}).Transport.(*http.Transport)
	if !ok || transport.Proxy != nil {
		t.Error("requests may go by a proxy")
	}
}

// Nobody waits for a receiver that says nothing longer than for its turn.
func TestStops(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, request *http.Request) {
		cancel()
		<-request.Context().Done()
	}))
	defer server.Close()
	target, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := post(network{allowed: loopback}.client(target), request); !errors.Is(err, errUnreachable) {
		t.Errorf("got %v, want %v", err, errUnreachable)
	}
}
