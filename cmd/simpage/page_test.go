package main_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestPage: the page in a browser has the timeline of the button that is pressed, worked out in it. `make test-sim` builds the page
// into the directory VIGIL_SIM_PAGE and installs the browser.
func TestPage(t *testing.T) {
	dir := os.Getenv("VIGIL_SIM_PAGE")
	if dir == "" {
		t.Skip("VIGIL_SIM_PAGE does not name a directory with the page: make test-sim does")
	}
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	for pressed, want := range map[string][]string{
		"cut": {"10.000 s  -- cut A", "A VI_1: FAULT, priority 150: its interface is down", "B VI_1: MASTER, priority 100: nothing was heard of A",
			"B VI_1: BACKUP, priority 100: A is MASTER with priority 150", "192.0.2.100: at A, one outage of 3.0"},
		"halt": {"B VI_1: MASTER", "one outage of 3.0"},
		"stop": {"A VI_1: stopping", "B VI_1: MASTER, priority 100: A has resigned", "192.0.2.100: at A, without an outage"},
	} {
		dom := visit(t, browser, server.URL+"/index.html?press="+pressed)
		_, timeline, _ := strings.Cut(dom, `<pre id="timeline">`)
		timeline, _, _ = strings.Cut(timeline, "</pre>")
		for _, w := range want {
			if !strings.Contains(timeline, w) {
				t.Errorf("%s: no %q in\n%s", pressed, w, dom[:min(len(dom), 4000)])
			}
		}
		if !strings.Contains(dom, `<p id="problem"></p>`) {
			t.Errorf("%s: a problem is told", pressed)
		}
	}
}

// visit returns what a page has become when everything on it is done.
func visit(t *testing.T, browser, url string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--user-data-dir="+t.TempDir(),
		"--virtual-time-budget=60000", "--dump-dom", url)
	var complaints strings.Builder
	cmd.Stderr = &complaints
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, complaints.String())
	}
	return string(out)
}
