package client

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
	"github.com/lestrrat-go/jwx/v3/jws"
)

// Verifier verifies permits offline, with the public keys of a Bidrail service. It may be used by many goroutines at once.
//
// It is for an executor that is handed permits by others. A signature bounds how long a permit can be used and what for; it cannot
// make it single use, because a copy verifies just as well. So claim the permit as well ([Client.Claim]), before the change is made.
type Verifier struct {
	keys map[string]ed25519.PublicKey // by id
}

// VerifiedPermit is what a permit says whose signature is right. A mode that was switched since, or somebody who has claimed it, does
// not show here.
type VerifiedPermit struct {
	PermitID   string
	Automation string   // who may use it
	Audience   []string // where: platform/account
	IssuedAt   time.Time
	NotBefore  time.Time
	ExpiresAt  time.Time
	KeyID      string
	Digest     string // of the change, or of the group
	Epoch      int64  // of the modes that it was issued under
	GroupID    string
	Changes    []VerifiedChange
}

// VerifiedChange is one change that a permit is for.
type VerifiedChange struct {
	ChangeID   string `json:"change_id"`
	DecisionID string `json:"decision_id"`
	Digest     string `json:"digest"`
}

// NewVerifier reads a JSON Web Key Set, as ListKeys returns it in its field jwks. Fetch it again now and then, and when a permit has
// an unknown key: the service changes its keys.
func NewVerifier(jwks []byte) (*Verifier, error) {
	set, err := jwk.Parse(jwks)
	if err != nil {
		return nil, errors.New("the keys are not a JSON Web Key Set")
	}
	keys := map[string]ed25519.PublicKey{}
	for i := range set.Len() {
		key, _ := set.Key(i)
		if private, err := jwk.IsPrivateKey(key); err != nil || private {
			return nil, fmt.Errorf("key %d is not a public key; verify with the public ones, and let nobody see the private ones", i+1)
		}
		id, named := key.KeyID()
		var public ed25519.PublicKey
		if err := jwk.Export(key, &public); err != nil || !named {
			continue // of a kind that no permit is signed with
		}
		keys[id] = public
	}
	if len(keys) == 0 {
		return nil, errors.New("the key set has no Ed25519 key with a kid, so it verifies no permit")
	}
	return &Verifier{keys}, nil
}

// The clocks of the service and of the executor may differ by so much before a new permit seems to come from the future. There is no
// such leeway at the end.
const clockSkew = time.Minute

// Verify verifies that the permit may be used at a time for an account, named platform/account as in [VerifiedPermit.Audience]. With
// [ErrPermitTime] or [ErrPermitAudience] the permit is genuine.
func (v *Verifier) Verify(token, audience string, now time.Time) (*VerifiedPermit, error) {
	permit, err := v.Read(token)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(permit.Audience, audience):
		return nil, fmt.Errorf("permit %s: %w: it is for %s, not for %s", permit.PermitID, ErrPermitAudience, strings.Join(permit.Audience, ", "), audience)
	}
	if err := permit.At(now); err != nil {
		return nil, err
	}
	return permit, nil
}

// At reports with an [ErrPermitTime] that the permit could not be used at a time.
func (p *VerifiedPermit) At(now time.Time) error {
	switch {
	case !now.Before(p.ExpiresAt):
		return fmt.Errorf("permit %s: %w: it expired at %s", p.PermitID, ErrPermitTime, p.ExpiresAt.Format(time.RFC3339))
	case now.Add(clockSkew).Before(p.NotBefore):
		return fmt.Errorf("permit %s: %w: it begins at %s; is the clock right?", p.PermitID, ErrPermitTime, p.NotBefore.Format(time.RFC3339))
	}
	return nil
}

// Read returns what a genuine permit says, whenever and wherever it may be used. It is for looking at one; to act on one, use
// [Verifier.Verify].
func (v *Verifier) Read(token string) (*VerifiedPermit, error) {
	refuse := func(format string, arguments ...any) (*VerifiedPermit, error) {
		return nil, fmt.Errorf("%w: %s", ErrPermitForged, fmt.Sprintf(format, arguments...))
	}
	parts := strings.Split(token, ".")
	switch {
	case len(token) > maxToken:
		return refuse("it has %d bytes, more than %d", len(token), maxToken)
	case len(parts) != 3:
		return refuse("it is not a signed permit, which has three parts with dots between them")
	}
	for i, part := range parts {
		// There must be one way to write a permit, and decoders are lenient.
		if decoded, err := base64.RawURLEncoding.DecodeString(part); err != nil || base64.RawURLEncoding.EncodeToString(decoded) != part {
			return refuse("its part %d is not written in base64url", i+1)
		}
	}
	message, err := jws.Parse([]byte(token), jws.WithCompact())
	if err != nil || len(message.Signatures()) != 1 {
		return refuse("its header cannot be read")
	}
	header := message.Signatures()[0].ProtectedHeaders()
	algorithm, _ := header.Algorithm()
	kind, _ := header.Type()
	id, _ := header.KeyID()
	key, known := v.keys[id]
	switch {
	case algorithm != jwa.EdDSA():
		return refuse("it is signed with %q, and permits are signed with EdDSA", algorithm)
	case kind != "bidrail-permit+jwt":
		return refuse("it is a %q and not a permit", kind)
	case header.Has(jws.CriticalKey) || header.Has("b64"):
		return refuse("it has extensions that no permit has")
	case !known:
		return refuse("it is signed with key %q, which is not among the keys; fetch them again", id)
	}
	payload, err := jws.Verify([]byte(token), jws.WithKey(jwa.EdDSA(), key), jws.WithCompact())
	if err != nil {
		return refuse("its signature does not fit")
	}
	var claims struct {
		PermitID   string   `json:"jti"`
		Automation string   `json:"sub"`
		Audience   []string `json:"aud"`
		IssuedAt   int64    `json:"iat"`
		NotBefore  int64    `json:"nbf"`
		ExpiresAt  int64    `json:"exp"`
		Bidrail    struct {
			Digest  string           `json:"digest"`
			Epoch   int64            `json:"epoch"`
			GroupID string           `json:"atomic_group_id"`
			Changes []VerifiedChange `json:"changes"`
		} `json:"bidrail"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.PermitID == "" || claims.ExpiresAt == 0 {
		return refuse("it is signed, and does not say what a permit says")
	}
	return &VerifiedPermit{
		PermitID: claims.PermitID, Automation: claims.Automation, Audience: claims.Audience, KeyID: id,
		IssuedAt: time.Unix(claims.IssuedAt, 0).UTC(), NotBefore: time.Unix(claims.NotBefore, 0).UTC(), ExpiresAt: time.Unix(claims.ExpiresAt, 0).UTC(),
		Digest: claims.Bidrail.Digest, Epoch: claims.Bidrail.Epoch, GroupID: claims.Bidrail.GroupID, Changes: claims.Bidrail.Changes,
	}, nil
}

// maxToken is far more than the permit of the largest group takes.
const maxToken = 1 << 17

// The errors of a permit that is verified offline. After each of them nothing may be changed.
var (
	// ErrPermitForged is returned for what was not signed as a permit with one of the keys, or was altered since.
	ErrPermitForged = errors.New("this is no genuine permit")
	// ErrPermitTime is returned for a genuine permit outside of its time.
	ErrPermitTime = errors.New("the permit cannot be used at this time")
	// ErrPermitAudience is returned for a genuine permit that is for other accounts.
	ErrPermitAudience = errors.New("the permit is for another account")
)
