package sqlite

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// folder is the data folder, locked by this process.
type folder struct {
	path string
	lock *os.File
}

// lockName is the file whose lock stands for the folder. It stays when the lock is given up:
// removing it could take it from under somebody who has just opened it.
const lockName = "bidrail.lock"

// openFolder makes and locks the folder of the database file, and makes the file. It all belongs
// to this user alone: decisions show what is bid and what may be spent.
func openFolder(database string) (_ *folder, err error) {
	path := filepath.Dir(database)
	made, err := makeFolder(path)
	if err != nil {
		return nil, folderError(path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, folderError(path, err)
	}
	f := &folder{path: path, lock: lock}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.release())
		}
	}()
	if err := lockFile(lock); err != nil {
		if !errors.Is(err, errLocked) {
			return nil, fmt.Errorf("lock data folder %s: %w", path, err)
		}
		return nil, fmt.Errorf("data folder %s is in use by another Bidrail server%s; stop it, or give this one a folder of its own",
			path, owner(lock))
	}
	// For whoever finds it locked. Nothing depends on it, so a failure to write it is none.
	if lock.Truncate(0) == nil {
		_, _ = fmt.Fprintf(lock, "%d\n", os.Getpid())
	}
	// SQLite would make the file readable by others. Its log takes over the file's permissions.
	file, err := os.OpenFile(database, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		// Opening the file and closing it again would drop SQLite's locks on it, so whether it
		// can be used is left to SQLite.
		return f, nil
	case err != nil:
		return nil, folderError(path, err)
	}
	if err := file.Close(); err != nil {
		return nil, folderError(path, err)
	}
	// A file is only sure to exist after a power cut once the folders above it are on the disk.
	for _, folder := range append(made, path) {
		if err := syncFolder(folder); err != nil {
			return nil, folderError(path, err)
		}
	}
	return f, nil
}

// makeFolder makes path and what is missing above it. It returns the folders that have new
// entries.
func makeFolder(path string) (changed []string, err error) {
	for at := path; ; at = filepath.Dir(at) {
		if _, err := os.Stat(at); err == nil || filepath.Dir(at) == at {
			break
		}
		changed = append(changed, filepath.Dir(at))
	}
	return changed, os.MkdirAll(path, 0o700)
}

func (f *folder) release() error { return f.lock.Close() }

// folderError says what to do about a folder that cannot be used.
func folderError(path string, err error) error {
	advice := ""
	switch {
	case errors.Is(err, fs.ErrPermission):
		advice = "; give the user that runs the server permission to write there"
	case isReadOnly(err):
		advice = "; it is on a read-only file system, choose a folder on another"
	}
	return fmt.Errorf("data folder %s cannot be written: %w%s", path, err, advice)
}

// owner names the process that holds the lock, as far as it can be read.
func owner(lock *os.File) string {
	content, err := io.ReadAll(io.LimitReader(lock, 32))
	if pid := strings.TrimSpace(string(content)); err == nil && pid != "" {
		return " (process " + pid + ")"
	}
	return ""
}
