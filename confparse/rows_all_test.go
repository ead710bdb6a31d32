package confparse

import (
	"slices"
	"strings"
	"testing"
)

// rowsByBlock lists the rows of each block. A row that several blocks have is made in each of them.
func rowsByBlock() map[string][]row {
	const rs = "virtual_server/real_server/"
	all := map[string][]row{
		"(root)": rootRows,
		"global_defs": slices.Concat(mailRows, faceRows, bufferRows, lvsRows, firewallRows, globalVRRPRows, globalGARPRows,
			globalScriptRows, daemonRows, schedulingRows),
		"vrrp_instance":                slices.Concat(electionRows, linkRows, garpRows, listRows, notifyRows),
		"vrrp_instance/authentication": authenticationRows,
		"vrrp_instance/auth_hmac":      hmacRows,
		"vrrp_sync_group":              syncGroupRows,
		"vrrp_script":                  scriptRows,
		"vrrp_track_process":           processRows,
		"track_file":                   fileRows,
		"track_group":                  trackGroupRows,
		"garp_group":                   garpGroupRows,
		"bfd_instance":                 bfdRows,
		"SSL":                          tlsRows,
		"virtual_server":               serviceRows,
		"virtual_server/real_server":   serverRows,
		rs + "HTTP_GET/url":            urlRows,
		rs + "SSL_GET/url":             slices.Concat(urlRows, sslURLRows),
		rs + "FILE_CHECK":              fileCheckRows,
		rs + "BFD_CHECK":               slices.Concat(bfdCheckRows, only(timedRows, "alpha")),
		rs + "MISC_CHECK":              slices.Concat(miscRows, timedRows[1:]),
	}
	for checker, own := range map[string][]row{"TCP_CHECK": nil, "PING_CHECK": nil, "SMTP_CHECK": smtpRows,
		"SMTP_CHECK/host": nil, "UDP_CHECK": udpRows, "HTTP_GET": httpRows, "SSL_GET": slices.Concat(httpRows, sslRows)} {
		all[rs+checker] = slices.Concat(connectRows, timedRows, own)
	}
	notLoop := slices.DeleteFunc(slices.Clone(timedRows), func(r row) bool { return r.keyword == "delay_loop" })
	all[rs+"DNS_CHECK"] = slices.Concat(connectRows, notLoop, dnsRows)
	return all
}

func only(rows []row, keyword string) []row {
	return slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return r.keyword != keyword })
}

// TestEveryRow makes the tries of every keyword in every block that knows it.
func TestEveryRow(t *testing.T) {
	for path, rows := range rowsByBlock() {
		t.Run(strings.ReplaceAll(path, "/", "."), func(t *testing.T) { checkRows(t, path, rows) })
	}
}

// TestEveryKeywordHasARow: the table of keywords and the rows of these tests name the same words, block by block.
func TestEveryKeywordHasARow(t *testing.T) {
	rows := rowsByBlock()
	for _, c := range Keywords() {
		if c.ItemName {
			continue
		}
		at := slices.IndexFunc(rows[c.Path], func(r row) bool { return r.keyword == c.Keyword })
		if at < 0 || len(rows[c.Path][at].tries) == 0 {
			t.Errorf("%s in %s has no case", c.Keyword, c.Path)
		}
	}
	for path, list := range rows {
		seen := map[string]bool{}
		for _, r := range list {
			if !slices.ContainsFunc(Keywords(), func(c Coverage) bool { return c.Path == path && c.Keyword == r.keyword }) {
				t.Errorf("%s is no keyword of %s", r.keyword, path)
			}
			if seen[r.keyword] {
				t.Errorf("%s is twice among the rows of %s", r.keyword, path)
			}
			seen[r.keyword] = true
		}
	}
}

// TestEveryRowChangesSomething: a row of which no try has an effect would prove nothing.
func TestEveryRowChangesSomething(t *testing.T) {
	elsewhere := map[string]string{ // what these scopes cannot show, and the test that does
		"global_defs: include_check": "TestIncludeCheck", "vrrp_instance: vrf": "TestInstanceOnVRF",
		"vrrp_instance: native_ipv6": "TestNativeIPv6", "vrrp_sync_group: group": "TestSyncGroupMembers",
		"(root): vrrp_sync_group": "TestSyncGroupMembers", "track_file: file": "the row of track_file",
		"virtual_server: ip_family":                  "TestServiceFamily",
		"virtual_server/real_server/BFD_CHECK: name": "the row of BFD_CHECK",
	}
	for path, rows := range rowsByBlock() {
		for _, r := range rows {
			if elsewhere[path+": "+r.keyword] == "" && !slices.ContainsFunc(r.tries, func(x try) bool { return x.want != "" }) {
				t.Errorf("%s in %s: no try has an effect", r.keyword, path)
			}
		}
	}
}
