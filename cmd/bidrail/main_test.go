package main

import (
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/bidrail/bidrail/rego"
)

func TestMain(m *testing.M) {
	if order := os.Getenv(crashClientVariable); order != "" {
		runCrashClient(order)
	}
	testscript.Main(m, map[string]func(){"bidrail": main})
}

// TestScript runs testdata/script, one file for each command. Beside testscript's own commands they have:
//
//	pack DIR              copy the shipped rules and limits
//	fresh FILE            write the time for NOW in a file, and that of ten minutes ago for EARLIER
//	serve NAME ARGS...    start a server; NAME_GRPC and NAME_HTTP are its addresses
//	logged NAME REGEXP    wait until its log says so
//	signal NAME HUP|TERM  send it a signal
//	ended NAME CODE       wait until it has ended with that code
//	masked FILE           write stdout's JSON to the file, one value a line, without what is different every time
//	take VAR REGEXP       set a variable to the first group's match in stdout
//	code CODE ARGS...     run bidrail, and demand that exit code
//	get CODE URL          ask a JSON door, and demand that status; the body is stdout
//
// UPDATE_GOLDEN=1 writes the files that cmp compares with.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Values["servers"] = map[string]*runningServer{}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"pack": packCommand, "fresh": freshCommand, "serve": serveScript, "logged": loggedCommand, "signal": signalCommand,
			"ended": endedCommand, "masked": maskedCommand, "take": takeCommand, "code": codeCommand,
			"get": getCommand,
		},
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("UPDATE_GOLDEN") != "",
	})
}

const patience = 60 * time.Second

// packCommand writes the shipped pack to a folder: "pack mine", or "pack mine untested" without its tests, which every server on
// it would run again.
func packCommand(ts *testscript.TestScript, _ bool, args []string) {
	into, untested := ts.MkAbs(args[0]), len(args) > 1 && args[1] == "untested"
	ts.Check(fs.WalkDir(rego.Files(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || untested && strings.HasSuffix(name, "_test.rego") {
			return err
		}
		at := filepath.Join(into, filepath.FromSlash(name))
		if entry.IsDir() {
			return os.MkdirAll(at, 0o700)
		}
		content, err := fs.ReadFile(rego.Files(), name)
		if err != nil {
			return err
		}
		return os.WriteFile(at, content, 0o600)
	}))
}

func freshCommand(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		now := time.Now().UTC()
		times := strings.NewReplacer("NOW", now.Format(time.RFC3339), "EARLIER", now.Add(-10*time.Minute).Format(time.RFC3339))
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(times.Replace(ts.ReadFile(name))), 0o600))
	}
}

// runningServer is a server that a script has started.
type runningServer struct {
	process *exec.Cmd
	log     string
	ended   chan struct{}
}

func serverNamed(ts *testscript.TestScript, name string) *runningServer {
	running := ts.Value("servers").(map[string]*runningServer)[name]
	if running == nil {
		ts.Fatalf("no server is called %s", name)
	}
	return running
}

func (s *runningServer) read(ts *testscript.TestScript) string {
	content, err := os.ReadFile(s.log)
	ts.Check(err)
	return string(content)
}

func (s *runningServer) wait(ts *testscript.TestScript, pattern string) []string {
	sought := regexp.MustCompile(pattern)
	for began := time.Now(); time.Since(began) < patience; time.Sleep(10 * time.Millisecond) {
		if found := sought.FindStringSubmatch(s.read(ts)); found != nil {
			return found
		}
		select {
		case <-s.ended:
			if found := sought.FindStringSubmatch(s.read(ts)); found != nil {
				return found
			}
			ts.Fatalf("the server has ended without saying %q:\n%s", pattern, s.read(ts))
		default:
		}
	}
	ts.Fatalf("the server does not say %q:\n%s", pattern, s.read(ts))
	return nil
}

func serveScript(ts *testscript.TestScript, _ bool, args []string) {
	name := args[0]
	path, err := exec.LookPath("bidrail")
	ts.Check(err)
	log, err := os.Create(ts.MkAbs(name + ".log"))
	ts.Check(err)
	process := exec.Command(path, append([]string{"serve", "--listen", "127.0.0.1:0", "--data", ts.MkAbs(name + "-data")}, args[1:]...)...)
	process.Dir, process.Stderr, process.Stdout = ts.MkAbs("."), log, log
	process.Env = os.Environ()
	ts.Check(process.Start())
	ts.Check(log.Close())
	running := &runningServer{process: process, log: log.Name(), ended: make(chan struct{})}
	go func() { _ = process.Wait(); close(running.ended) }()
	ts.Value("servers").(map[string]*runningServer)[name] = running
	ts.Defer(func() {
		_ = process.Process.Kill()
		<-running.ended
		ts.Logf("log of %s:\n%s", name, running.read(ts))
	})
	found := running.wait(ts, `serving: grpc=(\S+) http=(\S+)`)
	ts.Setenv(name+"_GRPC", found[1])
	ts.Setenv(name+"_HTTP", found[2])
}

func loggedCommand(ts *testscript.TestScript, neg bool, args []string) {
	running := serverNamed(ts, args[0])
	if neg {
		if regexp.MustCompile(args[1]).MatchString(running.read(ts)) {
			ts.Fatalf("the log says %q", args[1])
		}
		return
	}
	running.wait(ts, args[1])
}

func signalCommand(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM}
	ts.Check(serverNamed(ts, args[0]).process.Process.Signal(signals[args[1]]))
}

func endedCommand(ts *testscript.TestScript, _ bool, args []string) {
	running := serverNamed(ts, args[0])
	select {
	case <-running.ended:
	case <-time.After(patience):
		ts.Fatalf("%s goes on", args[0])
	}
	if got := running.process.ProcessState.String(); got != "exit status "+args[1] {
		ts.Fatalf("it ended with %s, want exit status %s", got, args[1])
	}
}

func getCommand(ts *testscript.TestScript, _ bool, args []string) {
	response, err := http.Get(args[1])
	ts.Check(err)
	defer response.Body.Close()
	_, err = io.Copy(ts.Stdout(), response.Body)
	ts.Check(err)
	if want, err := strconv.Atoi(args[0]); err != nil || response.StatusCode != want {
		ts.Fatalf("got %s, want %s", response.Status, args[0])
	}
}

var varying = regexp.MustCompile(`sha256:[0-9a-f]{64}|(?:dec|bat|per|apr|rev)_[0-9a-f-]{36}|\d{4}-\d\d-\d\dT[0-9:.]+Z`)

func maskedCommand(ts *testscript.TestScript, _ bool, args []string) {
	decoder := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var out bytes.Buffer
	for decoder.More() {
		var value any
		ts.Check(decoder.Decode(&value))
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		ts.Check(encoder.Encode(value))
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), varying.ReplaceAll(out.Bytes(), []byte("VARIES")), 0o600))
}

func takeCommand(ts *testscript.TestScript, _ bool, args []string) {
	found := regexp.MustCompile(args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if found == nil {
		ts.Fatalf("stdout has no %q", args[1])
	}
	ts.Setenv(args[0], found[1])
}

func codeCommand(ts *testscript.TestScript, _ bool, args []string) {
	err := ts.Exec("bidrail", args[1:]...)
	got := "exit status 0"
	if err != nil {
		got = err.Error()
	}
	if got != "exit status "+args[0] {
		ts.Fatalf("got %s, want exit status %s", got, args[0])
	}
}
