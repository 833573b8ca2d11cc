package sqlite

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// A folder that the server may not write to is the most common mistake of a first start. Root may
// write everywhere, so as root the files are touched as nobody, on a thread that is then thrown
// away.
func TestFolderWithoutPermission(t *testing.T) {
	parent := t.TempDir()
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(parent, "data")
	if err := os.Mkdir(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	for above := filepath.Dir(parent); above != os.TempDir() && above != "/"; above = filepath.Dir(above) {
		if err := os.Chmod(above, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, path := range map[string]string{
		"existing": filepath.Join(folder, "bidrail.db"),
		"new":      filepath.Join(folder, "new", "bidrail.db"),
	} {
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			if os.Geteuid() == 0 {
				runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
				if _, _, failure := syscall.RawSyscall(syscall.SYS_SETFSUID, 65534, 0, 0); failure != 0 {
					t.Error(failure)
				}
			}
			_, err = openFolder(path)
		}()
		<-done
		for _, want := range []string{
			"data folder " + filepath.Dir(path) + " cannot be written", "permission denied",
			"give the user that runs the server permission to write there",
		} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s folder: got error %v, want one with %q", name, err, want)
			}
		}
	}
}
