package plan

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"runtime/metrics"
	"slices"
	"testing"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/ir"
	"pgregory.net/rapid"

	"github.com/bidrail/bidrail/policy/term"
)

// FuzzPolicies makes policies of the bytes.
func FuzzPolicies(f *testing.F) {
	for size := range 8 {
		f.Add(slices.Repeat([]byte{byte(size), 0x5a, 0xff, byte(31 * size), 7}, 64<<size/4))
	}
	f.Fuzz(rapid.MakeFuzz(func(t *rapid.T) { compareGenerated(t, &tally{}) }))
}

// FuzzRun takes the bytes for the text of a policy and its documents.
func FuzzRun(f *testing.F) {
	for seed := range 40 {
		policy := policies().Example(seed)
		f.Add(policy.module, policy.input, policy.data, seed%2 == 0)
	}
	f.Fuzz(func(t *testing.T, module, input, data string, builtinErrors bool) {
		policy := generated{module: module, rules: rulesIn(module), input: input, data: data}
		if len(policy.rules) == 0 || !json.Valid([]byte(input)) || !json.Valid([]byte(data)) || data[0] != '{' {
			return
		}
		both, err := compileBoth(t.Context(), policy, builtinErrors)
		if err != nil {
			return
		}
		differences, err := both.compare(t.Context(), policy, &tally{})
		if err == nil && len(differences) > 0 {
			t.Error(differences)
		}
		if _, unsupported := errors.AsType[*UnsupportedError](err); unsupported {
			t.Error(err)
		}
	})
}

// rulesIn are the names of the rules of a module of the package t.
func rulesIn(text string) []string {
	module, err := ast.ParseModuleWithOpts("t.rego", text, ast.ParserOptions{RegoVersion: ast.RegoV2, Capabilities: harmless()})
	if err != nil || module.Package.Path.String() != "data.t" {
		return nil
	}
	names := map[string]bool{}
	for _, rule := range module.Rules {
		if name := rule.Head.Ref()[0].Value.String(); len(rule.Head.Args) == 0 {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// FuzzCompile changes plans that are right into ones that no planner makes. Compile may refuse them; whatever it takes must run
// without a panic and within its budget.
func FuzzCompile(f *testing.F) {
	plans := []any{}
	var inputs []term.Value
	for seed := range 12 {
		policy := policies().Example(seed)
		both, err := compileBoth(f.Context(), policy, true)
		if err != nil {
			continue
		}
		plans = append(plans, asJSON(f, both.plan.policy))
		input, err := term.ParseJSON([]byte(policy.input))
		if err != nil {
			f.Fatal(err)
		}
		inputs = append(inputs, input)
	}
	for which := range plans {
		f.Add(uint8(which), []byte{})
		for seed := range 40 {
			f.Add(uint8(which), rapid.SliceOfN(rapid.Byte(), 5, 40).Example(seed))
		}
	}
	for _, each := range plans { // what is refused as it is would test nothing
		written, err := json.Marshal(each)
		policy := &ir.Policy{}
		if err == nil {
			err = json.Unmarshal(written, policy)
		}
		if err == nil {
			_, err = Compile(policy, term.Value{}, Options{})
		}
		if err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, changes []byte) {
		at := int(which) % len(plans)
		policy := &ir.Policy{}
		written, err := json.Marshal(changed(plans[at], changes))
		if err != nil || json.Unmarshal(written, policy) != nil {
			return
		}
		runChanged(t, policy, inputs[at])
	})
}

func asJSON(f *testing.F, policy *ir.Policy) any {
	written, err := json.Marshal(policy)
	if err != nil {
		f.Fatal(err)
	}
	var read any
	if err := json.Unmarshal(written, &read); err != nil {
		f.Fatal(err)
	}
	return read
}

func runChanged(t *testing.T, policy *ir.Policy, input term.Value) {
	const steps, memory = 200_000, 4 << 20
	program, err := Compile(policy, term.Value{}, Options{Strict: true, BuiltinErrors: true, Steps: steps, Memory: memory})
	if err != nil {
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	all := make([]int, len(program.Plans()))
	for i := range all {
		all[i] = i
	}
	before := allocated()
	_, err = program.Run(ctx, all, input)
	if grown := allocated() - before; grown > 8*memory {
		t.Errorf("a run with %d bytes of memory took %d", memory, grown)
	}
	if ctx.Err() != nil {
		t.Errorf("%d steps took more than ten seconds: %v", steps, err)
	}
}

// allocated is how many bytes this process has ever asked for.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// changed is a JSON value with changes: of each three bytes, the first two say where and the third says what.
func changed(value any, changes []byte) any {
	for len(changes) >= 3 {
		count, place := 0, int(changes[0])<<8|int(changes[1])
		alter(value, &count, -1, nil)
		what, at := int(changes[2]), 0
		value = alter(value, &at, place%count, func(node any) any { return another(node, what) })
		changes = changes[3:]
	}
	return value
}

// alter gives the value with another in the place of the node of that number. Nodes are counted in at.
func alter(value any, at *int, place int, change func(any) any) any {
	here := *at == place
	*at++
	if here {
		return change(value)
	}
	switch value := value.(type) {
	case []any:
		copied := slices.Clone(value)
		for i, item := range copied {
			copied[i] = alter(item, at, place, change)
		}
		return copied
	case map[string]any:
		copied := maps.Clone(value)
		for _, key := range slices.Sorted(maps.Keys(copied)) {
			copied[key] = alter(copied[key], at, place, change)
		}
		return copied
	}
	return value
}

// another is something in the place of a node: mostly of its type.
func another(node any, what int) any {
	switch node := node.(type) {
	case float64:
		return []any{0, 1, 2, 3, 4, 5, 6, 7, -1, 1 << 31, what, node + 1, node - 1}[what%13]
	case string:
		return []any{"", "g0.data.t.r0", "g0.data.t.f0", "plus", "sprintf", "walk", "CallStmt", "NotStmt", "BlockStmt", "ScanStmt", "BreakStmt", "WithStmt",
			"DotStmt", "ObjectMergeStmt", "CallDynamicStmt", "ReturnLocalStmt", "MakeSetStmt", "string_index", "local", "bool"}[what%20]
	case bool:
		return !node
	case []any:
		switch {
		case what%4 == 0 || len(node) == 0:
			return []any{}
		case what%4 == 1:
			return node[1:]
		case what%4 == 2:
			return slices.Concat(node, node)
		}
		turned := slices.Clone(node)
		slices.Reverse(turned)
		return turned
	case map[string]any:
		keys := slices.Sorted(maps.Keys(node))
		if len(keys) == 0 || what%4 == 0 {
			return nil
		}
		less := maps.Clone(node)
		delete(less, keys[what%len(keys)])
		return less
	}
	return map[string]any{}
}
