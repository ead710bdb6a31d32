// Package ipvs makes the kernel's IPVS table match the configuration and the health of the real servers.
//
// The decisions are pure: FromConfig turns a configuration into a Spec, Desired turns a Spec and a Health into a
// Table, and Diff turns two tables into an ordered list of operations. The Reconciler is the shell around them: it
// adopts what it finds in the kernel, writes only differences, repairs what fails or drifts, and never touches a
// service it does not own. Kernel is the seam to the kernel; package ipvstest has an in-memory twin of it.
package ipvs
