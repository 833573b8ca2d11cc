package keys

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/bidrail/bidrail/policy"
)

var noon = time.Date(2026, 1, 15, 12, 0, 0, 0, time.UTC)

const month = 30 * 24 * time.Hour

func open(t testing.TB) (*Keyring, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "permit-keys.json")
	keyring, err := Open(path, noon)
	if err != nil {
		t.Fatal(err)
	}
	return keyring, path
}

func rotate(t testing.TB, path string, now time.Time, keep time.Duration) Key {
	t.Helper()
	key, err := Rotate(path, now, keep)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestOpenMakesAKeyOnce(t *testing.T) {
	first, path := open(t)
	if diff := cmp.Diff([]Key{{first.Keys()[0].ID, noon}}, first.Keys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %04o, want 0600", info.Mode().Perm())
	}
	again, err := Open(path, noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first.Keys(), again.Keys()); diff != "" {
		t.Errorf("opened again (-first +second):\n%s", diff)
	}
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder has %v, %v, want the file alone", entries, err)
	}
}

func TestReadMakesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "permit-keys.json")
	if _, err := Read(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it is not there", err)
	}
	if _, err := Rotate(path, noon, month); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("rotate: got %v, want that it is not there", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is there now: %v", err)
	}
}

func TestAFolderThatIsNotThere(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "permit-keys.json"), noon); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want that it is not there", err)
	}
}

