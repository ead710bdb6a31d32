// Package wire has VRRP's packets as bytes: adverts of version 2 (RFC 3768) and version 3 (RFC 9568), the IPv4 header
// around them, checksums and authentication. It is pure: what goes in are bytes and values, what comes out are values, bytes
// and the DropReason of a packet that is none of ours.
package wire
