package lan

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The ways to ask a driver, in the order in which they are tried.
const (
	carrierMII     = "MII"
	carrierETHTOOL = "ETHTOOL"
	carrierIOCTL   = "IOCTL"
)

const (
	miiStatus     = 1      // the basic mode status register (IEEE 802.3 §22.2.4.2)
	miiLinkStatus = 1 << 2 // latches low, so it is read twice
)

// interfaceRequest is struct ifreq.
type interfaceRequest struct {
	name [unix.IFNAMSIZ]byte
	data [3]uint64 // aligned as what lies in it
}

// ethtoolRequest is struct ifreq with what SIOCETHTOOL wants.
type ethtoolRequest struct {
	name  [unix.IFNAMSIZ]byte
	value *ethtoolValue
	_     [2]uint64
}

// miiData is struct mii_ioctl_data, which lies in the data of an interfaceRequest.
type miiData struct{ phy, register, in, out uint16 }

// ethtoolValue is struct ethtool_value.
type ethtoolValue struct{ command, data uint32 }

// Carrier implements Network.
func (k *Kernel) Carrier(name, method string) (up bool, err error) {
	order := []string{carrierMII, carrierETHTOOL, carrierIOCTL}
	if i := slices.Index(order, method); i > 0 {
		order = append([]string{method}, slices.Delete(order, i, i+1)...)
	}
	err = k.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return os.NewSyscallError("socket", err)
		}
		defer unix.Close(fd)
		var failed error
		for _, m := range order {
			if up, err = carrierBy(fd, name, m); err == nil {
				return nil
			}
			failed = errors.Join(failed, fmt.Errorf("%s: %w", m, err))
		}
		return failed
	})
	if err != nil {
		return false, fmt.Errorf("ask for the link of %s: %w", name, err)
	}
	return up, nil
}

func carrierBy(fd int, name, method string) (bool, error) {
	var r interfaceRequest
	if len(name) >= len(r.name) {
		return false, unix.ENODEV
	}
	copy(r.name[:], name)
	switch method {
	case carrierMII:
		mii := (*miiData)(unsafe.Pointer(&r.data))
		if err := ioctl(fd, unix.SIOCGMIIPHY, unsafe.Pointer(&r)); err != nil {
			return false, err
		}
		for range 2 {
			if mii.register = miiStatus; ioctl(fd, unix.SIOCGMIIREG, unsafe.Pointer(&r)) != nil {
				return false, unix.EOPNOTSUPP
			}
		}
		if mii.out == 0 || mii.out == 0xffff { // nobody has answered
			return false, unix.EOPNOTSUPP
		}
		return mii.out&miiLinkStatus != 0, nil
	case carrierETHTOOL:
		v := &ethtoolValue{command: unix.ETHTOOL_GLINK}
		err := ioctl(fd, unix.SIOCETHTOOL, unsafe.Pointer(&ethtoolRequest{name: r.name, value: v}))
		return v.data != 0, err
	}
	err := ioctl(fd, unix.SIOCGIFFLAGS, unsafe.Pointer(&r))
	return *(*uint16)(unsafe.Pointer(&r.data))&unix.IFF_RUNNING != 0, err
}

func ioctl(fd int, request uintptr, r unsafe.Pointer) error {
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(r)); errno != 0 {
		return errno
	}
	return nil
}
