package labkit

import (
	"testing"
	"time"

	"vigil/internal/testlan"
)

// adverts are advertisements at milliseconds; a negative one says farewell.
func adverts(ms ...int) (list []testlan.Advert) {
	for _, at := range ms {
		a := testlan.Advert{Time: time.UnixMilli(int64(max(at, -at))), Priority: 100}
		if at < 0 {
			a.Priority = 0
		}
		list = append(list, a)
	}
	return list
}

func TestActiveDown(t *testing.T) {
	for _, c := range []struct {
		s    Settings
		want time.Duration
	}{
		{Settings{Version: 2, Advert: "1", Priority: [2]int{150, 100}}, 3609375 * time.Microsecond},
		{Settings{Version: 2, Advert: "3", Priority: [2]int{150, 100}}, 9609375 * time.Microsecond},
		{Settings{Version: 3, Advert: "0.1", Priority: [2]int{150, 100}}, 360937500},
		{Settings{Version: 3, Advert: "1", Priority: [2]int{254, 254}}, 3*time.Second + 2*time.Second/256},
	} {
		if got := c.s.ActiveDown(); got != c.want {
			t.Errorf("%+v: %v, want %v", c.s, got, c.want)
		}
	}
}

func TestRivalry(t *testing.T) {
	for _, c := range []struct {
		name          string
		better, other []testlan.Advert
		want          time.Duration
	}{
		{"one master", adverts(100, 200, 300), nil, 0},
		{"the other leaves before the better one comes", adverts(300, 400), adverts(100, 200), 0},
		{"the other answers once", adverts(300, 400), adverts(200, 305), 5},
		{"a farewell is none", adverts(300, 400), adverts(200, -350), 0},
		{"the other goes on", adverts(300, 400, 500), adverts(250, 350, 450, 550), 250},
		{"the better one was silent", adverts(300, 400, 900, 1000), adverts(305, 770, 870, 902), 5},
		{"the better one was silent and the other does not give way", adverts(300, 400, 900, 1000, 1100), adverts(770, 870, 970, 1070), 170},
		{"nobody knows", nil, adverts(100, 200), 0},
	} {
		if got := Rivalry(c.better, c.other, 360*time.Millisecond); got != c.want*time.Millisecond {
			t.Errorf("%s: %v, want %v", c.name, got, c.want*time.Millisecond)
		}
	}
}

func TestSilence(t *testing.T) {
	at := func(ms int64) time.Time { return time.UnixMilli(ms) }
	for _, c := range []struct {
		adverts []testlan.Advert
		until   int64
		want    time.Duration
	}{
		{nil, 100, 0},
		{adverts(100), 460, 360},
		{adverts(100, 200, 300), 350, 100},
		{adverts(100, 600, 700), 701, 500},
		{adverts(100, 200, 900), 300, 100},
	} {
		if got := Silence(c.adverts, at(c.until)); got != c.want*time.Millisecond {
			t.Errorf("%d adverts until %d ms: %v, want %v", len(c.adverts), c.until, got, c.want*time.Millisecond)
		}
	}
}
