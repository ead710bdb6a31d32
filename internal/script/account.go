package script

import (
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Identity is who a program is run as.
type Identity struct {
	UID, GID uint32
	// Supplementary: with the further groups of the user. Otherwise it has none.
	Supplementary bool
}

// change is what a process of ours has to change to be i; nil when that is nothing, for which it takes no privilege. Who is i but
// for further groups, and may not change those, keeps them: it gets no right that this process does not have.
func (i Identity) change() (*syscall.Credential, error) {
	already := i.UID == uint32(os.Geteuid()) && i.GID == uint32(os.Getegid())
	if already && (os.Geteuid() != 0 || !mayChangeGroups()) {
		return nil, nil
	}
	groups, err := i.groups()
	if err != nil {
		return nil, err
	}
	if have, err := os.Getgroups(); already && err == nil && i.sameGroups(groups, have) {
		return nil, nil
	}
	return &syscall.Credential{Uid: i.UID, Gid: i.GID, Groups: groups}, nil
}

// mayChangeGroups reports whether the calling thread has CAP_SETGID.
func mayChangeGroups() bool {
	var sets [2]unix.CapUserData
	err := unix.Capget(&unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}, &sets[0])
	return err != nil || sets[0].Effective&(1<<unix.CAP_SETGID) != 0
}

// sameGroups reports whether both lists, of which the one is this process's, come to the same beside i.GID.
func (i Identity) sameGroups(wanted []uint32, have []int) bool {
	for _, g := range have {
		if uint32(g) != i.GID && !slices.Contains(wanted, uint32(g)) {
			return false
		}
	}
	for _, g := range wanted {
		if g != i.GID && !slices.Contains(have, int(g)) {
			return false
		}
	}
	return true
}

// groups are the supplementary groups.
func (i Identity) groups() ([]uint32, error) {
	if !i.Supplementary {
		return nil, nil
	}
	u, err := user.LookupId(strconv.FormatUint(uint64(i.UID), 10))
	if err != nil {
		return nil, fmt.Errorf("groups of user %d: %w", i.UID, err)
	}
	names, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of user %s: %w", u.Username, err)
	}
	var groups []uint32
	for _, name := range names {
		if n, err := strconv.ParseUint(name, 10, 32); err == nil {
			groups = append(groups, uint32(n))
		}
	}
	return groups, nil
}
