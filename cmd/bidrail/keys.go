package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/bidrail/bidrail/server/keys"
)

// keysFile is where in the data folder the keys are that permits are signed with.
const keysFile = "permit-keys.json"

type keysCommand struct {
	List   keysListCommand   `cmd:"" help:"Show the keys that permits are signed with, or print the public ones."`
	Rotate keysRotateCommand `cmd:"" help:"Sign permits with a new key from now on."`
}

type keysListCommand struct {
	Data string `help:"Folder of the record." placeholder:"DIR" default:"bidrail-data"`
	JWKS bool   `help:"Print the public keys as a JSON Web Key Set, for bidrail permit verify --keys." name:"jwks"`
}

func (c *keysListCommand) Run(env environment) error {
	keyring, err := keys.Read(filepath.Join(c.Data, keysFile))
	if err != nil {
		return keysProblem(err, c.Data)
	}
	out := newScreen(env.stdout, env)
	if c.JWKS {
		_, err := fmt.Fprintf(out, "%s\n", keyring.Public())
		return err
	}
	var rows [][]string
	for i, key := range keyring.Keys() {
		use := "verifies"
		if i == 0 {
			use = "signs"
		}
		rows = append(rows, []string{key.ID, key.CreatedAt.UTC().Format(time.RFC3339), use})
	}
	return out.table([]string{"KEY", "CREATED", "USE"}, rows)
}

type keysRotateCommand struct {
	Data string        `help:"Folder of the record." placeholder:"DIR" default:"bidrail-data"`
	Keep time.Duration `help:"Drop keys that were replaced so long ago. 0s drops all but the new one, as is right when somebody may have seen them." default:"720h"`
}

// Help is shown by bidrail keys rotate --help.
func (keysRotateCommand) Help() string {
	return "The keys that it replaces still verify what they signed, until they are dropped. A server that is running signs with the old key until it gets a SIGHUP."
}

func (c *keysRotateCommand) Run(env environment) error {
	if c.Keep < 0 {
		return fmt.Errorf("--keep %s: keys cannot be dropped before they are replaced; write 0s or more", c.Keep)
	}
	key, err := keys.Rotate(filepath.Join(c.Data, keysFile), time.Now(), c.Keep)
	if err != nil {
		return keysProblem(err, c.Data)
	}
	_, err = fmt.Fprintf(env.stdout, "new key %s\nA server that is running goes on with the old one until it is told: kill -HUP its process id.\n", key.ID)
	return err
}

// keysProblem says what to do where there are no keys.
func keysProblem(err error, folder string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there are no keys in %s; name the folder that the server was given with --data, which makes them when it starts", folder)
	}
	return err
}
