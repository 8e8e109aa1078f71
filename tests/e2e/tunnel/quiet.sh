#!/bin/bash
# The kernel sends nothing of its own through the interface, as with its own WireGuard: no redirects
# between peers, no router solicitations, no reports of multicast groups.
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair
third_link

left() { on "$ns_left" "$@"; }

redirects() { left cat "/proc/sys/net/ipv4/conf/$1/send_redirects"; }

# What the kernel would take for a reason to send: none of it is there. A link that forwards joins the
# group of all routers.
silent() {
	equal "$(redirects "$if_left")" 0
	equal "$(left cat "/proc/sys/net/ipv6/conf/$if_left/addr_gen_mode")" 1
	equal "$(ip -n "$ns_left" -6 addr show dev "$if_left" scope link)" ""
	! ip -n "$ns_left" -6 maddr show dev "$if_left" | grep -w ff02::2
	! ip -n "$ns_left" link show "$if_left" | grep -w MULTICAST
}

from_the_start() {
	left sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	left sysctl -qw net.ipv4.conf.{all,default}.send_redirects=1
	tunnels "$ours" "$ours" 4 left
	equal "$(redirects all)" 0
	silent
}
check "a new interface sends nothing of its own accord" from_the_start

hub() {
	third_start
	left wg set "$if_left" peer "$key_third" allowed-ips 10.77.0.3/32
	on "$ns_right" wg set "$if_right" peer "$key_left" allowed-ips 10.77.0.0/24
	until_true 10 on "$ns_third" ping -c 1 -W 1 -q 10.77.0.1
	on "$ns_right" ping -c 4 -i 0.05 -w 5 10.77.0.3 >"$keys/pings"
	cat "$keys/pings"
	grep -q '4 received' "$keys/pings"
	! grep -i redirect "$keys/pings"
}
check "a hub sends no redirects between its peers" hub

# $1, as the interface is then.
again() {
	local after=$1
	left sysctl -qw "net.ipv4.conf.$if_left.send_redirects=1"
	ip -n "$ns_left" link set "$if_left" addrgenmode eui64
	$after
	until_true 5 quietly silent
	silent
}
quietly() { ("$@") >/dev/null 2>&1; }
down_and_up() {
	ip -n "$ns_left" link set "$if_left" down
	until_true 5 quietly silent
	ip -n "$ns_left" link set "$if_left" up
}
# The kernel takes IPv6 off the interface and puts it back as its defaults say.
small_mtu() {
	down_and_up
	ip -n "$ns_left" link set "$if_left" down
	ip -n "$ns_left" link set "$if_left" mtu 1279
	ip -n "$ns_left" link set "$if_left" mtu 1420
	until_true 5 quietly silent
	ip -n "$ns_left" link set "$if_left" up
}
check "nor after the link has been down" again down_and_up
check "nor after an MTU too small for IPv6" again small_mtu

users_own() {
	left sysctl -qw "net.ipv4.conf.$if_left.send_redirects=1"
	ip -n "$ns_left" link set "$if_left" mtu 1300
	until_true 5 eval 'left wg show "$if_left" >/dev/null'
	pings left 4
	equal "$(redirects "$if_left")" 1
}
check "settings that a user changes while it is up are kept" users_own

# said COUNT ERE: so many lines of the tunnel's match.
said() { equal "$(grep -cE "$2" "$keys/left.log" || true)" "$1"; }

read_only() {
	tunnel_stop left
	left sysctl -qw net.ipv4.conf.{all,default}.send_redirects=1
	ip netns exec "$ns_left" bash -c 'mount --bind /proc/sys /proc/sys &&
		mount -o remount,bind,ro /proc/sys && exec "$@"' - "$ours" --foreground "$if_left" 2>"$keys/left.log" &
	until_true 10 left wg show "$if_left" >/dev/null 2>&1
	silent
	equal "$(redirects all)" 1
	ip -n "$ns_left" link set "$if_left" up
	ip -n "$ns_left" link set "$if_left" down
	ip -n "$ns_left" link set "$if_left" up
	until_true 5 quietly silent
	said 1 'conf\.all\.send_redirects=0'
}
check "where /proc/sys is read-only it says once what to do, and goes on" read_only

moved() {
	ip -n "$ns_left" link set "$if_left" netns "$ns_third"
	until_true 5 said 1 'another network namespace.* addrgenmode none'
	ip -n "$ns_third" link set "$if_left" netns "$ns_left"
	until_true 5 quietly silent
	silent
}
check "moved to another namespace it says so, and moved back it is silent again" moved

without_ipv6() {
	tunnel_stop left
	left sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	ip netns exec "$ns_left" "$ours" --foreground "$if_left" 2>"$keys/left.log" &
	until_true 10 left wg show "$if_left" >/dev/null 2>&1
	equal "$(redirects "$if_left")" 0
	said 0 'cannot turn off'
}
check "a host that has disabled IPv6 is no reason to complain" without_ipv6
plan
