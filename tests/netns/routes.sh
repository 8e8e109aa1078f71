#!/bin/bash
# What becomes of a session when the outer network changes under it: routes that move, addresses
# that go, a path that is narrower than the tunnel's packets.
set -euo pipefail
. "$(dirname "$0")/lib/topology.bash"
pair

left() { on "$ns_left" "$@"; }

sent() { left cat "/sys/class/net/$1/statistics/tx_packets"; }

# A second link beside the first; the other side is reached at an address of its loopback.
second_link() {
	ip -n "$ns_left" link add outer2 type veth peer name outer2 netns "$ns_right"
	ip -n "$ns_left" addr add 10.67.0.1/24 dev outer2
	ip -n "$ns_right" addr add 10.67.0.2/24 dev outer2
	ip -n "$ns_left" link set outer2 up
	ip -n "$ns_right" link set outer2 up
	ip -n "$ns_right" addr add 10.68.0.2/32 dev lo
	ip -n "$ns_left" route add 10.68.0.2 via 10.66.0.2
	on "$ns_left" sysctl -qw net.ipv4.conf.{all,outer,outer2}.rp_filter=0
	on "$ns_right" sysctl -qw net.ipv4.conf.{all,outer,outer2}.rp_filter=0
}

route_moved() {
	local before
	second_link
	tunnels "$ours" "$ours" 4 left
	left wg set "$if_left" peer "$key_right" endpoint 10.68.0.2:51822
	pings left 4
	pings right 4
	ip -n "$ns_left" route replace 10.68.0.2 via 10.67.0.2
	before=$(sent outer2)
	pings left 4
	(($(sent outer2) >= before + 5))
}
check "a route that moves is followed at once" route_moved

# Answers come from the second address as long as there is one.
source_gone() { # FAMILY
	local own=10.66.0.1 second=10.66.0.9 prefix=24
	[[ $1 == 4 ]] || own='[fd66::1]' second='[fd66::9]' prefix=64
	tunnels "$ours" "$ours" "$1" left
	# Of IPv6, never chosen for itself.
	ip -n "$ns_left" addr add "$(tr -d '[]' <<<"$second")/$prefix" dev outer preferred_lft 0
	on "$ns_right" wg set "$if_right" peer "$key_left" endpoint "$second:51821"
	pings right 4
	pings left 6
	equal "$(on "$ns_right" wg show "$if_right" endpoints | cut -f 2)" "$second:51821"
	ip -n "$ns_left" addr del "$(tr -d '[]' <<<"$second")/$prefix" dev outer
	pings left 4
	equal "$(on "$ns_right" wg show "$if_right" endpoints | cut -f 2)" "$own:51821"
}
check "an IPv4 source address that goes is replaced at once" source_gone 4
check "an IPv6 source address that goes is replaced at once" source_gone 6

# 1300 bytes for packets of up to 1480: they go in fragments, and UDP_SEGMENT is refused.
narrow() {
	ip -n "$ns_left" link set outer mtu 1300
	ip -n "$ns_right" link set outer mtu 1300
	tunnels "$ours" "$ours" "$1" left
	pings left 4
	pings right 6
	transfer left 4
	transfer right 6
	iperf -n 8M --bidir
}
check "through a path narrower than the packets, over IPv4" narrow 4
check "through a path narrower than the packets, over IPv6" narrow 6
plan
