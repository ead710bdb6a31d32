package vrrp

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"vigil/confparse"
	"vigil/internal/boot"
	"vigil/vrrp/election"
)

// heartbeat remembers, across the death of the process, when each virtual router sent its last advert as MASTER. A
// process that was killed and is started again within its own master-down interval can thus go on as if nothing had
// happened: no other router has missed it yet.
//
// It is a small file that is mapped into memory, so a beat costs one store and no system call. Anything unexpected in
// the file means "nothing remembered", and a nil heartbeat remembers nothing. It is used by one goroutine at a time.
type heartbeat struct {
	file  *os.File
	data  []byte
	slots map[heartbeatKey]int
	epoch int64 // CLOCK_BOOTTIME at Instant 0, in nanoseconds
	stale bool  // an earlier process of this boot died as MASTER
}

// The file: a header of magic, version and the identity of the boot, then slots of a key and a time in nanoseconds of
// CLOCK_BOOTTIME, which counts while the machine is suspended; 0 is "not MASTER". Numbers are in native byte order.
const (
	heartbeatMagic  = "vigil-vrrp-beat1"
	heartbeatHeader = 64
	heartbeatSlot   = 32
	heartbeatSlots  = 2048
	heartbeatSize   = heartbeatHeader + heartbeatSlots*heartbeatSlot
)

// heartbeatKey is a digest of what makes a virtual router the same across two processes.
type heartbeatKey [24]byte

// openHeartbeat opens or creates the file. Its directory must exist. Only one process at a time has it: the error wraps
// unix.EWOULDBLOCK while another one does. epoch is the time at Instant 0 of the Runner that will use it, clock returns
// CLOCK_BOOTTIME in nanoseconds.
func openHeartbeat(path string, epoch time.Time, clock func() int64) (_ *heartbeat, err error) {
	id, err := boot.ID()
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	if info, err := f.Stat(); err != nil {
		return nil, err
	} else if !info.Mode().IsRegular() {
		return nil, errors.New("not a regular file")
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, os.NewSyscallError("flock", err)
	}
	// Allocated now, so that a full disk is an error here and not a signal at the first beat.
	if err := unix.Ftruncate(int(f.Fd()), heartbeatSize); err != nil {
		return nil, os.NewSyscallError("ftruncate", err)
	}
	if err := unix.Fallocate(int(f.Fd()), 0, 0, heartbeatSize); err != nil && !errors.Is(err, unix.EOPNOTSUPP) &&
		!errors.Is(err, unix.ENOSYS) {
		return nil, os.NewSyscallError("fallocate", err)
	}
	data, err := unix.Mmap(int(f.Fd()), 0, heartbeatSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, os.NewSyscallError("mmap", err)
	}
	h := &heartbeat{file: f, data: data, slots: make(map[heartbeatKey]int)}
	now := h.begin(epoch, clock)
	h.load(id, now)
	return h, nil
}

// begin compares the clock with that of the epoch, at one moment: not when this thread is held up between them.
func (h *heartbeat) begin(epoch time.Time, clock func() int64) (now int64) {
	for tries := 10; ; tries-- {
		since := time.Since(epoch)
		now = clock()
		h.epoch = now - int64(since)
		if time.Since(epoch)-since < time.Millisecond || tries == 0 {
			return now
		}
	}
}

// load takes over what an earlier process of the same boot left, and makes the file ours otherwise.
func (h *heartbeat) load(bootID string, now int64) {
	header := make([]byte, heartbeatHeader)
	copy(header[copy(header, heartbeatMagic):], bootID)
	if !bytes.Equal(h.data[:heartbeatHeader], header) {
		clear(h.data)
		copy(h.data, header)
		return
	}
	for i := range heartbeatSlots {
		slot := h.slot(i)
		key := heartbeatKey(slot)
		beat := int64(binary.NativeEndian.Uint64(slot[len(key):]))
		if key == (heartbeatKey{}) || beat <= 0 || beat > now {
			clear(slot)
			continue
		}
		if _, twice := h.slots[key]; twice {
			clear(slot)
			continue
		}
		h.slots[key] = i
		h.stale = true
	}
}

// open returns the slot of a virtual router; a free one when it has none yet, and -1 when all are taken.
func (h *heartbeat) open(name confparse.InstanceName, k election.InstanceKey) int {
	key := heartbeatKeyOf(name, k)
	if i, ok := h.slots[key]; ok {
		return i
	}
	for i := range heartbeatSlots {
		if slot := h.slot(i); heartbeatKey(slot) == (heartbeatKey{}) {
			copy(slot, key[:]) // its time is 0 until the first beat
			h.slots[key] = i
			return i
		}
	}
	return -1
}

// beat remembers that the router of slot i sends an advert as MASTER now.
func (h *heartbeat) beat(i int, now election.Instant) {
	if h != nil {
		h.set(i, h.epoch+int64(now))
	}
}

// clear forgets the router of slot i: it has resigned or released its addresses.
func (h *heartbeat) clear(i int) { h.set(i, 0) }

// last returns how long ago, as of now, the router of slot i sent its last advert as MASTER; false when it was not
// MASTER or nothing is known.
func (h *heartbeat) last(i int, now election.Instant) (time.Duration, bool) {
	if h == nil || i < 0 {
		return 0, false
	}
	beat := atomic.LoadInt64(h.time(i))
	return time.Duration(h.epoch + int64(now) - beat), beat != 0
}

func (h *heartbeat) set(i int, beat int64) {
	if h != nil && i >= 0 {
		atomic.StoreInt64(h.time(i), beat)
	}
}

// close releases the file. What it says stays; without a beat to remember there is nothing to say, and no file.
func (h *heartbeat) close() error {
	var remove error
	if !slices.ContainsFunc(slices.Collect(maps.Values(h.slots)), h.beating) {
		remove = os.Remove(h.file.Name())
	}
	return errors.Join(remove, unix.Munmap(h.data), h.file.Close())
}

func (h *heartbeat) beating(i int) bool { return atomic.LoadInt64(h.time(i)) != 0 }

func (h *heartbeat) slot(i int) []byte {
	start := heartbeatHeader + i*heartbeatSlot
	return h.data[start : start+heartbeatSlot]
}

// time is where slot i has its time. Slots are aligned to their size, so the store is atomic and a process that is
// killed leaves the old time or the new one.
func (h *heartbeat) time(i int) *int64 {
	return (*int64)(unsafe.Pointer(&h.slot(i)[len(heartbeatKey{})]))
}

// heartbeatKeyOf needs the name too: unicast routers may share the rest.
func heartbeatKeyOf(name confparse.InstanceName, k election.InstanceKey) (key heartbeatKey) {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %d %d %t %s %s %t",
		name, cmp.Or(k.Link, k.VRF), k.VRID, k.Family, k.Version, k.Unicast, k.Source, k.Group, k.AH))
	copy(key[:], sum[:])
	return key
}

func bootTime() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return 0 // every beat is then in the future, and nothing is resumed
	}
	return ts.Nano()
}
