// Package ipvsadm is the program ipvsadm: an argument vector becomes a Command, the kernel's table is changed or read, and
// what it has is printed, in the words and columns of Debian's ipvsadm 1.31. Reading a command line and printing a table are
// pure; the kernel and the names of hosts and services are reached through two seams.
package ipvsadm
