package client

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
)

var (
	issued  = time.Unix(1_770_000_000, 0).UTC()
	expires = issued.Add(time.Minute)
)

const permitClaims = `{"jti":"per_1","sub":"pacer","aud":["google_ads/100","google_ads/200"],"iat":1770000000,"nbf":1770000000,"exp":1770000060,` +
	`"bidrail":{"digest":"sha256:g","epoch":7,"atomic_group_id":"shift-7","changes":[{"change_id":"a","decision_id":"dec_1","digest":"sha256:1"}]}}`

// key is the private key with that number: the same in every run, so that failures can be looked at.
func key(number byte) ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed([]byte(strings.Repeat(string(rune('A'+number)), ed25519.SeedSize)))
}

func keySet(t testing.TB, raw map[string]any) []byte {
	t.Helper()
	set := jwk.NewSet()
	for id, each := range raw {
		key, err := jwk.Import(each)
		if err != nil {
			t.Fatal(err)
		}
		if id != "" {
			err = key.Set(jwk.KeyIDKey, id)
		}
		if err := errors.Join(err, set.AddKey(key)); err != nil {
			t.Fatal(err)
		}
	}
	encoded, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return encoded
}

func verifier(t testing.TB) *Verifier {
	t.Helper()
	verifier, err := NewVerifier(keySet(t, map[string]any{"old": key(0).Public(), "new": key(1).Public()}))
	if err != nil {
		t.Fatal(err)
	}
	return verifier
}

