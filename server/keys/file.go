package keys

import (
	"crypto"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/lestrrat-go/jwx/v3/jwk"
)

// createdField is our own field of a JSON Web Key; others must ignore it (RFC 7517, section 4).
const createdField = "created"

// maxFile is far more than a ring has: a key takes some 250 bytes.
const maxFile = 1 << 20

func isMissing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// read reads the private keys, the one that signs first. What is wrong with the content is not said in
// the words of the parser, which might quote it.
func read(path string) ([]signer, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keys of permits: %w", err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, fmt.Errorf("keys of permits: %w", err)
	}
	// Windows keeps who may read a file elsewhere, and shows every file as readable.
	if others := info.Mode().Perm() & 0o077; others != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("keys of permits: %s has mode %04o, so others than its owner can read it; run chmod 600 on it, and if somebody may have read it, "+
			"bidrail keys rotate --keep 0s", path, info.Mode().Perm())
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("keys of permits: %w", err)
	}
	set, err := jwk.Parse(content)
	if err != nil || len(content) > maxFile || set.Len() == 0 {
		return nil, fmt.Errorf("keys of permits: %s is not a set of keys as this program writes it; put back the one that was there, "+
			"or move it away and start the server, which makes a new one: permits that are not claimed yet then have to be asked for again", path)
	}
	signers := make([]signer, set.Len())
	for i := range signers {
		key, _ := set.Key(i)
		if signers[i], err = readSigner(key); err != nil {
			return nil, fmt.Errorf("keys of permits: %s: key %d of %d: %w", path, i+1, set.Len(), err)
		}
	}
	return signers, nil
}

func readSigner(key jwk.Key) (signer, error) {
	var private ed25519.PrivateKey
	if err := jwk.Export(key, &private); err != nil {
		return signer{}, errors.New("it is not a private Ed25519 key")
	}
	var written string
	if err := key.Get(createdField, &written); err != nil {
		return signer{}, fmt.Errorf("it does not say in %q when it was made", createdField)
	}
	created, err := time.Parse(time.RFC3339, written)
	if err != nil {
		return signer{}, fmt.Errorf("%q is not a time", createdField)
	}
	made, err := newSigner(private, created)
	if err != nil {
		return signer{}, err
	}
	if id, _ := key.KeyID(); id != made.ID {
		return signer{}, errors.New("its kid is not its thumbprint")
	}
	return made, nil
}

// write puts the keys in the place of the file, whole or not at all, and returns when they are durable.
func write(path string, signers []signer) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("write the keys of permits: %w", err)
		}
	}()
	set := jwk.NewSet()
	for _, each := range signers {
		key, err := webKey(each.private, each.Key)
		if err != nil {
			return err
		}
		if err := errors.Join(key.Set(createdField, each.CreatedAt.Format(time.RFC3339)), set.AddKey(key)); err != nil {
			return err
		}
	}
	content, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		return err
	}
	folder := filepath.Dir(path)
	file, err := os.CreateTemp(folder, filepath.Base(path)+".new-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = file.Write(append(content, '\n'))
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return syncFolder(folder)
}

// syncFolder makes the names in a folder durable. Windows writes a name with its file.
func syncFolder(path string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// thumbprint is the key's id: it follows from the key, so no two keys share one.
func thumbprint(private ed25519.PrivateKey) (string, error) {
	key, err := jwk.Import(private.Public())
	if err != nil {
		return "", err
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(sum), nil
}
