package lan

import (
	"fmt"
	"slices"

	"golang.org/x/net/bpf"

	"vigil/vrrp/wire"
)

// acceptWhole is the verdict "deliver", which states how many bytes to keep: more than any IP packet has.
const acceptWhole = 1 << 18

// filterIPv4 is the classic BPF program of an IPv4 receive socket, where a packet starts with the IP header: protocol
// 112, or with ah 51, for one of the virtual routers vrids, not sent to a group when the socket is for unicast. Everything
// else stays in the kernel, so foreign virtual routers on a busy segment cost nothing.
func filterIPv4(vrids []uint8, unicast, ah bool) ([]bpf.RawInstruction, error) {
	protocol, vrid := uint32(wire.Protocol), uint32(1)
	if ah {
		protocol, vrid = wire.ProtocolAH, wire.AHLen+1
	}
	program := []bpf.Instruction{
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocol, SkipTrue: 1},
		bpf.RetConstant{Val: 0},
	}
	if unicast {
		program = append(program,
			bpf.LoadAbsolute{Off: 16, Size: 1}, // first byte of the destination; 224.0.0.0/4 is multicast
			bpf.JumpIf{Cond: bpf.JumpLessThan, Val: 224, SkipTrue: 1},
			bpf.RetConstant{Val: 0},
		)
	}
	program = append(program,
		bpf.LoadMemShift{Off: 0}, // X = length of the IP header
		bpf.LoadIndirect{Off: vrid, Size: 1},
	)
	return assemble(append(program, oneOf(vrids)...))
}

// filterIPv6 is the program of an IPv6 receive socket, where a packet starts with the VRRP message.
func filterIPv6(vrids []uint8) ([]bpf.RawInstruction, error) {
	program := []bpf.Instruction{bpf.LoadAbsolute{Off: 1, Size: 1}}
	return assemble(append(program, oneOf(vrids)...))
}

// filterNothing keeps every packet out: for sockets that only send.
func filterNothing() ([]bpf.RawInstruction, error) {
	return assemble([]bpf.Instruction{bpf.RetConstant{Val: 0}})
}

// oneOf ends a program: it accepts when the accumulator is one of vrids. Jumps reach at most 255 instructions ahead,
// which is just enough for every VRID there is.
func oneOf(vrids []uint8) []bpf.Instruction {
	vrids = slices.Compact(slices.Sorted(slices.Values(vrids)))
	vrids = slices.DeleteFunc(vrids, func(v uint8) bool { return v == 0 }) // not a VRID (RFC 9568 §5.2.3)
	var table []bpf.Instruction
	for i, v := range vrids {
		table = append(table, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(v), SkipTrue: uint8(len(vrids) - i)})
	}
	return append(table, bpf.RetConstant{Val: 0}, bpf.RetConstant{Val: acceptWhole})
}

func assemble(program []bpf.Instruction) ([]bpf.RawInstruction, error) {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble socket filter: %w", err)
	}
	return raw, nil
}
