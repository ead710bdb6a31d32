package confparse

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"vigil/confparse/diag"
)

// AuthType is auth_type of a VRRPv2 instance, numbered as on the wire (RFC 3768 §5.3.6).
type AuthType uint8

// The authentication types.
const (
	AuthNone AuthType = 0
	AuthPass AuthType = 1
	AuthAH   AuthType = 2
)

// AuthHMAC is auth_hmac, an extension of keepalived 2.4.
type AuthHMAC struct {
	Range       Range
	Keys        []HMACKey
	ActiveKey   uint8
	TimeWindow  time.Duration // as written; 0 = from the interval
	Window      time.Duration // settled
	Monotonic   bool          // anti_replay monotonic
	Permissive  bool          // mode permissive
	ReceiveOnly bool          // mode receive-only
}

// HMACKey is one key of auth_hmac.
type HMACKey struct {
	ID     uint8
	Text   string // as written: text, hex:… or file:…
	Secret string // the key itself; "" where the file of it was not read, as without a System
}

// Signs reports whether adverts are signed.
func (h *AuthHMAC) Signs() bool { return h != nil && !h.ReceiveOnly }

// Key returns the key with a number.
func (h *AuthHMAC) Key(id uint8) (HMACKey, bool) {
	i := slices.IndexFunc(h.Keys, func(k HMACKey) bool { return k.ID == id })
	if i < 0 {
		return HMACKey{}, false
	}
	return h.Keys[i], true
}

// authenticationRows are the rows of vrrp_instance that open a block about authentication.
var authenticationRows = blockOf[instanceScratch]{
	ownRow("authentication", "", func(d *decoder, n *Node, vi *instanceScratch) {
		vi.authAt = n
		authenticationBlock.update(d, n, vi)
	}, func(p *printer, vi *instanceScratch) {
		if vi.AuthType != AuthNone {
			p.open("authentication")
			authenticationBlock.write(p, vi)
			p.close()
		}
	}).opening(inAuthentication),
	ownRow("auth_hmac", "", func(d *decoder, n *Node, vi *instanceScratch) {
		vi.HMAC = &AuthHMAC{Range: n.RangeOf(n.Keyword)}
		hmacBlock.decode(d, n, vi.HMAC)
	}, func(p *printer, vi *instanceScratch) {
		if vi.HMAC != nil {
			p.open("auth_hmac")
			hmacBlock.write(p, vi.HMAC)
			p.close()
		}
	}).opening(inAuthHMAC).from("2.4.0"),
}

// authenticationBlock is the rows of authentication.
var authenticationBlock = blockOf[instanceScratch]{
	ownWordRow("auth_type", oneWord, "", (*decoder).authType, func(p *printer, vi *instanceScratch) {
		p.line("auth_type", map[AuthType]string{AuthPass: "PASS", AuthAH: "AH"}[vi.AuthType])
	}),
	ownWordRow("auth_pass", oneWord, "", (*decoder).authPass, func(p *printer, vi *instanceScratch) { p.text("auth_pass", vi.AuthPass) }),
}

