package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
)

// special are the addresses that are not for the public: what they reach depends on where one stands. Those of IPv6 need no
// list of their own, since all public ones are in one range.
var special = prefixes(
	"0.0.0.0/8",        // this network
	"10.0.0.0/8",       // private
	"100.64.0.0/10",    // shared with one's provider; Alibaba's metadata
	"127.0.0.0/8",      // loopback
	"168.63.129.16/32", // Azure's host, which looks public
	"169.254.0.0/16",   // link-local; metadata of most clouds
	"172.16.0.0/12",    // private
	"192.0.0.0/24",     // assigned by protocols; Oracle's metadata
	"192.0.2.0/24",     // documentation
	"192.88.99.0/24",   // relays from 6to4
	"192.168.0.0/16",   // private
	"198.18.0.0/15",    // benchmarks
	"198.51.100.0/24",  // documentation
	"203.0.113.0/24",   // documentation
	"224.0.0.0/4",      // multicast
	"240.0.0.0/4",      // reserved, and broadcast
	"2001::/23",        // assigned by protocols; Teredo, which holds an IPv4 address
	"2001:db8::/32",    // documentation
	"2002::/16",        // 6to4, which holds an IPv4 address
	"3fff::/20",        // documentation
)

var (
	publicIPv6 = netip.MustParsePrefix("2000::/3")
	// nat64 is how IPv4 is reached from where there is only IPv6; the address of IPv4 is its last four bytes.
	nat64 = netip.MustParsePrefix("64:ff9b::/96")
)

// wellKnown are the ports below 1024 that something we speak to can listen on.
var wellKnown = []uint16{25, 80, 443, 465, 587}

var errRefused = errors.New("address refused")

func prefixes(texts ...string) []netip.Prefix {
	made := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		made = append(made, netip.MustParsePrefix(text))
	}
	return made
}

// public reports whether an address means the same to everybody.
func public(address netip.Addr) bool {
	address = address.Unmap().WithZone("")
	if nat64.Contains(address) {
		bytes := address.As16()
		address = netip.AddrFrom4([4]byte(bytes[12:]))
	}
	if address.Is6() && !publicIPv6.Contains(address) {
		return false
	}
	return !slices.ContainsFunc(special, func(prefix netip.Prefix) bool { return prefix.Contains(address) })
}

// network is the way out, and the only one: all connections are made by it.
type network struct {
	allowed []netip.Prefix // may be reached although they are not public
	roots   *x509.CertPool
}

// check refuses an address that must not be connected to. What is in the clear stays in the house.
func (n network) check(address netip.AddrPort, encrypted bool) error {
	plain := address.Addr().Unmap().WithZone("")
	if slices.ContainsFunc(n.allowed, func(prefix netip.Prefix) bool { return prefix.Contains(plain) }) {
		return nil
	}
	switch {
	case !public(plain):
		return fmt.Errorf("%w: %s is not public; add it to notify.allow_private if it is to be reached", errRefused, plain)
	case !encrypted:
		return fmt.Errorf("%w: what is not encrypted goes only to addresses in notify.allow_private, and %s is not", errRefused, plain)
	case address.Port() < 1024 && !slices.Contains(wellKnown, address.Port()):
		return fmt.Errorf("%w: nothing that is told listens on port %d", errRefused, address.Port())
	}
	return nil
}

// dialer connects to what check lets through. It looks at the address that is connected to, so that it does not matter what a
// name resolved to before, or how an address is spelt.
func (n network) dialer(encrypted bool) *net.Dialer {
	return &net.Dialer{
		Timeout: sendWithin,
		ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
			parsed, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w: %q is no address", errRefused, address)
			}
			return n.check(parsed, encrypted)
		},
	}
}

func (n network) tls(host string) *tls.Config {
	return &tls.Config{ServerName: host, RootCAs: n.roots, MinVersion: tls.VersionTLS12}
}

// client is for requests to one address. It keeps no connections: there is little to say, and it is said seldom.
func (n network) client(target *url.URL) *http.Client {
	return &http.Client{
		Timeout: sendWithin,
		Transport: &http.Transport{
			DialContext: n.dialer(target.Scheme == "https").DialContext, TLSClientConfig: n.tls(""), DisableKeepAlives: true,
			TLSHandshakeTimeout: sendWithin, MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// post sends a request and says in an error what came of it, without the address and without what was answered.
func post(client *http.Client, request *http.Request) error {
	request.Header.Set("User-Agent", "Bidrail")
	response, err := client.Do(request)
	if err != nil {
		return unreachable(err)
	}
	_ = response.Body.Close() // nothing in it matters
	switch code := response.StatusCode; {
	case code/100 == 2:
		return nil
	case code == http.StatusGone:
		return fmt.Errorf("%w: it answered 410 Gone", errGone)
	case code/100 == 3:
		return fmt.Errorf("it answered %d %s, and redirects are not followed", code, http.StatusText(code))
	default:
		return fmt.Errorf("it answered %d %s", code, http.StatusText(code))
	}
}

// unreachable says that nobody answered, and why, leaving out the address, which may hold a secret.
func unreachable(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		if wrapped.Timeout() {
			return fmt.Errorf("%w: no answer within %s", errUnreachable, sendWithin)
		}
		err = wrapped.Err
	}
	return fmt.Errorf("%w: %w", errUnreachable, err)
}

// addressOf reads an address of the web to which messages can be sent.
func addressOf(text string) (*url.URL, error) {
	target, err := url.Parse(text)
	if err != nil || target.Scheme != "https" && target.Scheme != "http" || target.Host == "" || target.User != nil {
		return nil, errors.New("its address must be one such as https://hooks.shop.example/bidrail, without a user name")
	}
	return target, nil
}
