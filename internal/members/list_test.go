package members

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"vigil/confparse"
	"vigil/internal/fuzzing"
)

// shown is a list in short: "192.0.2.1:8080*3", without a weight that the source does not give.
func shown(list []confparse.Member) string {
	var words []string
	for _, m := range list {
		one := fmt.Sprintf("%s:%d", m.Addr, m.Port)
		if m.Weighted {
			one += fmt.Sprintf("*%d", m.Weight)
		}
		words = append(words, one)
	}
	return strings.Join(words, " ")
}

func TestLinesOfAList(t *testing.T) {
	for _, tt := range []struct{ text, want string }{
		{"", ""},
		{"\n  \n# nobody\n", ""},
		{`{"address":"192.0.2.1"}`, "192.0.2.1:0"},
		{`{"address":"192.0.2.2","port":8080,"weight":3}` + "\r\n" + ` {"weight": 0, "address": "192.0.2.1"} ` + "\n", "192.0.2.1:0*0 192.0.2.2:8080*3"},
		{`{"address":"2001:db8::1","port":65535}` + "\n" + `{"address":"2001:db8::1"}`, "2001:db8::1:0 2001:db8::1:65535"},
		{`{"address":"127.0.0.1"}`, "127.0.0.1:0"},

		{`{"address":"192.0.2.1"}` + "\n" + `{"address":"192.0.2.1","weight":2}`, "m:2: the member of line 1 again; write it once"},
		{"# a\n\n" + `{"address":"192.0.2.1","prot":8080}`, `m:3: "prot" is unknown; a member has address, port and weight`},
		{`{"address":"192.0.2.1","Port":8080}`, `m:1: "Port" is unknown; a member has address, port and weight`},
		{`{"address":"192.0.2.1","port":1,"port":2}`, "m:1: port stands there twice; write it once"},
		{`{"address":"192.0.2.1"`, "m:1: this is no JSON object on one line, " + example},
		{`{"address":"192.0.2.1",}`, "m:1: this is no JSON object on one line, " + example},
		{`["192.0.2.1"]`, "m:1: this is no JSON object on one line, " + example},
		{"192.0.2.1", "m:1: this is no JSON object on one line, " + example},
		{`{"address":"192.0.2.1"} {"address":"192.0.2.2"}`, "m:1: something follows the object; write one on a line, " + example},
		{`{}`, "m:1: the address is missing, " + example},
		{`{"port":80}`, "m:1: the address is missing, " + example},
		{`{"address":7}`, `m:1: "" is no address, such as "192.0.2.1" or "2001:db8::1"`},
		{`{"address":"web"}`, `m:1: "web" is no address, such as "192.0.2.1" or "2001:db8::1"`},
		{`{"address":["192.0.2.1"]}`, `m:1: "" is no address, such as "192.0.2.1" or "2001:db8::1"`},
		{`{"address":"0.0.0.0"}`, "m:1: 0.0.0.0 is not the address of a server; write that of a single one"},
		{`{"address":"224.0.0.1"}`, "m:1: 224.0.0.1 is not the address of a server; write that of a single one"},
		{`{"address":"255.255.255.255"}`, "m:1: 255.255.255.255 is not the address of a server; write that of a single one"},
		{`{"address":"fe80::1"}`, "m:1: fe80::1 is of a link, of which a member has none; write a global address"},
		{`{"address":"fe80::1%eth0"}`, "m:1: fe80::1%eth0 is of a link, of which a member has none; write a global address"},
		{`{"address":"::ffff:192.0.2.1"}`, "m:1: ::ffff:192.0.2.1 is an address of IPv4; write it as 192.0.2.1"},
		{`{"address":"192.0.2.1","port":0}`, "m:1: a port is a number, 1 to 65535; leave it out for that of the virtual server"},
		{`{"address":"192.0.2.1","port":65536}`, "m:1: a port is a number, 1 to 65535; leave it out for that of the virtual server"},
		{`{"address":"192.0.2.1","port":"80"}`, "m:1: a port is a number, 1 to 65535; leave it out for that of the virtual server"},
		{`{"address":"192.0.2.1","port":8e1}`, "m:1: a port is a number, 1 to 65535; leave it out for that of the virtual server"},
		{`{"address":"192.0.2.1","port":null}`, "m:1: a port is a number, 1 to 65535; leave it out for that of the virtual server"},
		{`{"address":"192.0.2.1","weight":-1}`, "m:1: a weight is a number, 0 to 2147483647; leave it out for that of real_servers_from"},
		{`{"address":"192.0.2.1","weight":2147483648}`, "m:1: a weight is a number, 0 to 2147483647; leave it out for that of real_servers_from"},
		{`{"address":"192.0.2.1","weight":{}}`, "m:1: a weight is a number, 0 to 2147483647; leave it out for that of real_servers_from"},
	} {
		list, err := parse("m", []byte(tt.text))
		got := shown(list)
		if line := (*LineError)(nil); errors.As(err, &line) {
			got = line.Error()
		}
		if got != tt.want || err != nil && list != nil {
			t.Errorf("%s\n got %s, %v\nwant %s", tt.text, got, err, tt.want)
		}
	}
}

func TestListsAreBounded(t *testing.T) {
	var b bytes.Buffer
	for i := range confparse.MaxMembers {
		fmt.Fprintf(&b, "{\"address\":\"10.0.%d.%d\"}\n", i>>8, i&255)
	}
	if list, err := parse("m", b.Bytes()); len(list) != confparse.MaxMembers || err != nil {
		t.Fatalf("%d members, %v", len(list), err)
	}
	b.WriteString(`{"address":"192.0.2.1"}`)
	if list, err := parse("m", b.Bytes()); list != nil || err == nil || !strings.HasPrefix(err.Error(), "m:65537: more than 65536 members") {
		t.Errorf("%d members, %v", len(list), err)
	}
}

// FuzzList: any text is a list in order with usable addresses, none twice, or a mistake with its line; and what a list is written as is
// that list.
func FuzzList(f *testing.F) {
	for _, s := range []string{"", "#\n\n", `{"address":"192.0.2.1","port":8080,"weight":3}` + "\n" + `{"address":"2001:db8::1"}`, `{"address":`, "{\"address\":\"\\u0031.2.3.4\"}",
		strings.Repeat("[", 1000), `{"a":{"a":{"a":1}}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var list []confparse.Member
		var err error
		fuzzing.Within(t, time.Second, func() { list, err = parse("m", text) })
		if err != nil {
			line := (*LineError)(nil)
			if !errors.As(err, &line) || line.Line < 1 || line.Line > bytes.Count(text, []byte("\n"))+1 || list != nil || strings.Contains(line.Why, "\n") {
				t.Fatalf("%v, %v", list, err)
			}
			return
		}
		var b strings.Builder
		for i, m := range list {
			if usable(m.Addr) != nil || m.Weight < 0 || i > 0 && list[i-1].Compare(m) >= 0 {
				t.Fatalf("%+v in %+v", m, list)
			}
			fmt.Fprintf(&b, `{"address":"%s"`, m.Addr)
			if m.Port > 0 {
				fmt.Fprintf(&b, `,"port":%d`, m.Port)
			}
			if m.Weighted {
				fmt.Fprintf(&b, `,"weight":%d`, m.Weight)
			}
			b.WriteString("}\n")
		}
		if again, err := parse("m", []byte(b.String())); err != nil || !slices.Equal(again, list) {
			t.Fatalf("%+v reads back as %+v, %v", list, again, err)
		}
	})
}
