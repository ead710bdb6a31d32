package healthcheck

import (
	"testing"
	"time"
)

// TestCodes has the names of HAProxy's management guide §9.1, check_status.
func TestCodes(t *testing.T) {
	for c, want := range map[Code]string{
		CodeUnknown: "UNK", CodeSocketError: "SOCKERR", CodeConnected: "L4OK", CodeConnectTimeout: "L4TOUT",
		CodeConnectFailed: "L4CON", CodeTLSTimeout: "L6TOUT", CodeTLSFailed: "L6RSP", CodeAnswered: "L7OK",
		CodeAnswerTimeout: "L7TOUT", CodeAnswerInvalid: "L7RSP", CodeAnswerStatus: "L7STS", CodeProcessPassed: "PROCOK", CodeProcessFailed: "PROCERR",
		CodeProcessTimeout: "PROCTOUT", CodeProcessTimeout + 1: "UNK",
	} {
		if got := c.String(); got != want {
			t.Errorf("code %d is %s, want %s", c, got, want)
		}
	}
}

// TestSummary is a result in three words, as HAProxy shows the last check.
func TestSummary(t *testing.T) {
	for _, tt := range []struct {
		result Result
		want   string
	}{
		{Result{}, ""},
		{Result{Outcome: Passed, Code: CodeConnected, Took: 312 * time.Microsecond}, "L4OK 0.3ms"},
		{Result{Outcome: Failed, Code: CodeConnectTimeout, Took: 2001 * time.Millisecond}, "L4TOUT 2001ms"},
		{Result{Outcome: Failed, Code: CodeAnswerStatus, Status: 503, Took: 12400 * time.Microsecond}, "L7STS 503 in 12ms"},
		{Result{Outcome: Failed, Code: CodeProcessFailed, Status: 2, Took: 9 * time.Millisecond}, "PROCERR 2 in 9.0ms"},
	} {
		if got := tt.result.Summary(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}
