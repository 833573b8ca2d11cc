package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/bidrail/bidrail/policy"
	"github.com/bidrail/bidrail/policy/permit"
)

const (
	algorithm = "EdDSA"
	tokenType = "bidrail-permit+jwt" // a token that was made for something else is never a permit
)

// MaxToken is how long, in bytes, a token can be: more than the permit of the largest group with the longest ids takes. With
// ids of ordinary length 100 changes take some 27,000.
const MaxToken = 1 << 17

type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// claims are what a token says. Its fields are described in permit.proto, and the client has their
// like.
type claims struct {
	PermitID   string   `json:"jti"`
	Automation string   `json:"sub"`
	Audience   []string `json:"aud"`
	IssuedAt   int64    `json:"iat"` // this and the next two in seconds since 1970, rounded down
	NotBefore  int64    `json:"nbf"`
	ExpiresAt  int64    `json:"exp"`
	Permitted  struct {
		Digest  string    `json:"digest"`
		Epoch   int64     `json:"epoch"`
		GroupID string    `json:"atomic_group_id,omitempty"`
		Changes []changed `json:"changes"`
	} `json:"bidrail"`
}

type changed struct {
	ChangeID   string `json:"change_id"`
	DecisionID string `json:"decision_id"`
	Digest     string `json:"digest"`
}

// Sign writes the permit as a token, signed with the first key. As long as that is the same, so is the
// token of a permit: whoever asks again for one gets it byte for byte.
func (k *Keyring) Sign(p permit.Permit) (string, error) {
	said := claims{PermitID: p.ID, Automation: p.Automation, Audience: p.Audience,
		IssuedAt: p.IssuedAt.Unix(), NotBefore: p.IssuedAt.Unix(), ExpiresAt: p.ExpiresAt.Unix()}
	said.Permitted.Digest, said.Permitted.Epoch, said.Permitted.GroupID = p.Digest, p.Epoch, p.GroupID
	said.Permitted.Changes = make([]changed, len(p.Legs))
	for i, leg := range p.Legs {
		said.Permitted.Changes[i] = changed{leg.ChangeID, leg.DecisionID, leg.ChangeDigest}
	}
	var written bytes.Buffer
	encoder := json.NewEncoder(&written)
	encoder.SetEscapeHTML(false) // six bytes for each of a caller's <, for pages that this is on none of
	if err := encoder.Encode(said); err != nil {
		return "", fmt.Errorf("sign permit %s: %w", p.ID, err)
	}
	payload := bytes.TrimSuffix(written.Bytes(), []byte("\n"))
	// The compact form is put together here: the header is the same for all tokens of a key, and a batch
	// signs thousands. A test holds it against the library's.
	signer := &k.current.Load().signers[0]
	token := make([]byte, 0, len(signer.header)+base64.RawURLEncoding.EncodedLen(len(payload)+ed25519.SignatureSize)+3)
	token = append(append(token, signer.header...), '.')
	token = base64.RawURLEncoding.AppendEncode(token, payload)
	signature := ed25519.Sign(signer.private, token)
	token = base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)
	if len(token) > MaxToken {
		return "", fmt.Errorf("%w: permit %s for %d changes would have %d bytes as a token, more than %d; use shorter ids or smaller groups",
			policy.ErrInvalid, p.ID, len(p.Legs), len(token), MaxToken)
	}
	return string(token), nil
}

// Verify returns the id of the permit that a token is, when one of the keys signed it. What became of
// the permit, and whether it has expired, is not its to say.
//
// It takes exactly what [Keyring.Sign] writes and nothing else. The header is compared and never
// interpreted, so it cannot talk us into another algorithm, key or type.
func (k *Keyring) Verify(token string) (permitID string, err error) {
	if len(token) > MaxToken {
		return "", fmt.Errorf("%w: a permit has at most %d bytes as a token, and this has %d", policy.ErrInvalid, MaxToken, len(token))
	}
	head, rest, _ := strings.Cut(token, ".")
	body, end, complete := strings.Cut(rest, ".")
	if !complete {
		return "", fmt.Errorf("%w: this is no permit; send the token as it came with the decision", policy.ErrInvalid)
	}
	public, known := k.current.Load().byHeader[head]
	if !known {
		return "", fmt.Errorf("%w: this is no permit that is signed with a key of this server; if its keys were changed, ask again with a new change_id", policy.ErrInvalid)
	}
	signature, err := base64.RawURLEncoding.DecodeString(end)
	if err != nil || base64.RawURLEncoding.EncodeToString(signature) != end || !ed25519.Verify(public, []byte(token[:len(head)+1+len(body)]), signature) {
		return "", fmt.Errorf("%w: the permit was altered: its signature does not fit", policy.ErrInvalid)
	}
	var said claims
	payload, err := base64.RawURLEncoding.DecodeString(body)
	if err == nil {
		err = json.Unmarshal(payload, &said)
	}
	if err != nil || said.PermitID == "" { // signed with our key, but not by Sign
		return "", fmt.Errorf("%w: the permit is signed, and does not say what for", policy.ErrInvalid)
	}
	return said.PermitID, nil
}
