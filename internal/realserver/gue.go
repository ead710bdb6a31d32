package realserver

import (
	"slices"

	"vigil/internal/netio"
)

// unpack has the kernel unpack GUE on ports.
func unpack(f *found, ports []netio.GUEPort) error {
	if len(ports) == 0 {
		return nil
	}
	loadErr := loadModule(gueModule)
	there, err := netio.GUEPorts()
	if err != nil {
		return err
	}
	for _, p := range ports {
		if slices.Contains(there, p) {
			continue
		}
		if err := netio.AddGUEPort(p); err != nil {
			return because(err, loadErr)
		}
		f.Ports = append(f.Ports, p)
	}
	return nil
}

// close has the kernel unpack no GUE any more where it did not before.
func (f *found) close() error {
	if len(f.Ports) == 0 {
		return nil
	}
	there, err := netio.GUEPorts()
	if err != nil {
		return err
	}
	for len(f.Ports) > 0 {
		if p := f.Ports[0]; slices.Contains(there, p) {
			if err := netio.DelGUEPort(p); err != nil {
				return err
			}
		}
		f.Ports = f.Ports[1:]
	}
	return nil
}

// lacking lists the ports on which GUE is not unpacked.
func lacking(ports []netio.GUEPort) (missing []string, err error) {
	if len(ports) == 0 {
		return nil, nil
	}
	there, err := netio.GUEPorts()
	for _, p := range ports {
		if !slices.Contains(there, p) {
			missing = append(missing, "GUE is not unpacked on "+p.String())
		}
	}
	return missing, err
}
