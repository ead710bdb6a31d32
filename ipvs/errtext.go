package ipvs

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
)

// commands are the names and numbers by which keepalived's log speaks of an operation: those of the old socket option.
var commands = [...]struct {
	name   string
	number int
}{
	AddService: {"IP_VS_SO_SET_ADD", 1154},
	SetService: {"IP_VS_SO_SET_EDIT", 1155},
	DelService: {"IP_VS_SO_SET_DEL", 1156},
	AddDest:    {"IP_VS_SO_SET_ADDDEST", 1159},
	DelDest:    {"IP_VS_SO_SET_DELDEST", 1160},
	SetDest:    {"IP_VS_SO_SET_EDITDEST", 1161},
	StartSync:  {"IP_VS_SO_SET_STARTDAEMON", 1163},
	StopSync:   {"IP_VS_SO_SET_STOPDAEMON", 1164},
}

// errorText is keepalived's log line for an operation that failed.
func errorText(op Op, err error) string {
	text, number := reason(op, err), 0
	if e, ok := errors.AsType[syscall.Errno](err); ok {
		number = int(e)
	}
	c := commands[op.Kind]
	line := fmt.Sprintf("IPVS cmd %s(%d) error: %s(%d)", c.name, c.number, text, number)
	if op.Sync != nil {
		return line
	}
	return line + " (" + object(op) + ")"
}

// errorOf is errorText as an error, for the status. A nil err says that a change to a service succeeded which is not
// known to exist.
func errorOf(op Op, err error) error {
	if err == nil {
		return fmt.Errorf("service %s was replaced meanwhile", object(Op{Service: op.Service}))
	}
	return fmt.Errorf("%s %s: %s: %w", strings.ReplaceAll(op.Kind.String(), "_", " "), object(op), reason(op, err), err)
}

// reason says what the errno means for this operation.
func reason(op Op, err error) string {
	onService := op.Kind == AddService || op.Kind == SetService || op.Kind == DelService
	switch {
	case op.Kind == StartSync && errors.Is(err, syscall.EEXIST):
		return "Daemon has already run"
	case op.Kind == StopSync && errors.Is(err, syscall.ESRCH):
		return "No daemon is running"
	case errors.Is(err, syscall.EEXIST) && onService:
		return "Service already exists"
	case errors.Is(err, syscall.EEXIST):
		return "Destination already exists"
	case errors.Is(err, syscall.ENOENT) && onService && op.Kind != DelService:
		return "Scheduler or persistence engine not found"
	case errors.Is(err, syscall.ENOENT) && !onService:
		return "No such destination"
	case errors.Is(err, syscall.ESRCH):
		return "No such service"
	case errors.Is(err, syscall.EPERM):
		return "Permission denied (you must be root)"
	}
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}

// object names what the operation was about: "10.0.0.1:tcp:80 -> 192.168.0.1:8080", "Fwm 5", "master on eth1".
func object(op Op) string {
	if op.Sync != nil {
		return fmt.Sprintf("%v on %s", op.Sync.Role, op.Sync.Interface)
	}
	var b strings.Builder
	if op.Service.Fwmark != 0 {
		fmt.Fprintf(&b, "Fwm %d", op.Service.Fwmark)
	} else {
		fmt.Fprintf(&b, "%v:%v:%d", op.Service.Addr, op.Service.Protocol, op.Service.Port)
	}
	if op.Dest.IsValid() {
		fmt.Fprintf(&b, " -> %v:%d", op.Dest.Addr(), op.Dest.Port())
	}
	return b.String()
}
