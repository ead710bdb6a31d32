package ipvsadm

import (
	"slices"

	"vigil/confparse"
	"vigil/ipvs"
)

// A scheduler with names of its own for the flags has no others.
var schedulerFlags = map[string][]schedulerFlag{
	"sh": {{"sh-fallback", flag1}, {"sh-port", flag2}},
	"mh": {{"mh-fallback", flag1}, {"mh-port", flag2}},
}

// generalFlags are the flags of every other scheduler, in the order in which they are printed; all may be set by them.
var generalFlags = []schedulerFlag{{"flag-1", flag1}, {"flag-2", flag2}, {"flag-3", ipvs.Flags(confparse.SchedulerFlag3)}}

const (
	flag1 = ipvs.Flags(confparse.SchedulerFlag1)
	flag2 = ipvs.Flags(confparse.SchedulerFlag2)
)

type schedulerFlag struct {
	name string
	flag ipvs.Flags
}

// flagOf returns the flag of a name, and the scheduler whose alone it is.
func flagOf(name string) (flag ipvs.Flags, scheduler string, known bool) {
	for _, f := range generalFlags {
		if f.name == name {
			return f.flag, "", true
		}
	}
	for scheduler, flags := range schedulerFlags {
		for _, f := range flags {
			if f.name == name {
				return f.flag, scheduler, true
			}
		}
	}
	return 0, "", false
}

// flagNames are the names of a service's scheduler flags, as its scheduler calls them; others are those for which it has none.
func flagNames(a ipvs.ServiceAttrs) (names, others []string) {
	own, has := schedulerFlags[a.Scheduler]
	for _, f := range generalFlags {
		if a.Flags&f.flag == 0 {
			continue
		}
		i := slices.IndexFunc(own, func(o schedulerFlag) bool { return o.flag == f.flag })
		switch {
		case !has:
			names = append(names, f.name)
		case i < 0:
			others = append(others, f.name)
		default:
			names = append(names, own[i].name)
		}
	}
	return names, others
}