// hmacBlock is the rows of auth_hmac.
var hmacBlock = blockOf[AuthHMAC]{
	ownRow("key", "", (*decoder).hmacKey, func(p *printer, h *AuthHMAC) {
		for _, k := range h.Keys {
			p.line("key", k.ID, quoted(k.Text))
		}
	}).from("2.4.0"),
	countRow("active_key", wholeStrict(1, 255), 0, func(h *AuthHMAC) *uint8 { return &h.ActiveKey }).because("").from("2.4.0"),
	secondsRow("time_window", wholeStrict(1, 300), 0, func(h *AuthHMAC) *time.Duration { return &h.TimeWindow }).
		because("three intervals, 5 to 300").from("2.4.0").printed(func(p *printer, h *AuthHMAC) {
		if h.TimeWindow > 0 {
			p.seconds("time_window", h.TimeWindow)
		}
	}),
	ownWordRow("anti_replay", oneWord, "time", func(d *decoder, n *Node, s string, h *AuthHMAC) {
		d.oneOf(n, s, map[string]func(){"time": func() { h.Monotonic = false }, "monotonic": func() { h.Monotonic = true }},
			"use time or monotonic")
	}, func(p *printer, h *AuthHMAC) { p.flag(h.Monotonic, "anti_replay monotonic") }).from("2.4.0"),
	ownWordRow("mode", oneWord, "enforce", func(d *decoder, n *Node, s string, h *AuthHMAC) {
		d.oneOf(n, s, map[string]func(){"enforce": func() { h.Permissive, h.ReceiveOnly = false, false },
			"permissive":   func() { h.Permissive, h.ReceiveOnly = true, false },
			"receive-only": func() { h.Permissive, h.ReceiveOnly = false, true }},
			"use enforce, permissive or receive-only")
	}, func(p *printer, h *AuthHMAC) {
		p.flag(h.Permissive, "mode permissive")
		p.flag(h.ReceiveOnly, "mode receive-only")
	}).from("2.4.0"),
}

func (d *decoder) authType(n *Node, s string, vi *instanceScratch) {
	switch s {
	case "PASS":
		vi.AuthType = AuthPass
	case "AH":
		vi.AuthType = AuthAH
	default:
		vi.badAuth = true
		d.report(n, n.RangeOf(n.Args[0]), diag.CodeUnknownWord,
			fmt.Sprintf("(%s) unknown authentication type '%s'", vi.Name, s), "use PASS or AH")
	}
}

// maxPassword is the length of the authentication field (RFC 2338 §5.3.10).
const maxPassword = 8

func (d *decoder) authPass(n *Node, s string, vi *instanceScratch) {
	if len(s) > maxPassword {
		d.report(n, n.RangeOf(n.Args[0]), diag.CodePasswordTruncated,
			fmt.Sprintf("Truncating auth_pass to %d characters", maxPassword), "VRRPv2 carries no more")
		s = s[:maxPassword]
	}
	vi.AuthPass = s
}

// hmacKey decodes "key ID TEXT|hex:HEX|file:PATH".
func (d *decoder) hmacKey(n *Node, h *AuthHMAC) {
	if len(n.Args) < 2 {
		d.missing(n, false)
		return
	}
	id, ok := d.wholeNumber(n, n.Args[0], wholeStrict(1, 255))
	if !ok {
		return
	}
	text := n.Arg(1)
	secret, ok := d.secret(n, text)
	if !ok {
		return
	}
	if size := len(secret); size < 32 || size > 64 {
		if unread := strings.HasPrefix(text, keyFile) && d.env.System.KeyFile == nil; !unread {
			d.report(n, n.RangeOf(n.Args[1]), diag.CodeHMAC, fmt.Sprintf("key %d has %d bytes - ignoring", id, size),
				"a key has 32 to 64 bytes")
			return
		}
	}
	for _, k := range h.Keys {
		if k.ID == uint8(id) {
			d.report(n, n.RangeOf(n.Args[0]), diag.CodeRepeated, fmt.Sprintf("key %d is already defined - ignoring", id), "")
			return
		}
	}
	h.Keys = append(h.Keys, HMACKey{ID: uint8(id), Text: d.intern(text), Secret: secret})
}

const (
	keyFile = "file:"
	keyHex  = "hex:"
	// maxKeyFile is how many bytes a file with a key has at most: 64 in hexadecimal, and the end of the line.
	maxKeyFile = 139
)

