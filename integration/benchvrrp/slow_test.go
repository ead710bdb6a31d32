package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// What somebody was told may have gaps, but no other order, and ends as things are.
func TestFollows(t *testing.T) {
	const said = "BACKUP MASTER FAULT BACKUP MASTER"
	for told, want := range map[string]bool{said: true, "BACKUP MASTER": true, "FAULT MASTER": true, "MASTER": true, "": false,
		"MASTER FAULT": false, "FAULT FAULT MASTER": false, "MASTER MASTER MASTER": false, "STOP MASTER": false} {
		if got := follows(strings.Fields(told), strings.Fields(said)); got != want {
			t.Errorf("%q: %v", told, got)
		}
	}
}

func TestStatesInTheFIFO(t *testing.T) {
	got := fifoStates("INSTANCE \"V_0_1\" BACKUP 100\nGROUP \"V_0_1\" FAULT 0\nINSTANCE \"V_0_2\" FAULT 100\nINSTANCE \"V_0_1\" MASTER 100\n")
	want := map[string][]string{"V_0_1": {"BACKUP", "MASTER"}, "V_0_2": {"FAULT"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v", got)
	}
}

// A FIFO is read to what was last written, though its writer stays.
func TestFIFOIsRead(t *testing.T) {
	place := slowly{dir: t.TempDir()}
	if err := unix.Mkfifo(place.file("fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	fd, err := unix.Open(place.file("fifo"), unix.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if _, err := unix.Write(fd, []byte("INSTANCE \"V\" MASTER 100\n")); err != nil {
		t.Fatal(err)
	}
	got, err := place.readFIFO()
	if err != nil || !slices.Equal(got["V"], []string{"MASTER"}) {
		t.Errorf("%v, %v", got, err)
	}
}
