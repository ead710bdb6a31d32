// Package lan is VRRP's side of the kernel: raw sockets with their filters, gratuitous ARP and neighbour advertisements,
// and addresses on interfaces. Network is all of it as the shell sees it, and Kernel the real one; a simulated LAN takes its
// place in tests.
package lan
