package ipvsadm

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"strconv"

	"vigil/confparse"
	"vigil/ipvs"
)

// printer writes what the kernel has. Errors of writing are found out at the end, by flush.
type printer struct {
	w     *bufio.Writer
	names Resolver
	show  Show
}

func newPrinter(w io.Writer, names Resolver, show Show) *printer {
	return &printer{w: bufio.NewWriter(w), names: names, show: show}
}

func (p *printer) printf(format string, args ...any) { fmt.Fprintf(p.w, format, args...) }

func (p *printer) flush() error { return p.w.Flush() }

// endpoint is address:port with names where there are any and numbers are not asked for.
func (p *printer) endpoint(a netip.Addr, port uint16, proto confparse.Protocol) string {
	host, service := addressText(a), strconv.Itoa(int(port))
	if !p.show.Numeric {
		if name, ok := p.names.Host(a); ok {
			host = name
		}
		if name, ok := p.names.Service(port, proto); ok {
			service = name
		}
	}
	if a.Is6() {
		return "[" + host + "]:" + service
	}
	return host + ":" + service
}

// column is endpoint as tables show it: a name that would not fit is cut.
func (p *printer) column(a netip.Addr, port uint16, proto confparse.Protocol) string {
	text := p.endpoint(a, port, proto)
	if !p.show.Numeric && a.Is4() {
		text = text[:min(len(text), addressWidth)]
	}
	return text
}

// addressWidth is that of the column of addresses.
const addressWidth = 28

// addressText is an address as inet_ntop(3) writes it, which ends one with five or six leading zero groups in dots.
func addressText(a netip.Addr) string {
	if !a.Is6() || a.Is4In6() {
		return a.String()
	}
	b := a.As16()
	for _, zero := range b[:12] {
		if zero != 0 {
			return a.String()
		}
	}
	if b[12] == 0 && b[13] == 0 {
		return a.String()
	}
	return fmt.Sprintf("::%d.%d.%d.%d", b[12], b[13], b[14], b[15])
}

// protocolNames are those of the first column.
var protocolNames = map[confparse.Protocol]string{confparse.TCP: "TCP", confparse.UDP: "UDP", confparse.SCTP: "SCTP"}

// title is the protocol of a service and its name.
func (p *printer) title(k ipvs.ServiceKey) (protocol, name string) {
	if k.Fwmark == 0 {
		return protocolNames[k.Protocol], p.column(k.Addr, k.Port, k.Protocol)
	}
	name = strconv.Itoa(int(int32(k.Fwmark)))
	if k.Family == confparse.IPv6 {
		name += " IPv6"
	}
	return "FWM", name
}

// maskText is a persistence granularity, "" for each client for itself.
func maskText(f confparse.Family, mask uint32) string {
	switch {
	case f == confparse.IPv6 && mask != hostMask6:
		return strconv.Itoa(int(mask))
	case f != confparse.IPv6 && mask != hostMask4:
		return netip.AddrFrom4([4]byte{byte(mask >> 24), byte(mask >> 16), byte(mask >> 8), byte(mask)}).String()
	}
	return ""
}
