package policy

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strconv"
	"strings"
	"testing"
	"time"
)

var (
	hostileStrict    = flag.Bool("hostile.strict", false, "hostile rules end within 20 ms of the deadline, rather than 500 ms, which a loaded machine needs")
	hostileEvaluator = flag.String("hostile.evaluator", string(ByPlan), "which evaluator runs hostile rules")
)

const (
	hostileDeadline = 100 * time.Millisecond
	hostileHeap     = 64 << 20
	hostileLoading  = 30 * time.Second
)

// A rule that somebody wrote by malice or by mistake, of nothing but what a rule may use, is refused when it is loaded, or does not take
// more time and memory than it is given; and what it did not get to say does not allow.
func TestHostileRules(t *testing.T) {
	names, err := filepath.Glob("testdata/hostile/*.rego")
	if err != nil || len(names) < 40 {
		t.Fatalf("only %d programs: %v", len(names), err)
	}
	for i, name := range names {
		if i%oneHostileIn != 0 {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".rego"), func(t *testing.T) { testHostile(t, name, EvaluatorName(*hostileEvaluator)) })
	}
}

func testHostile(t *testing.T, name string, by EvaluatorName) {
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	loaded, cancel := context.WithTimeout(t.Context(), hostileLoading)
	defer cancel()
	begun := time.Now()
	engine, err := Compile(loaded, readSmall(t, files{"rules/ceiling.rego": "", "rules/hostile.rego": repeated(t, string(text))}),
		Options{SkipTests: true, Deadline: hostileDeadline, Evaluator: by})
	loading := time.Since(begun)
	if loading > hostileLoading {
		t.Errorf("loading took %v", loading)
	}
	if err != nil {
		message, _, _ := strings.Cut(err.Error(), "\n")
		t.Logf("refused after %v: %s", loading, shorten(message, 200))
		return
	}
	if got, why := engine.Evaluator(); got != by {
		t.Errorf("run by %s: %v", got, why)
	}
	slack := 500 * time.Millisecond
	if *hostileStrict {
		slack = 20 * time.Millisecond
	}
	var outcome Outcome
	var took time.Duration
	for range 3 { // a machine that does a lot besides may be late once
		memory := watchHeap()
		begun = time.Now()
		outcome = engine.Evaluate(t.Context(), bidRequest())
		took = time.Since(begun)
		grown := memory()
		said := ids(outcome.Findings)
		t.Logf("loaded in %v, answered in %v with %d MiB more: %s by %v", loading.Round(time.Millisecond), took.Round(time.Millisecond), grown>>20,
			outcome.Verdict, said[:min(len(said), 3)])
		if grown > hostileHeap {
			t.Errorf("the heap grew by %d MiB", grown>>20)
		}
		awaitEnd(t, engine)
		if took <= hostileDeadline+slack {
			break
		}
	}
	if took > hostileDeadline+slack {
		t.Errorf("answered in %v, with a deadline of %v", took, hostileDeadline)
	}
	if outcome.Verdict != Block {
		t.Errorf("the verdict is %s: %+v", outcome.Verdict, outcome.Findings)
	}
}

// repeated writes out the lines that begin with #repeat and a number: that many times what follows, with $i counting from 0 and $j from 1.
func repeated(t *testing.T, text string) string {
	var written strings.Builder
	for line := range strings.Lines(text) {
		rest, ok := strings.CutPrefix(line, "#repeat ")
		if !ok {
			written.WriteString(line)
			continue
		}
		number, rest, _ := strings.Cut(rest, " ")
		times, err := strconv.Atoi(number)
		if err != nil {
			t.Fatal(err)
		}
		for i := range times {
			written.WriteString(strings.NewReplacer("$i", strconv.Itoa(i), "$j", strconv.Itoa(i+1)).Replace(rest))
		}
	}
	return written.String()
}

// watchHeap looks at the heap until it is asked by how much it has grown at the most.
func watchHeap() func() int64 {
	runtime.GC()
	before := heap()
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		tick := time.NewTicker(500 * time.Microsecond)
		defer tick.Stop()
		var highest int64
		for {
			highest = max(highest, heap()-before)
			select {
			case <-stop:
				most <- highest
				return
			case <-tick.C:
			}
		}
	}()
	return func() int64 {
		close(stop)
		return <-most
	}
}

func heap() int64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}

// awaitEnd waits for evaluations that were left behind.
func awaitEnd(t *testing.T, engine *Engine) {
	t.Helper()
	begun := time.Now()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for engine.Abandoned() > 0 {
		if time.Since(begun) > 5*time.Second {
			t.Error("an evaluation that was left behind does not come to an end")
			return
		}
		<-tick.C
	}
}