// secret is the key that is written as text, which may be the name of a file with such a text.
func (d *decoder) secret(n *Node, text string) (string, bool) {
	at := n.RangeOf(n.Args[1])
	if path, ok := strings.CutPrefix(text, keyFile); ok {
		if d.env.System.KeyFile == nil {
			return "", true
		}
		content, mode, err := d.env.System.KeyFile(path)
		if err == nil && len(content) > maxKeyFile {
			err = fmt.Errorf("%s has more than %d bytes", path, maxKeyFile)
		}
		if err != nil {
			d.report(n, at, diag.CodeHMAC, fmt.Sprintf("key file cannot be read: %v - ignoring", err), "")
			return "", false
		}
		if mode.Perm()&0o077 != 0 {
			d.report(n, at, diag.CodeKeyFile, fmt.Sprintf("key file %s can be read by others than its owner", path), "chmod 600 "+path)
		}
		text = strings.TrimRight(string(content), "\r\n")
	}
	digits, ok := strings.CutPrefix(text, keyHex)
	if !ok {
		return strings.Clone(text), true
	}
	raw, err := hex.DecodeString(digits)
	if err != nil {
		d.report(n, at, diag.CodeBadHex, "the key is not hexadecimal", "")
		return "", false
	}
	return string(raw), true
}

func (d *decoder) settleAuthentication(vi *instanceScratch) {
	if vi.AuthType == AuthAH && vi.State == StateMaster && vi.Priority != 255 {
		d.about(vi.authAt, diag.CodeAuthIgnored, fmt.Sprintf(
			"(%s) Initial state master is incompatible with AH authentication - clearing", vi.Name), "")
		vi.State = StateBackup
	}
	if vi.AuthType == AuthNone && vi.AuthPass == "" {
		return
	}
	drop := ""
	switch {
	case vi.badAuth:
		vi.AuthPass = ""
		return
	case vi.Version == 3:
		drop = fmt.Sprintf("(%s) VRRP version 3 does not support authentication. Ignoring.", vi.Name)
	case vi.Family == IPv6:
		drop = fmt.Sprintf("(%s) authentication cannot be used with IPv6. Ignoring.", vi.Name)
	case vi.HMAC != nil:
		drop = fmt.Sprintf("(%s) authentication cannot be used with auth_hmac. Ignoring.", vi.Name)
	case vi.AuthPass == "" && vi.AuthType != AuthNone:
		drop = fmt.Sprintf("(%s) authentication specified but no password given", vi.Name)
	case vi.AuthType == AuthNone:
		d.about(vi.authAt, diag.CodeUnknownOption, fmt.Sprintf("(%s) auth_pass without auth_type is ignored", vi.Name),
			"write auth_type PASS")
		vi.AuthPass = ""
		return
	default:
		return
	}
	d.about(vi.authAt, diag.CodeAuthIgnored, drop, "")
	vi.AuthType, vi.AuthPass = AuthNone, ""
}

// settleHMAC fills in what depends on the instance. A key that is missing leaves the instance in FAULT: without
// authentication, as keepalived goes on, anybody could make it do what he likes.
func (d *decoder) settleHMAC(vi *instanceScratch) {
	h := vi.HMAC
	if h == nil {
		return
	}
	h.Window = h.TimeWindow
	if h.Window == 0 {
		h.Window = max(5*time.Second, min(300*time.Second, 3*vi.AdvertInterval.Truncate(time.Second)))
	}
	if vi.Strict && (h.Permissive || h.ReceiveOnly) {
		d.report(vi.node, h.Range, diag.CodeStrict, fmt.Sprintf("(%s) Strict mode requires auth_hmac mode enforce - resetting", vi.Name), "")
		h.Permissive, h.ReceiveOnly = false, false
	}
	if _, known := h.Key(h.ActiveKey); !known && h.Signs() {
		d.report(vi.node, h.Range, diag.CodeHMAC, fmt.Sprintf("(%s) auth_hmac: the active key %d is not defined", vi.Name, h.ActiveKey),
			"the instance stays in FAULT; keepalived would go on without authentication. active_key names the key that adverts are signed with")
		vi.HMACWithoutKey = true
	}
}
