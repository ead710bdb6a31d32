package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"vigil/confparse"
	"vigil/internal/simulate"
)

// simCommand plays a scenario with the hosts of some configurations.
func simCommand(args []string, s streams) (int, error) {
	f := newFlags("sim", "FILE... SCENARIO", s)
	var r reading
	names := f.StringSlice("names", nil, "what the hosts are called; A,B,C… in the order of their files unless given")
	ids := f.StringSlice("config-ids", nil, "which @ID lines count, for each file")
	f.BoolVarP(&r.all, "all-config", "e", false, "an include that finds nothing is an error")
	if err := parse(f, args, 2, 27); err != nil {
		return exitOK, err
	}
	files, scenario := f.Args()[:f.NArg()-1], f.Arg(f.NArg()-1)
	if len(*names) > len(files) || len(*ids) > len(files) {
		return 0, errUsage{"--names and --config-ids have more words than there are files"}
	}
	fsys, path, err := open(scenario, s)
	if err != nil {
		return exitErrors, err
	}
	text, err := readFile(fsys, path)
	if err != nil {
		return exitErrors, err
	}
	sc, err := simulate.Parse(path, text)
	if err != nil {
		return exitErrors, err
	}
	var hosts []simulate.Host
	for i, file := range files {
		h, id := simulate.Host{Name: string(rune('A' + i))}, r
		if i < len(*names) {
			h.Name = (*names)[i]
		}
		if i < len(*ids) {
			id.id = (*ids)[i]
		}
		var ds confparse.Diagnostics
		h.Config, ds = confparse.Load(confparse.OSFS(), file, id.env())
		if ds.HasFatal() {
			return exitErrors, ds.Render(s.err)
		}
		hosts = append(hosts, h)
	}
	load := func(file string) (*confparse.Config, error) {
		if !filepath.IsAbs(file) && scenario != "-" {
			file = filepath.Join(filepath.Dir(scenario), file)
		}
		cfg, ds := confparse.Load(confparse.OSFS(), file, r.env())
		if ds.HasFatal() {
			var b strings.Builder
			if err := ds.Render(&b); err != nil {
				return nil, err
			}
			return nil, errors.New(strings.TrimSpace(fmt.Sprintf("%s cannot be used: %s", file, b.String())))
		}
		return cfg, nil
	}
	if err := simulate.Run(s.out, path, sc, hosts, load); err != nil {
		return exitErrors, err
	}
	return exitOK, nil
}
