package vrrp

import (
	"cmp"
	"slices"

	"vigil/confparse"
	"vigil/vrrp/election"
	"vigil/vrrp/wire"
)

// protocolFromConfig copies what concerns the protocol itself.
func protocolFromConfig(g *confparse.Global, in *confparse.VRRPInstance, unicast bool) election.ProtocolSpec {
	p := election.ProtocolSpec{
		OwnerIgnoresAdverts: in.OwnerIgnoreAdverts, TimerExpired: in.TimerExpiredBackup, TrackSource: in.TrackSource, Debug: in.Debug,
		HMAC: hmacFromConfig(in.HMAC), Buffer: bufferFromConfig(g, in),
	}
	if in.Version == 3 && in.Family == confparse.IPv4 {
		p.OldGroup = g.VRRPMulticast4
		p.OldChecksum = unicast && in.OldUnicastChecksum != confparse.Off
		switch {
		case in.ChecksumAsV2:
			p.Checksum = wire.ChecksumAsV2
		case unicast && in.OldUnicastChecksum == confparse.On:
			p.Checksum = wire.ChecksumGroup
		}
	}
	switch {
	case in.UnicastFaultNoPeer && !unicast:
		p.Unusable = election.FaultNoPeers
	case in.HMACWithoutKey:
		p.Unusable = election.FaultNoKey
	}
	return p
}

func hmacFromConfig(h *confparse.AuthHMAC) election.HMACSpec {
	if h == nil {
		return election.HMACSpec{}
	}
	s := election.HMACSpec{Mode: election.HMACEnforce, Window: h.Window, Monotonic: h.Monotonic}
	switch {
	case h.ReceiveOnly:
		s.Mode = election.HMACReceiveOnly
	case h.Permissive:
		s.Mode = election.HMACPermissive
	}
	if k, ok := h.Key(h.ActiveKey); ok {
		s.Active = election.HMACKey{ID: k.ID, Secret: k.Secret}
	}
	for _, k := range h.Keys {
		s.Keys = append(s.Keys, election.HMACKey{ID: k.ID, Secret: k.Secret})
	}
	slices.SortFunc(s.Keys, func(a, b election.HMACKey) int { return cmp.Compare(a.ID, b.ID) })
	return s
}

// policies are what receive buffers are measured by.
var policies = map[confparse.RXBufferPolicy]election.BufferPolicy{
	confparse.RXBufferBytes: election.BufferBytes, confparse.RXBufferMTU: election.BufferMTUs, confparse.RXBufferAdvert: election.BufferAdverts,
}

func bufferFromConfig(g *confparse.Global, in *confparse.VRRPInstance) election.ReceiveBuffer {
	policy, size := g.ReceiveBuffer(in)
	return election.ReceiveBuffer{Policy: policies[policy], Size: int(size)}
}
