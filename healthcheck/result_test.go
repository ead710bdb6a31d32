package healthcheck

import "testing"

// TestCodes has the names of HAProxy's management guide §9.1, check_status.
func TestCodes(t *testing.T) {
	for c, want := range map[Code]string{
		CodeUnknown: "UNK", CodeSocketError: "SOCKERR", CodeConnected: "L4OK", CodeConnectTimeout: "L4TOUT",
		CodeConnectFailed: "L4CON", CodeTLSTimeout: "L6TOUT", CodeTLSFailed: "L6RSP", CodeAnswered: "L7OK",
		CodeAnswerTimeout: "L7TOUT", CodeAnswerInvalid: "L7RSP", CodeAnswerStatus: "L7STS", CodeAnswerStatus + 1: "UNK",
	} {
		if got := c.String(); got != want {
			t.Errorf("code %d is %s, want %s", c, got, want)
		}
	}
}
