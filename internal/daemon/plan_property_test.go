package daemon

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"vigil/confparse"
	"vigil/ipvs"
)

// configuration draws a small configuration. Few names and values, so that two of them often have much in common.
func configuration(t *rapid.T, label string) string {
	chance := func(what string) bool { return rapid.Bool().Draw(t, label+what) }
	pick := func(what string, of ...string) string { return rapid.SampledFrom(of).Draw(t, label+what) }
	var b strings.Builder
	b.WriteString("global_defs {\n dynamic_interfaces\n")
	for _, line := range []string{"lvs_flush", "lvs_flush_on_stop", "vrrp_startup_delay 2"} {
		if rapid.IntRange(0, 3).Draw(t, label+line) == 0 {
			b.WriteString(" " + line + "\n")
		}
	}
	b.WriteString("}\n")
	var names []string
	for n, vrid := range rapid.Permutation([]int{51, 52, 53}).Draw(t, label+"vrids") {
		if n > 0 && chance("stop") {
			break
		}
		name := pick("name", "A", "B", "C", "D")
		if slices.Contains(names, name) {
			continue
		}
		names = append(names, name)
		fmt.Fprintf(&b, "vrrp_instance %s {\n interface eth0\n virtual_router_id %d\n priority %s\n advert_int %s\n", name, vrid,
			pick("priority", "100", "150", "255"), pick("interval", "1", "2"))
		if chance("preempt") {
			b.WriteString(" nopreempt\n")
		}
		fmt.Fprintf(&b, " virtual_ipaddress {\n  10.0.%d.%s/24\n }\n}\n", vrid, pick("vip", "1", "2"))
	}
	if len(names) > 1 && chance("group") {
		fmt.Fprintf(&b, "vrrp_sync_group G {\n group {\n  %s\n }\n}\n", strings.Join(names[:2], "\n  "))
	}
	for n, port := range rapid.Permutation([]int{80, 81, 82}).Draw(t, label+"ports") {
		if n > 0 && chance("enough") {
			break
		}
		fmt.Fprintf(&b, "virtual_server 192.0.2.1 %d {\n lb_algo %s\n lb_kind NAT\n protocol TCP\n", port, pick("algo", "rr", "wrr"))
		if chance("sorry") {
			b.WriteString(" sorry_server 198.51.100.99 80\n")
		}
		if chance("quorum") {
			b.WriteString(" quorum 2\n")
		}
		for _, host := range rapid.Permutation([]int{1, 2, 3}).Draw(t, label+"servers")[:2] {
			fmt.Fprintf(&b, " real_server 198.51.100.%d 80 {\n  weight %s\n }\n", host, pick("weight", "1", "2"))
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// edited is text with, perhaps, one thing changed, so that small differences are common too.
func edited(t *rapid.T, text string) string {
	switch rapid.IntRange(0, 3).Draw(t, "edit") {
	case 0:
		return configuration(t, "next ")
	case 1:
		return strings.Replace(text, "{", "{ # a comment", 1)
	case 2:
		return rapid.SampledFrom([]string{
			strings.Replace(text, "weight 1", "weight 2", 1), strings.Replace(text, "priority 100", "priority 101", 1),
			strings.NewReplacer("vrrp_instance A", "vrrp_instance E", "  A\n", "  E\n").Replace(text), strings.Replace(text, " lvs_flush_on_stop\n", "", 1),
			strings.Replace(text, "quorum 2", "quorum 1", 1), strings.Replace(text, " lvs_flush\n", "", 1),
		}).Draw(t, "small edit")
	}
	return text
}

// TestPlanIsEmptyExactlyWhenNothingIsToBeDone compares the sum of what the parts say with the equality of the desired
// states, which nothing but this test asks for.
func TestPlanIsEmptyExactlyWhenNothingIsToBeDone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := configuration(rt, "")
		b := edited(rt, a)
		before, after := desired(t, a), desired(t, b)
		plan := planOf(everyPart, before, after)
		if equal := reflect.DeepEqual(before, after); plan.Empty() != equal {
			rt.Errorf("desired states equal: %v, plan: %v\n%s\nand\n%s", equal, plan.Steps, a, b)
		}
		for i, s := range plan.Steps {
			if slices.Contains(plan.Steps[:i], s) {
				rt.Errorf("step %v twice\n%s\nand\n%s", s, a, b)
			}
		}
	})
}

// world is what a daemon has made of the kernels, while it ran and after it has stopped.
type world struct {
	Addresses       []string
	Table           ipvs.Table
	AddressesAfter  []string
	ServicesAfter   int
	ForeignSurvived bool
}

var foreign = ipvs.ServiceKey{Fwmark: 99, Family: confparse.IPv4}

// observe lets a daemon with an in-memory kernel settle, stops it, and says what it saw.
func observe(t *testing.T, i *instance) (w world) {
	time.Sleep(time.Minute) // everybody has become master
	w.Addresses, w.Table = i.network.virtual(), i.kernel.Table()
	delete(w.Table, foreign) // whether it was flushed at start is a matter of the start
	i.kernel.Edit(func(t ipvs.Table) { t[foreign] = ipvs.Service{Attrs: ipvs.ServiceAttrs{Scheduler: "rr"}} })
	if err := i.end(); err != nil {
		t.Errorf("%v\n%s", err, i.log)
	}
	left := i.kernel.Table()
	_, w.ForeignSurvived = left[foreign]
	w.AddressesAfter, w.ServicesAfter = i.network.virtual(), len(left)
	return w
}

// TestReloadLeadsWhereAFreshStartLeads: whatever ran before, what the kernels have after a reload, and after stopping
// then, is what a start with the same configuration gives.
func TestReloadLeadsWhereAFreshStartLeads(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a := configuration(rt, "")
		b := edited(rt, a)
		c := edited(rt, b)
		var reloaded, fresh world
		var failure error
		synctest.Test(t, func(t *testing.T) {
			i := begin(t, a, nil)
			for _, text := range []string{b, c} {
				time.Sleep(time.Duration(len(text)%7) * time.Second)
				reply, _ := i.reload(text)
				if reply.Err != nil {
					failure = errors.Join(failure, reply.Err)
				}
			}
			reloaded = observe(t, i)
		})
		synctest.Test(t, func(t *testing.T) { fresh = observe(t, begin(t, c, nil)) })
		if failure != nil || !reflect.DeepEqual(reloaded, fresh) {
			rt.Errorf("after reloads (%v):\n%+v\nafter a fresh start:\n%+v\n%s\nthen\n%s\nthen\n%s", failure, reloaded, fresh, a, b, c)
		}
	})
}
