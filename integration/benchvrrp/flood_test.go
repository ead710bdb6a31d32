package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// A flood sends what is due in every tick, in order, and not more. Of what was held up, 20 ms are made up for.
func TestFlood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		next := 0
		send := func(i int) error {
			if i != next {
				t.Errorf("packet %d, want %d", i, next)
			}
			if next++; float64(i) >= 10_000*time.Since(began).Seconds() {
				t.Errorf("packet %d after %v", i, time.Since(began))
			}
			if i == 5000 {
				time.Sleep(100 * time.Millisecond)
			}
			return nil
		}
		sent, err := flood(t.Context(), send, 10_000, 2*time.Second)
		if held := 800; err != nil || sent != 20_000-held || next != sent || time.Since(began) != 2*time.Second {
			t.Errorf("%d sent, %d asked for, in %v, %v", sent, next, time.Since(began), err)
		}
	})
}

func TestFloodEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no buffers")
		if sent, err := flood(t.Context(), func(i int) error {
			if i == 3 {
				return broken
			}
			return nil
		}, 1000, time.Minute); sent != 3 || !errors.Is(err, broken) {
			t.Errorf("%d, %v", sent, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Microsecond)
		defer cancel()
		if sent, err := flood(ctx, func(int) error { return nil }, 1000, time.Minute); sent != 1 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%d, %v", sent, err)
		}
	})
}

func TestSNMPCounter(t *testing.T) {
	const text = "Ip: Forwarding InReceives InDelivers\nIp: 1 30 20\nIcmp: InMsgs InDelivers\nIcmp: 5 6\n"
	if n, err := snmpCounter(text, "Ip", "InDelivers"); n != 20 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if n, err := snmpCounter(text, "Icmp", "InDelivers"); n != 6 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for _, missing := range [][2]string{{"Ip", "OutRequests"}, {"Udp", "InDelivers"}} {
		if n, err := snmpCounter(text, missing[0], missing[1]); err == nil {
			t.Errorf("%v: %d", missing, n)
		}
	}
}
