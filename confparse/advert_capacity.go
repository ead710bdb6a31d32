package confparse

// AssumedMTU is that of an interface that is not known.
const AssumedMTU = 1500

// AdvertForm is what decides how much of an advert is left for addresses.
type AdvertForm struct {
	Family  Family
	Version uint8
	AH      bool // auth_type AH
	Signed  bool // auth_hmac
}

// Capacity is how many addresses keepalived puts into one advert on a link with the given MTU; the count is one octet
// (RFC 9568 §5.2.5). It subtracts the Ethernet header too; so do we, because the peers must divide the list at the same
// place. A configuration is divided so when it is read, and again by whoever finds a smaller MTU later.
func (a AdvertForm) Capacity(mtu int) int {
	const ethernet, ipv4, ipv6, vrrp, auth, ah, trailer = 14, 20, 40, 8, 8, 24, 28 // bytes
	room, size := mtu-ethernet-vrrp, 16
	if a.Family == IPv6 {
		room -= ipv6
	} else {
		room, size = room-ipv4, 4
		if a.Version == 2 {
			room -= auth
		}
		if a.AH {
			room -= ah
		}
	}
	if a.Signed {
		room -= trailer
	}
	return max(0, min(255, room/size))
}
