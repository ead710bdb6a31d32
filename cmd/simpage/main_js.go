// Command simpage is the simulation of vigil sim for a browser: it is built for js/wasm, and the page docs/sim loads it.
// Nothing leaves the page.
package main

import (
	"strings"
	"syscall/js"
	"testing/fstest"

	"vigil/confparse"
	"vigil/internal/simulate"
)

func main() {
	js.Global().Set("vigilSim", js.FuncOf(func(_ js.Value, args []js.Value) any {
		if len(args) != 2 {
			return answer("", "vigilSim takes a list of configurations and a scenario")
		}
		var texts []string
		for i := range args[0].Length() {
			texts = append(texts, args[0].Index(i).String())
		}
		return answer(run(texts, args[1].String()))
	}))
	if ready := js.Global().Get("vigilReady"); ready.Type() == js.TypeFunction {
		ready.Invoke()
	}
	select {}
}

// answer is what JavaScript gets.
func answer(timeline, problem string) any {
	return map[string]any{"timeline": timeline, "problem": problem}
}

// run plays a scenario with hosts A, B, C and so on. Reloads find the other configurations as A.conf, B.conf and so on.
func run(texts []string, scenario string) (timeline, problem string) {
	files := fstest.MapFS{}
	for i, text := range texts {
		files[string(rune('A'+i))+".conf"] = &fstest.MapFile{Data: []byte(text), Mode: 0o644}
	}
	var notes strings.Builder
	load := func(file string) (*confparse.Config, error) {
		cfg, ds := confparse.Load(files, "/"+file, confparse.Env{Hostname: "page", Seed: 1})
		if ds.HasFatal() {
			return nil, ds
		}
		return cfg, nil
	}
	sc, err := simulate.Parse("scenario", scenario)
	if err != nil {
		return "", err.Error()
	}
	var hosts []simulate.Host
	for i := range texts {
		name := string(rune('A' + i))
		cfg, err := load(name + ".conf")
		if err != nil {
			return "", err.Error()
		}
		hosts = append(hosts, simulate.Host{Name: name, Config: cfg})
	}
	if err := simulate.Run(&notes, "scenario", sc, hosts, load); err != nil {
		return notes.String(), err.Error()
	}
	return notes.String(), ""
}
