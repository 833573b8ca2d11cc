package keys

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/permit"
)

func shift() permit.Permit {
	return permit.Issue(permit.Permit{ID: "per_1", Automation: "pacer", Audience: []string{"google_ads/100"}, Digest: "sha256:g", GroupID: "shift-7",
		Legs: []permit.Leg{
			{DecisionID: "dec_1", ChangeID: "less", ChangeDigest: "sha256:1"},
			{DecisionID: "dec_2", ChangeID: "more", ChangeDigest: "sha256:2"},
		}, Epoch: 7, IssuedAt: noon.Add(900 * time.Millisecond), ExpiresAt: noon.Add(time.Minute + 100*time.Millisecond)})
}

func sign(t testing.TB, keyring *Keyring, p permit.Permit) string {
	t.Helper()
	token, err := keyring.Sign(p)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func part(t testing.TB, token string, at int) string {
	t.Helper()
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(strings.Split(token, ".")[at])
	if err != nil {
		t.Fatal(err)
	}
	return string(decoded)
}

func encode(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// TestAToken shows a token whole. What it has is promised in permit.proto.
func TestAToken(t *testing.T) {
	keyring, _ := open(t)
	token := sign(t, keyring, shift())
	if got, want := part(t, token, 0), `{"alg":"EdDSA","kid":"`+keyring.Keys()[0].ID+`","typ":"bidrail-permit+jwt"}`; got != want {
		t.Errorf("header\n got %s\nwant %s", got, want)
	}
	const want = `{"jti":"per_1","sub":"pacer","aud":["google_ads/100"],"iat":1768478400,"nbf":1768478400,"exp":1768478460,` +
		`"bidrail":{"digest":"sha256:g","epoch":7,"atomic_group_id":"shift-7","changes":[` +
		`{"change_id":"less","decision_id":"dec_1","digest":"sha256:1"},{"change_id":"more","decision_id":"dec_2","digest":"sha256:2"}]}}`
	if got := part(t, token, 1); got != want {
		t.Errorf("claims\n got %s\nwant %s", got, want)
	}
	if got, err := keyring.Verify(token); err != nil || got != "per_1" {
		t.Errorf("got %q, %v, want per_1", got, err)
	}
	if again := sign(t, keyring, shift()); again != token {
		t.Errorf("the same permit again has another token:\n%s\n%s", token, again)
	}
	claimed := shift()
	claimed.State, claimed.Version, claimed.ClaimID = permit.Claimed, 2, "mine"
	if again := sign(t, keyring, claimed); again != token {
		t.Errorf("the permit has another token after a step")
	}
}

// The library must agree with what we put together by hand, in both directions.
func TestATokenIsWhatTheLibraryMakes(t *testing.T) {
	keyring, _ := open(t)
	token := sign(t, keyring, shift())
	set, err := jwk.Parse(keyring.Public())
	if err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify([]byte(token), jws.WithKeySet(set), jws.WithCompact())
	if err != nil || string(payload) != part(t, token, 1) {
		t.Errorf("got %s, %v", payload, err)
	}
	if again := libraryToken(t, jwa.EdDSA(), keyring.current.Load().signers[0].private, keyring.Keys()[0].ID, tokenType, string(payload)); again != token {
		t.Errorf("the library writes\n%s\nwe write\n%s", again, token)
	}
}

func libraryToken(t testing.TB, algorithm jwa.SignatureAlgorithm, key any, id, kind, payload string) string {
	t.Helper()
	headers := jws.NewHeaders()
	if err := errors.Join(headers.Set(jws.KeyIDKey, id), headers.Set(jws.TypeKey, kind)); err != nil {
		t.Fatal(err)
	}
	token, err := jws.Sign([]byte(payload), jws.WithKey(algorithm, key, jws.WithProtectedHeaders(headers)))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func TestWhatIsNoPermitIsRefused(t *testing.T) {
	keyring, _ := open(t)
	stranger, _ := open(t)
	own, id := keyring.current.Load().signers[0], keyring.Keys()[0].ID
	public := []byte(own.private.Public().(ed25519.PublicKey))
	token := sign(t, keyring, shift())
	parts := strings.Split(token, ".")
	head := func(format string, arguments ...any) string {
		return encode(fmt.Sprintf(format, arguments...)) + "." + parts[1] + "."
	}
	signed := func(unsigned string) string {
		return unsigned + base64.RawURLEncoding.EncodeToString(ed25519.Sign(own.private, []byte(strings.TrimSuffix(unsigned, "."))))
	}
	payload := part(t, token, 1)
	lastDigit := parts[2][len(parts[2])-1]
	malleable := strings.IndexByte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", lastDigit)
	for name, token := range map[string]string{
		"nothing":                      "",
		"no token":                     "per_1",
		"two parts":                    parts[0] + "." + parts[1],
		"no signature":                 parts[0] + "." + parts[1] + ".",
		"four parts":                   token + ".x",
		"spaces around":                " " + token,
		"a line break in it":           token[:len(token)-4] + "\n" + token[len(token)-4:],
		"as JSON":                      `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"alg none":                     head(`{"alg":"none","kid":%q,"typ":%q}`, id, tokenType),
		"alg none with a signature":    head(`{"alg":"none","kid":%q,"typ":%q}`, id, tokenType) + parts[2],
		"alg none, signed":             signed(head(`{"alg":"none","kid":%q,"typ":%q}`, id, tokenType)),
		"HS256 with the public key":    libraryToken(t, jwa.HS256(), public, id, tokenType, payload),
		"alg Ed25519, signed":          libraryToken(t, jwa.EdDSAEd25519(), own.private, id, tokenType, payload),
		"a stranger's key":             sign(t, stranger, shift()),
		"a stranger's key, our kid":    libraryToken(t, jwa.EdDSA(), stranger.current.Load().signers[0].private, id, tokenType, payload),
		"an unknown kid, signed":       libraryToken(t, jwa.EdDSA(), own.private, stranger.Keys()[0].ID, tokenType, payload),
		"no kid, signed":               signed(head(`{"alg":"EdDSA","typ":%q}`, tokenType)),
		"a plain JWT, signed":          libraryToken(t, jwa.EdDSA(), own.private, id, "JWT", payload),
		"no typ, signed":               signed(head(`{"alg":"EdDSA","kid":%q}`, id)),
		"a key of its own, signed":     signed(head(`{"alg":"EdDSA","jwk":{},"kid":%q,"typ":%q}`, id, tokenType)),
		"a critical extension, signed": signed(head(`{"alg":"EdDSA","crit":["x"],"kid":%q,"typ":%q,"x":1}`, id, tokenType)),
		"unencoded, signed":            signed(head(`{"alg":"EdDSA","b64":false,"crit":["b64"],"kid":%q,"typ":%q}`, id, tokenType)),
		"another way to write it":      parts[0] + "." + parts[1] + "." + parts[2][:len(parts[2])-1] + string("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[malleable^1]),
		"padded":                       token + "==",
		"a signed nothing":             libraryToken(t, jwa.EdDSA(), own.private, id, tokenType, `{}`),
		"signed, and no JSON":          libraryToken(t, jwa.EdDSA(), own.private, id, tokenType, `per_1`),
		"1 MB":                         signed(parts[0] + "." + encode(`{"jti":"per_1","x":"`+strings.Repeat("x", 1<<20)+`"}`) + "."),
		"1 MB of dots":                 strings.Repeat(".", 1<<20),
	} {
		got, err := keyring.Verify(token)
		if got != "" || !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: got %q, %v, want an ErrInvalid", name, got, err)
		}
	}
}

func TestEveryBitCounts(t *testing.T) {
	keyring, _ := open(t)
	token := sign(t, keyring, shift())
	for i := range len(token) {
		for bit := range 8 {
			flipped := []byte(token)
			flipped[i] ^= 1 << bit
			if _, err := keyring.Verify(string(flipped)); !errors.Is(err, policy.ErrInvalid) {
				t.Fatalf("bit %d of byte %d flipped: got %v, want an ErrInvalid", bit, i, err)
			}
		}
	}
}

// group is a permit for as many changes as a group can have.
func group(legs, idBytes int) permit.Permit {
	p := shift()
	p.Legs = make([]permit.Leg, legs)
	for i := range p.Legs {
		name := fmt.Sprintf("%0*d", idBytes, i)
		p.Legs[i] = permit.Leg{DecisionID: "dec_0198c1d7-76a1-7c3e-9d5b-0a1b2c3d4e5f", ChangeID: name, ChangeDigest: "sha256:" + strings.Repeat("0", 64)}
	}
	return p
}

func TestTheLargestGroupFits(t *testing.T) {
	keyring, _ := open(t)
	token := sign(t, keyring, group(100, 128))
	t.Logf("a permit for 100 changes with ids of 128 bytes has %d bytes", len(token))
	if _, err := keyring.Verify(token); err != nil {
		t.Error(err)
	}
	if token, err := keyring.Sign(group(100, 1024)); !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), "shorter ids") {
		t.Errorf("got a token of %d bytes, %v, want it refused with what to do", len(token), err)
	}
}

func TestTextComesBackAsItWas(t *testing.T) {
	keyring, _ := open(t)
	p := shift()
	p.Legs[0].ChangeID, p.Automation = `quotes " and <tags> ü .`, "spiffe://bidrail/agent/pacer"
	var said claims
	if err := json.Unmarshal([]byte(part(t, sign(t, keyring, p), 1)), &said); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{p.Legs[0].ChangeID, p.Automation}, []string{said.Permitted.Changes[0].ChangeID, said.Automation}); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func BenchmarkSign(b *testing.B) {
	keyring, _ := open(b)
	for name, p := range map[string]permit.Permit{"1": group(1, 40), "100": group(100, 40)} {
		b.Run("changes="+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := keyring.Sign(p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	// What the library takes for the same token.
	b.Run("library", func(b *testing.B) {
		payload := part(b, sign(b, keyring, group(1, 40)), 1)
		own := keyring.current.Load().signers[0]
		for b.Loop() {
			libraryToken(b, jwa.EdDSA(), own.private, own.ID, tokenType, payload)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	keyring, _ := open(b)
	for name, p := range map[string]permit.Permit{"1": group(1, 40), "100": group(100, 40)} {
		token := sign(b, keyring, p)
		b.Run("changes="+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := keyring.Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
