// Package ipvs makes the kernel's IPVS table match the configuration and the health of the real servers.
//
// The decisions are pure. FromConfig turns a configuration into a Spec: virtual servers, each with the services that it
// is in the kernel and the one pool that they share. Package pool turns a pool's Spec and the verdicts of the checks into
// weights, and tells what has happened once the kernel has it. Diff turns two tables into an ordered list of operations.
//
// The Reconciler is the shell around them. It keeps one entry for each service: what is wanted, what the kernel has, and
// whether that is known (absent, present or unknown). It adopts what it finds, writes only differences, reads back what
// it has become unsure of, repairs what fails or drifts, opens the kernel again when IPVS was unloaded, and never touches
// a service it does not own. What is or may be in the kernel is forgotten only when it is known to be gone.
//
// Kernel is the seam to the kernel. OpenKernel speaks generic netlink; package ipvstest has an in-memory twin.
package ipvs
