package pool

// Override takes note that somebody else has given server i, or the Sorry server, this weight in one of the services.
// It is kept until the configuration or a check changes that server, the sorry server and the pool change places, or
// the server leaves the service; the weight that it would have anyway ends it at once. Nothing comes of it for a server
// that is not in.
func (p *Pool) Override(service, i int, weight int32) {
	if own, in := p.own(i); !in || own == weight {
		p.Left(service, i)
		return
	}
	p.override(service, i, weight)
}

func (p *Pool) override(service, i int, weight int32) {
	if p.overrides == nil {
		p.overrides = make(map[int]map[int]int32)
	}
	if p.overrides[i] == nil {
		p.overrides[i] = make(map[int]int32)
	}
	p.overrides[i][service] = weight
}

// Left takes note that a service has lost server i, or the Sorry server, so that what others had set for it there is
// over.
func (p *Pool) Left(service, i int) {
	if delete(p.overrides[i], service); len(p.overrides[i]) == 0 {
		delete(p.overrides, i)
	}
}

// Overridden is a weight that somebody else has set.
type Overridden struct {
	Service int
	Server  int // or Sorry
	Weight  int32
	Own     int32 // what it would be otherwise
}

// Overrides returns the weights that others have set, in no order.
func (p *Pool) Overrides() []Overridden {
	var out []Overridden
	for i, services := range p.overrides {
		own, _ := p.own(i)
		for service, w := range services {
			out = append(out, Overridden{Service: service, Server: i, Weight: w, Own: own})
		}
	}
	return out
}
