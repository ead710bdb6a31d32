package ipvsadm

import (
	"errors"
	"strings"
	"syscall"

	"vigil/ipvs"
)

// meanings are what the kernel's refusals mean, for a kind of commands.
type meanings map[syscall.Errno]string

var (
	onService = meanings{syscall.EEXIST: "Service already exists", syscall.ENOENT: "Scheduler or persistence engine not found",
		syscall.ESRCH: "No such service"}
	onServer = meanings{syscall.EEXIST: "Destination already exists", syscall.ENOENT: "No such destination",
		syscall.ESRCH: "Service not defined"}
	onDaemon = meanings{syscall.EEXIST: "Daemon has already run", syscall.ESRCH: "No daemon is running"}
	onAny    = meanings{syscall.EPERM: "Permission denied (you must be root)",
		syscall.EINVAL: "Invalid operation.  Possibly wrong module version, address not unicast, ..."}
)

var meaningsOf = map[Verb]meanings{AddService: onService, EditService: onService, DeleteService: onService, Zero: onService,
	List: onService, AddServer: onServer, EditServer: onServer, DeleteServer: onServer, StartDaemon: onDaemon, StopDaemon: onDaemon}

// errorText says why the kernel refused a command.
func errorText(v Verb, err error) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err.Error()
	}
	for _, m := range []meanings{meaningsOf[v], onAny} {
		if text, known := m[errno]; known {
			return text
		}
	}
	return strerror(errno)
}

// strerror is strerror(3): Go's text begins in lower case.
func strerror(e syscall.Errno) string {
	text := e.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// openText says why IPVS cannot be opened.
func openText(err error) string {
	switch {
	case errors.Is(err, syscall.EPERM):
		return onAny[syscall.EPERM]
	case errors.Is(err, ipvs.ErrUnavailable):
		return strerror(syscall.ENOPROTOOPT)
	}
	return err.Error()
}
