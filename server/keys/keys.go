// Package keys is what permits are signed with: a ring of Ed25519 keys in a file that only the server
// reads, of which the first signs and all verify. Start with [Open].
//
// A signed permit is a JWS in compact form with the claims of a JWT (RFC 7515, RFC 7519), so that an
// executor can verify it offline, with any library, from the public keys. The signature proves that
// this server gave the permit out. It does not make it single use: that is what claiming it is for, and
// the store decides about time.
//
// To change the key is to put a new one first ([Rotate]). The old ones stay for a while, so that what
// they signed still verifies. No error and no log has any part of a private key in it.
package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jwk"
)

// Keyring is the keys of one file. It is safe for concurrent use, [Keyring.Reload] included.
type Keyring struct {
	path    string
	current atomic.Pointer[ring]
}

// Key is what may be told of a key.
type Key struct {
	ID        string // the SHA-256 thumbprint of the public key (RFC 7638)
	CreatedAt time.Time
}

// Open reads the keys of a file, and makes the file with one new key when there is none. The folder
// must be there. A file that others than its owner can read is refused.
func Open(path string, now time.Time) (*Keyring, error) {
	keyring, err := Read(path)
	if !isMissing(err) {
		return keyring, err
	}
	first, err := generate(now)
	if err != nil {
		return nil, err
	}
	if err := write(path, []signer{first}); err != nil {
		return nil, err
	}
	return Read(path)
}

// Read is [Open] for a file that must be there; fs.ErrNotExist is in the error's chain when it is not.
func Read(path string) (*Keyring, error) {
	keyring := &Keyring{path: path}
	if err := keyring.Reload(); err != nil {
		return nil, err
	}
	return keyring, nil
}

// Reload reads the file again. When that fails the keys stay as they are.
func (k *Keyring) Reload() error {
	signers, err := read(k.path)
	if err != nil {
		return err
	}
	next, err := newRing(signers)
	if err != nil {
		return err
	}
	k.current.Store(next)
	return nil
}

// Keys tells of the keys, the one that signs first.
func (k *Keyring) Keys() []Key {
	signers := k.current.Load().signers
	keys := make([]Key, len(signers))
	for i, signer := range signers {
		keys[i] = signer.Key
	}
	return keys
}

// Public is the public keys as a JSON Web Key Set (RFC 7517), the one that signs first.
func (k *Keyring) Public() []byte { return bytes.Clone(k.current.Load().public) }

// Rotate makes a new key, which signs from now on for whoever reads the file again. Keys that were
// replaced keep ago or longer are dropped, and what they signed verifies no more; with 0, that is all
// but the new one. A server that is running has to be told ([Keyring.Reload]).
//
// One rotation at a time: of two at once, the later one undoes the other.
func Rotate(path string, now time.Time, keep time.Duration) (Key, error) {
	signers, err := read(path)
	if err != nil {
		return Key{}, err
	}
	next, err := generate(now)
	if err != nil {
		return Key{}, err
	}
	kept := []signer{next}
	for i, old := range signers {
		replaced := now
		if i > 0 {
			replaced = signers[i-1].CreatedAt
		}
		if now.Sub(replaced) < keep {
			kept = append(kept, old)
		}
	}
	return next.Key, write(path, kept)
}

// signer is a key, private part included.
type signer struct {
	Key
	private ed25519.PrivateKey
	header  string // of every token it signs, encoded
}

func generate(now time.Time) (signer, error) {
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		return signer{}, err
	}
	return newSigner(private, now)
}

func newSigner(private ed25519.PrivateKey, created time.Time) (signer, error) {
	id, err := thumbprint(private)
	if err != nil {
		return signer{}, err
	}
	header, err := json.Marshal(header{Algorithm: algorithm, KeyID: id, Type: tokenType})
	if err != nil {
		return signer{}, err
	}
	return signer{Key{id, created.UTC().Truncate(time.Second)}, private, base64.RawURLEncoding.EncodeToString(header)}, nil
}

// ring is the keys as they were read, with what is made of them once.
type ring struct {
	signers  []signer // never empty
	byHeader map[string]ed25519.PublicKey
	public   []byte
}

func newRing(signers []signer) (*ring, error) {
	next := &ring{signers: signers, byHeader: map[string]ed25519.PublicKey{}}
	set := jwk.NewSet()
	for _, each := range signers {
		public := each.private.Public().(ed25519.PublicKey)
		next.byHeader[each.header] = public
		key, err := webKey(public, each.Key)
		if err != nil {
			return nil, err
		}
		if err := set.AddKey(key); err != nil {
			return nil, err
		}
	}
	var err error
	if next.public, err = json.Marshal(set); err != nil {
		return nil, err
	}
	return next, nil
}

// webKey is the JSON Web Key of a raw one, private or public.
func webKey(raw any, about Key) (jwk.Key, error) {
	key, err := jwk.Import(raw)
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", about.ID, err)
	}
	for name, value := range map[string]any{jwk.KeyIDKey: about.ID, jwk.KeyUsageKey: jwk.ForSignature, jwk.AlgorithmKey: jwa.EdDSA()} {
		if err := key.Set(name, value); err != nil {
			return nil, fmt.Errorf("key %s: %w", about.ID, err)
		}
	}
	return key, nil
}
