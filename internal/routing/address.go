package routing

// AddressOptions are what an address may have besides where it is; the zero value is what nobody asked for.
type AddressOptions struct {
	Flags     uint32 // IFA_F_*, beyond those that follow from the rest
	Detect    bool   // IPv6: duplicate addresses are looked for before it is used
	Lifetime  uint32 // preferred lifetime in seconds, 4294967295 = for ever, 0 = deprecated; used with Preferred
	Preferred bool   // Lifetime is given; otherwise an IPv6 host address is deprecated, so that it is never a source
}
