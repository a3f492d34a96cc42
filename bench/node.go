package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

// nodeEngines time calls under each node that there is, with the script time.mjs.
func nodeEngines(t tools) []engine {
	var engines []engine
	for _, n := range t.nodes {
		engines = append(engines, engine{name: n.name, time: n.run})
	}
	return engines
}

func (n node) run(t task) (answer, error) {
	var a answer
	question, err := json.Marshal(map[string]any{
		"modules": modulesAsJSON(t.modules), "kernels": callsAsJSON(t.kernels), "switches": callsAsJSON(t.switches), "shapes": callsAsJSON(t.shapes),
		"runs": t.runs, "best": t.best, "stackSwitching": stackSwitching, "awaited": awaited, "ours": ours,
	})
	if err != nil {
		return a, err
	}
	cmd := exec.Command(n.path, append(slices.Clone(n.flags), filepath.Join("bench", "time.mjs"), string(question))...)
	cmd.Env = append(os.Environ(), "NODE_NO_WARNINGS=1")
	var diagnosis bytes.Buffer
	cmd.Stderr = &diagnosis
	out, err := cmd.Output()
	if err != nil {
		return a, fmt.Errorf("%w\n%s", err, &diagnosis)
	}
	return a, json.Unmarshal(out, &a)
}

func modulesAsJSON(modules []module) [][]string {
	out := [][]string{}
	for _, m := range modules {
		out = append(out, []string{m.builder, m.path})
	}
	return out
}

// callsAsJSON returns calls as lists of the name and the arguments.
func callsAsJSON(calls []call) [][]any {
	out := [][]any{}
	for _, c := range calls {
		list := []any{c.name}
		for _, a := range c.args {
			list = append(list, a)
		}
		out = append(out, list)
	}
	return out
}