func TestAFileThatOthersCanReadIsRefused(t *testing.T) {
	if runtime.GOOS == "windows" {
		return // it keeps who may read a file elsewhere
	}
	_, path := open(t)
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o622, 0o777} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		_, err := Open(path, noon)
		if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%04o", mode)) || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: got %v, want it refused with what to do", mode, err)
		}
	}
	for _, mode := range []os.FileMode{0o600, 0o400, 0o700} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path, noon); err != nil {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

// stored is the file as it is written.
type stored struct {
	Keys []map[string]any `json:"keys"`
}

func readStored(t testing.TB, path string) stored {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file stored
	if err := json.Unmarshal(content, &file); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheFileIsAPrivateKeySet(t *testing.T) {
	keyring, path := open(t)
	key := readStored(t, path).Keys[0]
	for name, want := range map[string]string{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": keyring.Keys()[0].ID, "created": "2026-01-15T12:00:00Z"} {
		if key[name] != want {
			t.Errorf("%s: got %v, want %s", name, key[name], want)
		}
	}
	if len(key) != 8 || key["d"] == "" || key["x"] == "" {
		t.Errorf("it has the fields %v, want those and d and x", key)
	}
}

func TestAFileThatIsNotOursIsRefusedWithoutQuotingIt(t *testing.T) {
	other, otherPath := open(t)
	_, path := open(t)
	secret := readStored(t, path).Keys[0]["d"].(string)
	change := func(field string, value any) string {
		file := readStored(t, path)
		if value == nil {
			delete(file.Keys[0], field)
		} else {
			file.Keys[0][field] = value
		}
		content, err := json.Marshal(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	for name, content := range map[string]string{
		"empty":               "",
		"no JSON":             secret,
		"broken":              `{"keys":[{"kty":"OKP","d":"` + secret,
		"no keys":             `{"keys":[]}`,
		"no set":              `[]`,
		"a public key":        change("d", nil),
		"another private key": change("d", readStored(t, otherPath).Keys[0]["d"]),
		"half a private key":  change("d", secret[:20]),
		"a private number":    change("d", 12345678901234),
		"another curve":       change("crv", "X25519"),
		"a shared secret":     `{"keys":[{"kty":"oct","k":"` + secret + `"}]}`,
		"another id":          change("kid", other.Keys()[0].ID),
		"no id":               change("kid", nil),
		"no time":             change("created", nil),
		"a time of sorts":     change("created", secret),
		"a number for a time": change("created", 1_770_000_000),
		"too much":            change("created", strings.Repeat(" ", maxFile)),
	} {
		broken := filepath.Join(t.TempDir(), "broken.json")
		if err := os.WriteFile(broken, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(broken, noon)
		if err == nil {
			t.Errorf("%s: it was taken", name)
			continue
		}
		if !strings.Contains(err.Error(), broken) {
			t.Errorf("%s: %v does not name the file", name, err)
		}
		if strings.Contains(err.Error(), secret[:20]) || strings.Contains(err.Error(), "12345678901234") {
			t.Errorf("%s: the private key is in the error: %v", name, err)
		}
		if after, err := os.ReadFile(broken); err != nil || string(after) != content {
			t.Errorf("%s: the file was touched", name)
		}
	}
}

func TestNothingThatIsPrintedHasAPrivateKey(t *testing.T) {
	keyring, path := open(t)
	secret := readStored(t, path).Keys[0]["d"].(string)
	token, err := keyring.Sign(shift())
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"the public keys": string(keyring.Public()), "the token": token, "the list": fmt.Sprintf("%+v", keyring.Keys()),
	} {
		if strings.Contains(text, secret) || strings.Contains(text, `"d"`) {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestThePublicKeysAreThoseOfTheFile(t *testing.T) {
	keyring, path := open(t)
	rotate(t, path, noon.Add(time.Hour), month)
	if err := keyring.Reload(); err != nil {
		t.Fatal(err)
	}
	var public stored
	if err := json.Unmarshal(keyring.Public(), &public); err != nil {
		t.Fatal(err)
	}
	file := readStored(t, path)
	if len(public.Keys) != 2 {
		t.Fatalf("got %d keys, want 2", len(public.Keys))
	}
	for i, key := range public.Keys {
		want := map[string]any{"kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": file.Keys[i]["kid"], "x": file.Keys[i]["x"]}
		if diff := cmp.Diff(want, key); diff != "" {
			t.Errorf("key %d (-want +got):\n%s", i, diff)
		}
		if key["kid"] != keyring.Keys()[i].ID {
			t.Errorf("key %d: got kid %v, want %s", i, key["kid"], keyring.Keys()[i].ID)
		}
	}
	keyring.Public()[0] = 'x'
	if keyring.Public()[0] != '{' {
		t.Error("the caller can change the public keys")
	}
}

func TestOldKeysVerifyUntilTheyAreDropped(t *testing.T) {
	keyring, path := open(t)
	var tokens []string
	sign := func() {
		t.Helper()
		token, err := keyring.Sign(shift())
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, token)
	}
	// verified is which of the tokens signed so far verify after the file is read again.
	verified := func() (verified []bool) {
		t.Helper()
		if err := keyring.Reload(); err != nil {
			t.Fatal(err)
		}
		for _, token := range tokens {
			id, err := keyring.Verify(token)
			if err != nil && !errors.Is(err, policy.ErrInvalid) {
				t.Errorf("got %v, want an ErrInvalid", err)
			}
			verified = append(verified, err == nil && id == "per_1")
		}
		return verified
	}
	sign()
	// Made a year ago and replaced now: what it signed a second ago must still verify.
	next := rotate(t, path, noon.AddDate(1, 0, 0), month)
	if diff := cmp.Diff([]bool{true}, verified()); diff != "" {
		t.Errorf("after the first rotation (-want +got):\n%s", diff)
	}
	sign()
	if head, _, _ := strings.Cut(tokens[1], "."); keyring.Keys()[0] != next || head != keyring.current.Load().signers[0].header {
		t.Errorf("the new key is %v, and the new token has the header %s", next, head)
	}
	rotate(t, path, noon.AddDate(1, 0, 0).Add(month-1), month)
	if diff := cmp.Diff([]bool{true, true}, verified()); diff != "" {
		t.Errorf("after the second, just within the time (-want +got):\n%s", diff)
	}
	sign()
	rotate(t, path, noon.AddDate(1, 0, 0).Add(month), month)
	if diff := cmp.Diff([]bool{false, true, true}, verified()); diff != "" {
		t.Errorf("after the third (-want +got):\n%s", diff)
	}
	only := rotate(t, path, noon.AddDate(1, 0, 0).Add(month+1), 0)
	if diff := cmp.Diff([]bool{false, false, false}, verified()); diff != "" {
		t.Errorf("after one that keeps nothing (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Key{only}, keyring.Keys()); diff != "" {
		t.Errorf("keys (-want +got):\n%s", diff)
	}
}

// A clock that was wrong for a while must not make an old key the one that signs.
func TestTheNewKeySignsWhateverTheClockSays(t *testing.T) {
	keyring, path := open(t)
	next := rotate(t, path, noon.AddDate(-1, 0, 0), month)
	if err := keyring.Reload(); err != nil {
		t.Fatal(err)
	}
	if got := keyring.Keys(); len(got) != 2 || got[0] != next {
		t.Errorf("got %v, want %v first of two", got, next)
	}
}

func TestAReloadThatFailsChangesNothing(t *testing.T) {
	keyring, path := open(t)
	before := keyring.Keys()
	if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keyring.Reload(); err == nil {
		t.Error("a broken file was read")
	}
	if diff := cmp.Diff(before, keyring.Keys()); diff != "" {
		t.Errorf("(-before +after):\n%s", diff)
	}
	if _, err := keyring.Sign(shift()); err != nil {
		t.Error(err)
	}
}

// Every token that is signed while keys are changed verifies, because the keys stay for a while.
func TestSigningWhileKeysAreChanged(t *testing.T) {
	keyring, path := open(t)
	var signing sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		signing.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				token, err := keyring.Sign(shift())
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := keyring.Verify(token); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for i := range 20 {
		rotate(t, path, noon.Add(time.Duration(i)*time.Minute), month)
		if err := keyring.Reload(); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	signing.Wait()
	if got := len(keyring.Keys()); got != 21 {
		t.Errorf("got %d keys, want 21", got)
	}
}