func tokenWith(t testing.TB, algorithm jwa.SignatureAlgorithm, signer any, header map[string]any, payload string) string {
	t.Helper()
	headers := jws.NewHeaders()
	for name, value := range header {
		if err := headers.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	token, err := jws.Sign([]byte(payload), jws.WithKey(algorithm, signer, jws.WithProtectedHeaders(headers)))
	if err != nil {
		t.Fatal(err)
	}
	return string(token)
}

func permitHeader(id string) map[string]any {
	return map[string]any{jws.KeyIDKey: id, jws.TypeKey: "bidrail-permit+jwt"}
}

func TestVerifyReturnsWhatThePermitSays(t *testing.T) {
	want := &VerifiedPermit{PermitID: "per_1", Automation: "pacer", Audience: []string{"google_ads/100", "google_ads/200"},
		IssuedAt: issued, NotBefore: issued, ExpiresAt: expires, Digest: "sha256:g", Epoch: 7, GroupID: "shift-7",
		Changes: []VerifiedChange{{"a", "dec_1", "sha256:1"}}}
	for number, id := range []string{"old", "new"} {
		want.KeyID = id
		token := tokenWith(t, jwa.EdDSA(), key(byte(number)), permitHeader(id), permitClaims)
		got, err := verifier(t).Verify(token, "google_ads/200", issued)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func TestAPermitHasItsTimeAndPlace(t *testing.T) {
	token := tokenWith(t, jwa.EdDSA(), key(1), permitHeader("new"), permitClaims)
	for name, test := range map[string]struct {
		audience string
		now      time.Time
		want     error
	}{
		"at its beginning":       {"google_ads/100", issued, nil},
		"a clock that is slow":   {"google_ads/100", issued.Add(-clockSkew), nil},
		"a clock that is wrong":  {"google_ads/100", issued.Add(-clockSkew - 1), ErrPermitTime},
		"just before its end":    {"google_ads/100", expires.Add(-1), nil},
		"at its end":             {"google_ads/100", expires, ErrPermitTime},
		"long after":             {"google_ads/100", expires.AddDate(1, 0, 0), ErrPermitTime},
		"elsewhere":              {"google_ads/300", issued, ErrPermitAudience},
		"nowhere":                {"", issued, ErrPermitAudience},
		"a part of its audience": {"google_ads/10", issued, ErrPermitAudience},
	} {
		permit, err := verifier(t).Verify(token, test.audience, test.now)
		if !errors.Is(err, test.want) || (err == nil) != (test.want == nil) || (permit == nil) != (err != nil) {
			t.Errorf("%s: got %v, %v, want %v", name, permit, err, test.want)
		}
	}
	if permit, err := verifier(t).Read(token); err != nil || permit.PermitID != "per_1" {
		t.Errorf("read: got %v, %v", permit, err)
	}
}

func TestForgedPermitsAreRefused(t *testing.T) {
	good := tokenWith(t, jwa.EdDSA(), key(1), permitHeader("new"), permitClaims)
	parts := strings.Split(good, ".")
	signed := func(header string) string {
		unsigned := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1]
		return unsigned + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key(1), []byte(unsigned)))
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	for name, token := range map[string]string{
		"nothing":                 "",
		"no token":                "per_1",
		"no signature":            parts[0] + "." + parts[1] + ".",
		"four parts":              good + ".x",
		"a line break in it":      good[:len(good)-4] + "\n" + good[len(good)-4:],
		"as JSON":                 fmt.Sprintf(`{"payload":%q,"protected":%q,"signature":%q}`, parts[1], parts[0], parts[2]),
		"another way to write it": good[:len(good)-1] + string(alphabet[last^1]),
		"padded":                  good + "==",
		"alg none":                base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"new","typ":"bidrail-permit+jwt"}`)) + "." + parts[1] + ".",
		"alg none, signed":        signed(`{"alg":"none","kid":"new","typ":"bidrail-permit+jwt"}`),
		"HS256 with the public key": tokenWith(t, jwa.HS256(), []byte(key(1).Public().(ed25519.PublicKey)),
			permitHeader("new"), permitClaims),
		"alg Ed25519":             tokenWith(t, jwa.EdDSAEd25519(), key(1), permitHeader("new"), permitClaims),
		"an unknown key":          tokenWith(t, jwa.EdDSA(), key(2), permitHeader("other"), permitClaims),
		"a stranger with our kid": tokenWith(t, jwa.EdDSA(), key(2), permitHeader("new"), permitClaims),
		"the kid of another key":  tokenWith(t, jwa.EdDSA(), key(1), permitHeader("old"), permitClaims),
		"no kid":                  tokenWith(t, jwa.EdDSA(), key(1), map[string]any{jws.TypeKey: "bidrail-permit+jwt"}, permitClaims),
		"a plain JWT":             tokenWith(t, jwa.EdDSA(), key(1), map[string]any{jws.KeyIDKey: "new", jws.TypeKey: "JWT"}, permitClaims),
		"no typ":                  tokenWith(t, jwa.EdDSA(), key(1), map[string]any{jws.KeyIDKey: "new"}, permitClaims),
		"a critical extension":    signed(`{"alg":"EdDSA","crit":["x"],"kid":"new","typ":"bidrail-permit+jwt","x":1}`),
		"unencoded":               signed(`{"alg":"EdDSA","b64":false,"kid":"new","typ":"bidrail-permit+jwt"}`),
		"a signed nothing":        tokenWith(t, jwa.EdDSA(), key(1), permitHeader("new"), `{}`),
		"without an end":          tokenWith(t, jwa.EdDSA(), key(1), permitHeader("new"), `{"jti":"per_1","aud":["google_ads/100"]}`),
		"1 MB":                    tokenWith(t, jwa.EdDSA(), key(1), permitHeader("new"), strings.Replace(permitClaims, "pacer", strings.Repeat("x", 1<<20), 1)),
		"1 MB of dots":            strings.Repeat(".", 1<<20),
	} {
		if permit, err := verifier(t).Verify(token, "google_ads/100", issued); permit != nil || !errors.Is(err, ErrPermitForged) {
			t.Errorf("%s: got %v, %v, want %v", name, permit, err, ErrPermitForged)
		}
	}
	for i := range len(good) {
		flipped := []byte(good)
		flipped[i] ^= 1
		if _, err := verifier(t).Read(string(flipped)); !errors.Is(err, ErrPermitForged) {
			t.Fatalf("byte %d altered: got %v, want %v", i, err, ErrPermitForged)
		}
	}
}

func TestVerifierTakesPublicKeysOnly(t *testing.T) {
	for name, test := range map[string]struct {
		keys []byte
		want string
	}{
		"nothing":         {nil, "not a JSON Web Key Set"},
		"no JSON":         {[]byte("keys"), "not a JSON Web Key Set"},
		"no keys":         {[]byte(`{"keys":[]}`), "no Ed25519 key"},
		"a private key":   {keySet(t, map[string]any{"new": key(1)}), "let nobody see the private ones"},
		"a shared secret": {keySet(t, map[string]any{"new": []byte("secret")}), "not a public key"},
		"no kid":          {keySet(t, map[string]any{"": key(1).Public()}), "no Ed25519 key with a kid"},
	} {
		if _, err := NewVerifier(test.keys); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", name, err, test.want)
		}
	}
}

func BenchmarkVerifier(b *testing.B) {
	token := tokenWith(b, jwa.EdDSA(), key(1), permitHeader("new"), permitClaims)
	verifier := verifier(b)
	for b.Loop() {
		if _, err := verifier.Verify(token, "google_ads/100", issued); err != nil {
			b.Fatal(err)
		}
	}
}
