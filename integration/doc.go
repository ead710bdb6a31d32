// Package integration holds the tests of Vigil against real kernels and real peers: scenarios with a director pair, clients and
// servers in network namespaces. What needs IPVS is skipped, saying so, on a kernel without it, and is run by `make test` in a
// virtual machine.
//
// The scenarios take the programs to run as a parameter: VIGIL_PAIRS (default "vigil+vigil") lists pairs of "vigil" and
// "keepalived", master first. The bars hold for Vigil; for a pair with a keepalived the same scenario only reports, which is how
// the baselines are measured. VIGIL_BIN names the program under test; without it the tests build it.
package integration
