package ipvsadm

import (
	"vigil/ipvs"
)

var statsView = view{
	heading: "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n",
	service: func(p *printer, s ipvs.Listed) { p.counters(s.Counters) },
	server:  func(p *printer, d ipvs.ListedDest) { p.counters(d.Counters) },
}

var ratesView = view{
	heading: "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n  -> RemoteAddress:Port\n",
	service: func(p *printer, s ipvs.Listed) {
		r := s.Rates
		p.amounts(r.Connections, r.PacketsIn, r.PacketsOut, r.BytesIn, r.BytesOut)
	},
	server: func(p *printer, d ipvs.ListedDest) {
		r := d.Rates
		p.printf(" %8d %8d %8d", r.Connections, r.PacketsIn, r.PacketsOut) // in full in any case
		p.amounts(r.BytesIn, r.BytesOut)
	},
}

func (p *printer) counters(c ipvs.Counters) {
	p.amounts(c.Connections, c.PacketsIn, c.PacketsOut, c.BytesIn, c.BytesOut)
}

// amounts ends a line with numbers.
func (p *printer) amounts(numbers ...uint64) {
	for _, n := range numbers {
		p.amount(n)
	}
	p.printf("\n")
}

// units are what a number of nine digits and more is divided by, the largest first.
var units = [...]struct {
	from, by uint64
	name     byte
}{
	{1e14, 1e12, 'T'},
	{1e11, 1e9, 'G'},
	{1e9, 1e6, 'M'},
	{1e8, 1e3, 'K'},
}

// amount prints a number in nine columns, in units that keep it short unless the exact one is asked for.
func (p *printer) amount(n uint64) {
	if !p.show.Exact {
		for _, u := range units {
			if n >= u.from {
				p.printf("%8d%c", n/u.by, u.name)
				return
			}
		}
	}
	p.printf(" %8d", n)
}
