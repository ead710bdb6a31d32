// Package testlan builds small networks out of Linux network namespaces: hosts, segments (bridges) and cables (veth pairs)
// whose ends have known MAC addresses, programs that run in them, and a recorder of what is on the wire.
//
// A namespace has no name and no place in the file system, so that nobody who mounts there can hide it and nothing of it can be
// left: it lives as long as a thread of this process or a program of the lab is in it (`nsenter --net -t PID` gets a person
// there). Programs that outlive a run that was killed are recognised by their environment and are killed, and its files
// removed, by the next New of any run.
//
// Nothing here decides anything about VRRP or IPVS: it is the laboratory, not the subject.
//
// Times in Frame, Advert, Announcement and Line are the wall clock of this machine, so that all of them compare; frames carry
// the kernel's own receive time.
package testlan
