package daemon

import (
	"log/slog"
	"os"
	"strconv"

	sd "github.com/coreos/go-systemd/v22/daemon"
)

// The states systemd is told of. RELOADING carries the monotonic time, so that Type=notify-reload works too.
func notifyReady(log *slog.Logger) {
	notifySystemd(log, sd.SdNotifyReady+"\nMAINPID="+strconv.Itoa(os.Getpid()))
}

func notifyReloading(log *slog.Logger) {
	notifySystemd(log, sd.SdNotifyReloading+"\n"+sd.SdNotifyMonotonicUsec())
}

func notifyStopping(log *slog.Logger) { notifySystemd(log, sd.SdNotifyStopping) }

// notifySystemd does nothing when the daemon was not started by systemd.
func notifySystemd(log *slog.Logger, state string) {
	if _, err := sd.SdNotify(false, state); err != nil {
		log.Debug("notify systemd", "err", err)
	}
}
