package main

// configCommand prints what a configuration means. What cannot be trusted is not printed.
func configCommand(args []string, s streams) (int, error) {
	f := newFlags("config", "FILE", s)
	var r reading
	r.flags(f)
	if err := parse(f, args, 1, 1); err != nil {
		return exitOK, err
	}
	fsys, name, err := open(f.Arg(0), s)
	if err != nil {
		return exitErrors, err
	}
	file, ds := load(fsys, name, r.env())
	if err := ds.Render(s.err); err != nil {
		return exitErrors, err
	}
	if ds.HasFatal() {
		return exitErrors, nil
	}
	if _, err := file.Config.WriteTo(s.out); err != nil {
		return exitErrors, err
	}
	if ds.HasErrors() {
		return exitErrors, nil
	}
	return exitOK, nil
}
