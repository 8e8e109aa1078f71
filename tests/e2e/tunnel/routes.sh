#!/bin/bash
# What becomes of a session when the outer network changes under it: routes that move, addresses
# that go, a path that is narrower than the tunnel's packets.
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
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

seen() { on "$ns_right" wg show "$if_right" endpoints | cut -f 2; } # where right has left

# The right end tells from which of the uplinks' addresses packets come; what the first one's link
# carries from another is dropped on its way, as a provider does.
uplinks() { # FAMILY
	local via=10.66.0.2 via2=10.67.0.2 to=10.68.0.2 at=10.68.0.2
	own=10.66.0.1 own2=10.67.0.1
	[[ $1 == 4 ]] || via=fd66::2 via2=fd67::2 to=fd68::2 at='[fd68::2]' own='[fd66::1]' own2='[fd67::1]'
	ip -n "$ns_left" route replace "$to" via "$via" metric 10
	ip -n "$ns_left" route replace "$to" via "$via2" metric 20
	tunnels "$ours" "$ours" "$1" left
	left wg set "$if_left" peer "$key_right" endpoint "$at:51822"
	pings left 4
	equal "$(seen)" "$own:51821"
	first="$to via $via metric 10"
}

second_link_ipv6() {
	ip -n "$ns_left" route del 10.68.0.2
	ip -n "$ns_left" addr add fd67::1/64 dev outer2 nodad
	ip -n "$ns_right" addr add fd67::2/64 dev outer2 nodad
	ip -n "$ns_right" addr add fd68::2/128 dev lo
	# For as long as left's link is down.
	on "$ns_left" sysctl -qw net.ipv6.conf.outer.keep_addr_on_down=1
	on "$ns_right" nft -f - <<-END
		table inet provider {
			chain in {
				type filter hook prerouting priority 0;
				iifname outer2 ip saddr 10.66.0.1 udp sport 51821 counter drop
				iifname outer2 ip6 saddr fd66::1 udp sport 51821 counter drop
			}
		}
	END
}

# A packet that leaves before the tunnel has heard of the change may still be lost.
taken_by() { # ADDRESS
	until_true 5 ping_once left >/dev/null
	pings left 4
	equal "$(seen)" "$1:51821"
}

# Right keeps sending to the address it knows until a message comes from another.
route_taken() { # FAMILY
	uplinks "$1"
	ip -n "$ns_left" route del $first
	taken_by "$own2"
	ip -n "$ns_left" route add $first
	taken_by "$own"
}

link_taken() { # FAMILY
	uplinks "$1"
	trap 'ip -n "$ns_left" link set outer up' EXIT
	ip -n "$ns_left" link set outer down
	taken_by "$own2"
}

if ! second_link_ipv6; then
	skip "an uplink that takes over" "nftables can't be used here"
else
	check "a new uplink's own address is used at once, over IPv4" route_taken 4
	check "a new uplink's own address is used at once, over IPv6" route_taken 6
	check "so it is when the first uplink goes down, over IPv4" link_taken 4
	check "so it is when the first uplink goes down, over IPv6" link_taken 6
fi

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
check "a removed IPv4 source address is replaced at once" source_gone 4
check "a removed IPv6 source address is replaced at once" source_gone 6

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
