package daemon

import (
	"context"
	"log/slog"
	"time"

	"vigil/confparse"
	"vigil/internal/script"
)

// onceSpec is startup_script or shutdown_script.
type onceSpec struct {
	Program confparse.Program
	Timeout time.Duration
}

func onceOf(s *confparse.Script, timeout time.Duration) onceSpec {
	if len(s.Argv) == 0 {
		return onceSpec{}
	}
	return onceSpec{confparse.ProgramOf(s), timeout}
}

// run runs the program, if there is one, and waits until it has ended, or was made to because its time was over or ctx has
// ended. Whatever becomes of it, the daemon goes on.
func (o onceSpec) run(ctx context.Context, name string, log *slog.Logger) {
	if !o.Program.Exists() {
		return
	}
	scripts := script.NewRunner(script.Options{Logger: log})
	running := startTask(name, nil, scripts.Run)
	defer running.stop(scriptStopLimit)
	c := command(o.Program)
	c.Timeout = o.Timeout
	log.Info("Running "+name, "program", c.Argv[0])
	if e := scripts.Execute(ctx, c); !e.Success() && ctx.Err() == nil {
		log.Warn(name+" failed", "program", c.Argv[0], "how", e.String())
	}
}
