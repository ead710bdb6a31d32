package vm

import (
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// timestampsEnv makes a program that begins with Main keep the time stamps of packets switched on, and do nothing else.
const timestampsEnv = "VIGIL_VM_TIMESTAMPS"

// keeper is this program, if it begins with Main.
var keeper string

// Main is to be called first by a program that boots machines. Within one, the same program keeps the kernel's time stamps of
// packets switched on: their switch is in the code of the receive path, which the kernel rewrites each time that the first socket
// wants them and the last one does not, and an emulated processor may be just there: a panic was seen with the instruction
// pointer in the middle of that jump, in netif_rx_internal.
func Main() {
	if os.Getenv(timestampsEnv) == "" {
		keeper, _ = os.Executable()
		return
	}
	if err := keepTimestamps(); err != nil {
		fmt.Fprintln(os.Stderr, "vm: time stamps:", err)
		os.Exit(1)
	}
	for { // until the machine is switched off; Go takes an empty select without other goroutines for a deadlock
		time.Sleep(time.Hour)
	}
}

// keepTimestamps opens a socket that wants them, which is never closed.
func keepTimestamps() error {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var setErr error
	if err := raw.Control(func(fd uintptr) { setErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1) }); err != nil {
		return err
	}
	kept = c
	return setErr
}

var kept *net.UDPConn
