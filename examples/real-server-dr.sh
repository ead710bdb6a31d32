#!/bin/sh
# Prepare a real server for direct routing: it must accept packets for a virtual address that its director owns, and must
# never answer or announce that address by ARP.
#
#   real-server-dr.sh apply VIP…    arp_ignore 1 and arp_announce 2 on all interfaces, then VIP/32 on lo
#   real-server-dr.sh undo  VIP…    take the addresses away; after the last one, restore the settings
#   real-server-dr.sh check [VIP…]  say what is missing; exit status 1 if anything is
#
# Applying twice is the same as applying once. Nothing survives a reboot: call it from the boot scripts.
set -eu

conf=/proc/sys/net/ipv4/conf/all
state=${REAL_SERVER_STATE:-/run/real-server-dr}   # the settings found at first, and the addresses applied since

usage() {
	sed -n 's/^#   //p' "$0" >&2
	exit 2
}

die() {
	echo "real-server-dr: $*" >&2
	exit 2
}

# valid ADDRESS: four numbers up to 255, separated by dots.
valid() {
	echo "$1" | awk -F. 'NF == 4 { for (i = 1; i <= 4; i++) if ($i !~ /^[0-9]+$/ || $i > 255) exit 1; exit 0 } { exit 1 }'
}

has() { ip -4 -o addr show dev lo | grep -qF " $1/32 "; }

apply() {
	if [ ! -e "$state/arp_ignore" ]; then
		mkdir -p "$state/vips"
		cat $conf/arp_announce >"$state/arp_announce"
		cat $conf/arp_ignore >"$state/arp_ignore"
	fi
	# First the settings: an address must not be answered for even a moment.
	echo 1 >$conf/arp_ignore
	echo 2 >$conf/arp_announce
	for vip; do
		has "$vip" || ip addr add "$vip/32" dev lo
		: >"$state/vips/$vip"
	done
}

undo() {
	for vip; do
		if has "$vip"; then ip addr del "$vip/32" dev lo; fi
		rm -f "$state/vips/$vip"
	done
	[ -e "$state/arp_ignore" ] || return 0
	rmdir "$state/vips" 2>/dev/null || return 0
	cat "$state/arp_announce" >$conf/arp_announce
	cat "$state/arp_ignore" >$conf/arp_ignore
	rm -f "$state/arp_announce" "$state/arp_ignore"
	rmdir "$state"
}

check() {
	bad=0
	for want in arp_ignore=1 arp_announce=2; do
		name=${want%=*}
		is=$(cat "$conf/$name")
		if [ "$is" -ne "${want#*=}" ]; then
			echo "net.ipv4.conf.all.$name is $is, must be ${want#*=}"
			bad=1
		fi
	done
	for vip; do
		has "$vip" || { echo "$vip/32 is not on lo"; bad=1; }
	done
	return $bad
}

[ $# -ge 1 ] || usage
verb=$1
shift
for vip; do
	valid "$vip" || die "$vip is no IPv4 address"
done
case $verb in
apply | undo)
	[ $# -ge 1 ] || usage
	[ "$(id -u)" -eq 0 ] || die "must be root"
	"$verb" "$@"
	;;
check) check "$@" ;;
*) usage ;;
esac
