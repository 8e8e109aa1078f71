#!/bin/bash
# A tunnel among others' things: behind address translation, under policy routing, in a tunnel, with
# its own endpoint behind itself, in namespaces that go, and with what a process inherits.
# takes: 24
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair

left() { on "$ns_left" "$@"; }

show() { # SIDE WHAT: of `wg show` what it says of the side's only peer
	local if=if_$1
	on "$(side_ns "$1")" wg show "${!if}" "$2" | cut -f 2-
}

process() { ip netns pids "$(side_ns "$1")" | head -n 1; }

cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; } # PID; 100 a second

# ---- behind a router that translates addresses

# Left's other way out, of 10.70.0.0/24, which right knows nothing of; a mapping lives for 2 s.
router() {
	namespace router
	ip -n "$ns_left" link add inside type veth peer name inside netns "$ns_router"
	ip -n "$ns_right" link add outside type veth peer name outside netns "$ns_router"
	ip -n "$ns_left" addr add 10.70.0.1/24 dev inside
	ip -n "$ns_router" addr add 10.70.0.254/24 dev inside
	ip -n "$ns_router" addr add 10.71.0.254/24 dev outside
	ip -n "$ns_right" addr add 10.71.0.2/24 dev outside
	ip -n "$ns_left" link set inside up
	ip -n "$ns_right" link set outside up
	ip -n "$ns_router" link set inside up
	ip -n "$ns_router" link set outside up
	ip -n "$ns_left" route add 10.71.0.0/24 via 10.70.0.254
	on "$ns_router" sysctl -qw net.ipv4.ip_forward=1
}

translate() {
	on "$ns_router" nft -f - <<-END
		table ip nat {
			chain out {
				type nat hook postrouting priority 100;
				oifname "outside" masquerade fully-random
			}
		}
	END
	on "$ns_router" sysctl -qw net.netfilter.nf_conntrack_udp_timeout{,_stream}=2
}

no_mapping() { ! on "$ns_router" grep -q '^ipv4.* udp .*dport=51822' /proc/net/nf_conntrack; }

reached() { on "$ns_right" ping -c 1 -W 0.5 10.77.0.1; }

# Once a mapping is gone, right's packets don't come through until left's have made another one,
# from another port, which right follows.
translated() {
	local first
	ends "$ours" "$ours" 4 left
	left wg set "$if_left" peer "$key_right" endpoint 10.71.0.2:51822
	pings left 4
	pings right 6
	first=$(show right endpoints)
	match "$first" '^10\.71\.0\.254:'
	until_true 10 no_mapping
	match "$(reached || true)" ' 0 received'
	equal "$(show right endpoints)" "$first"
	pings left 4
	match "$(show right endpoints)" '^10\.71\.0\.254:'
	[[ $(show right endpoints) != "$first" ]]
	pings right 6
}

# Keepalives each 0.1 s, by this clock.
mapping_kept() {
	local first end
	export WGBENCH_TUNNEL_SWITCHES=clock-scale=10
	ends "$ours" "$ours" 4 left
	left wg set "$if_left" peer "$key_right" endpoint 10.71.0.2:51822 persistent-keepalive 1
	until_true 5 reached
	first=$(show right endpoints)
	end=$((SECONDS + 3))
	while ((SECONDS < end)); do
		! no_mapping || return 1
		sleep 0.1
	done
	pings right 4
	equal "$(show right endpoints)" "$first"
}

router
if ! reason=$(translate 2>&1); then
	skip "behind address translation" "the router can't translate: ${reason%%$'\n'*}"
else
	check "behind NAT, a changed port is followed" translated
	check "persistent keepalives alone keep a NAT mapping open" mapping_kept
fi
ip -n "$ns_left" link del inside

# ---- policy routing

# As wg-quick does it: all that isn't marked goes into the tunnel, but for what has a route of its
# own. A request and its answer each have 84 bytes of IPv4, padded to 96, or 104 of IPv6, to 112.
everything() { # FAMILY
	local prefix=0.0.0.0/0 far=10.88.0.2 near=10.68.0.2 way=10.66.0.2 at=10.68.0.2 bytes=128
	[[ $1 == 4 ]] || prefix=::/0 far=fd88::2 near=fd68::2 way=fd66::2 at='[fd68::2]' bytes=144
	ip -n "$ns_right" addr add "$far" dev lo
	ip -n "$ns_right" addr add "$near" dev lo
	ip -n "$ns_left" route add default via "$way"
	left sysctl -qw net.ipv4.conf.{all,outer}.rp_filter=2
	ends "$ours" "$ours" "$1" left
	left wg set "$if_left" fwmark 51820 \
		peer "$key_right" endpoint "$at:51822" allowed-ips "$prefix"
	ip -n "$ns_left" route add "$prefix" dev "$if_left" table 51820
	ip -n "$ns_left" -"$1" rule add not fwmark 51820 table 51820
	ip -n "$ns_left" -"$1" rule add table main suppress_prefixlength 0
	# With -W, not -w: no request more.
	left ping -c 5 -i 0.01 -W 3 "$far"
	left ping -c 5 -i 0.01 -W 3 "$(inner right "$1")"
	# Nothing has gone round.
	equal "$(show right transfer)" "$((148 + 10 * bytes))"$'\t'"$((92 + 10 * bytes))"
}

unroute() { # FAMILY
	ip -n "$ns_left" -"$1" rule del table main suppress_prefixlength 0
	ip -n "$ns_left" -"$1" rule del not fwmark 51820 table 51820
	ip -n "$ns_left" -"$1" route del default
}

for family in 4 6; do
	check "with a default route into it, only its own packets stay outside, over IPv$family" everything $family
	unroute $family
done

# ---- a tunnel in a tunnel

# in_tunnel OUTER-FAMILY INNER-FAMILY: the second one's ends know each other by inner addresses of the
# first, through which they have no more room than its MTU.
in_tunnel() {
	tunnels "$ours" "$ours" "$1" left
	local if_left=wt$$i if_right=wt$$j outer=77 inner=79 ports=5183 inner_mtu=1340
	# shellcheck disable=SC2064 # locals have gone by then
	trap "if_left=$if_left if_right=$if_right; tunnel_stop left; tunnel_stop right" EXIT
	tunnels "$ours" "$ours" "$2" right
	match "$(show left endpoints)" "^$(endpoint right "$2" | sed 's/[].[]/\\&/g')\$"
	pings left 4
	pings right 6
	transfer left 4
	transfer right 6
}
check "IPv6 in a tunnel in a tunnel over IPv4" in_tunnel 4 6
check "IPv4 in a tunnel in a tunnel over IPv6" in_tunnel 6 4

# Both on one interface of left's: what it sends to the one peer it routes to the other.
through_another() {
	tunnels "$ours" "$ours" 4 left
	wg genkey >"$keys/third"
	on "$ns_right" "$ours" "$if_third"
	trap 'ip -n "$ns_right" link del "$if_third"' EXIT
	on "$ns_right" wg set "$if_third" listen-port 51823 private-key "$keys/third" \
		peer "$key_left" allowed-ips 10.79.0.1/32
	ip -n "$ns_right" addr add 10.79.0.2/24 dev "$if_third"
	ip -n "$ns_right" link set "$if_third" up
	ip -n "$ns_left" addr add 10.79.0.1/24 dev "$if_left"
	left wg set "$if_left" peer "$(wg pubkey <"$keys/third")" allowed-ips 10.79.0.2/32 \
		endpoint 10.77.0.2:51823
	left ping -c 5 -i 0.01 -w 3 10.79.0.2
	left ping -c 2 -i 0.01 -w 3 -s 4000 10.79.0.2
	match "$(on "$ns_right" wg show "$if_third" endpoints)" '10\.77\.0\.1:51821'
}
check "a peer is reached through another peer of the same interface" through_another

# ---- a route to the endpoint that leads into the tunnel

turn() { ip -n "$ns_left" route "$1" "$2" dev "$if_left"; } # add|del ENDPOINT

# still SIDE: within a second the process takes less than a tenth of it.
still() {
	local pid before end=$((${EPOCHREALTIME/./} + 1000000))
	pid=$(process "$1")
	before=$(cpu_ticks "$pid")
	until_true 2 eval "((\${EPOCHREALTIME/./} > $end))"
	echo "$(($(cpu_ticks "$pid") - before)) ticks"
	(($(cpu_ticks "$pid") - before < 10))
}

# What goes round would grow, be cut into fragments, and those would grow: for ever, and as fast as
# can be.
looped() { # FAMILY
	local endpoint=10.66.0.2 prefix=32 size
	[[ $1 == 4 ]] || endpoint=fd66::2 prefix=128
	tunnels "$ours" "$ours" "$1" left
	left wg set "$if_left" peer "$key_right" \
		allowed-ips "10.77.0.2/32,fd77::2/128,$endpoint/$prefix"
	turn add $endpoint
	for size in 56 1300 4000; do
		match "$(left ping -c 5 -i 0.01 -W 0.3 -s $size 10.77.0.2 || true)" ' 0 received'
	done
	timeout 0.3 ip netns exec "$ns_left" socat -u -b 1200 OPEN:/dev/zero UDP4-SENDTO:10.77.0.2:9 || true
	until_true 5 still left # what is on its way may end first
	turn del $endpoint
	pings left 4
	pings right 6
	transfer left 4
}
check "an endpoint behind its own tunnel, over IPv4" looped 4
check "an endpoint behind its own tunnel, over IPv6" looped 6

# Before there is a session the initiation itself goes in.
looped_first() {
	export WGBENCH_TUNNEL_SWITCHES=clock-scale=10
	ends "$ours" "$ours" 4 left
	left wg set "$if_left" peer "$key_right" allowed-ips 10.77.0.2/32,10.66.0.2/32
	turn add 10.66.0.2
	match "$(left ping -c 5 -i 0.01 -W 0.3 10.77.0.2 || true)" ' 0 received'
	until_true 5 still left
	turn del 10.66.0.2
	until_true 3 ping_once left
	pings right 4
}
check "an endpoint behind its own tunnel before the first session" looped_first

# ---- namespaces that go

# The interface alone is there, the sockets stay where they were made: it goes with the namespace, and
# so does the process.
namespace_goes() {
	local pid
	tunnels "$ours" "$ours" 4 left
	namespace inside
	ip -n "$ns_left" link set "$if_left" netns "$ns_inside"
	ip -n "$ns_inside" addr add 10.77.0.1/24 dev "$if_left"
	ip -n "$ns_inside" link set "$if_left" up
	until_true 5 on "$ns_inside" ping -c 1 -W 1 -q 10.77.0.2
	ip netns exec "$ns_right" ping -q -f 10.77.0.1 >/dev/null &
	trap 'kill %1' EXIT
	until_true 3 on "$ns_right" ping -c 1 -W 1 -q 10.77.0.1
	pid=$(process left)
	ip netns del "$ns_inside"
	until_true 5 gone "$pid"
	no_socket "$if_left"
	equal "$(ip netns pids "$ns_left")" ""
}
check "the interface's namespace is deleted under traffic" namespace_goes

# A process keeps its namespace although it has lost its name.
name_goes() {
	local pid
	namespace nameless
	on "$ns_nameless" "$ours" wt$$n
	pid=$(ip netns pids "$ns_nameless")
	ip netns del "$ns_nameless"
	# shellcheck disable=SC2064
	trap "kill -KILL $pid 2>/dev/null || true" EXIT
	wg show wt$$n
	kill "$pid"
	until_true 5 gone "$pid"
	no_socket wt$$n
}
check "the process's own namespace is unnamed" name_goes

# ---- what a process is started with

listens() { left ss -Hlun "sport = :$1" | grep -q .; }

# begins WRAPPER...: under it the daemon starts, its socket is the owner's alone, the link's changes
# are followed, and SIGTERM leaves nothing.
begins() {
	local pid
	left "$@" "$ours" "$if_left"
	pid=$(process left)
	equal "$(stat -c %a "$sockets/$if_left.sock")" 700
	left wg set "$if_left" listen-port 51829
	ip -n "$ns_left" link set "$if_left" up
	until_true 5 listens 51829
	kill "$pid"
	until_true 5 gone "$pid"
	no_socket "$if_left"
}

tunnel_stop left
tunnel_stop right
while IFS='|' read -r name wrapper; do
	check "starts $name" begins bash -c "$wrapper"' "$@"' "$keys"
done <<-'END'
	without descriptors 0 to 2|exec <&- >&- 2>&-; exec
	with descriptors of others, and a folder that is gone|exec 7<"$0" 200<&7; mkdir "$0/gone"; cd "$0/gone"; rmdir "$0/gone"; exec
	with umask 0|umask 0; exec
	with umask 777|umask 777; exec
	with a strange environment|exec env -i LC_ALL=xx_YY.none LANG=$'\xff' PATH="$PATH"
	with few descriptors|exec prlimit --nofile=24:1024
	where no file may grow and no memory be locked|exec prlimit --fsize=0 --memlock=0 --core=0
	with every signal ignored and blocked|exec env --ignore-signal --block-signal
	with the lowest priority|exec nice -n 19
END

# fails ERE WRAPPER...: under it the start fails with 1, says why, and leaves nothing.
fails() {
	local ere=$1 status=0
	shift
	left "$@" "$ours" "$if_left" >"$keys/out" 2>&1 || status=$?
	match "$(<"$keys/out")" "$ere"
	equal $status 1
	until_true 5 idle "$ns_left"
}

# In its own mount namespace, as `ip netns exec` has one.
run=$(readlink -f /var/run)
while IFS='|' read -r name ere prepare; do
	# shellcheck disable=SC2016
	check "fails where $name" fails "$ere" \
		bash -c 'mount -t tmpfs none "$0"; cd "$0"; '"$prepare"'; exec "$@"' "$run"
done <<-'END'
	a file is in the place of the sockets' folder|isn't a directory; remove it|touch wireguard
	the sockets' folder is a link to nowhere|leads nowhere|ln -s nowhere wireguard
	there is a loop of links|leads nowhere|ln -s wireguard wireguard
	nothing can be written|a file system there that can be written to|mkdir wireguard; mount -o remount,ro .
	the sockets' folder is somebody else's|root must own|mkdir -m 700 wireguard; chown 65534 wireguard
END
check "fails where the switches make no sense" fails nonsense \
	env WGBENCH_TUNNEL_SWITCHES=queues=nonsense
# Whether somebody hears why or not: there is something in the place of its interface.
deaf() { # REDIRECTIONS
	ip -n "$ns_left" link add "$if_left" type veth peer name occupied
	trap 'ip -n "$ns_left" link del "$if_left"' EXIT
	fails '^$' bash -c "exec $1"'; wait $! || true; exec "$@"' -
}
check "fails where stderr is closed" deaf '<&- >&- 2>&-'
check "fails where the reader of stderr is gone" deaf '2> >(exec true)'

# begins_below PREPARE: of the folder of runtime data.
begins_below() {
	# shellcheck disable=SC2016
	left bash -c 'set -e; mount -t tmpfs none "$0"; cd "$0"; eval "$2"; "$3" "$1"; wg show "$1"
		ip link del "$1"' "$run" "$if_left" "$1" "$ours"
	until_true 5 idle "$ns_left"
}
check "starts where the sockets' folder is missing, whatever the umask is" begins_below 'umask 777'
check "starts where the sockets' folder is a link" begins_below 'mkdir there; ln -s there wireguard'

# Traffic and handshakes.
least() {
	cat >"$keys/least" <<-'END'
		#!/bin/bash
		exec prlimit --stack=65536:65536 --nofile=32:32 --as=100000000 --fsize=0 --memlock=0 \
			env --ignore-signal --block-signal "$LEAST" "$@" <&- >&- 2>&-
	END
	chmod +x "$keys/least"
	export LEAST=$ours
	tunnels "$keys/least" "$ours" 4 left
	pings left 4
	transfer left 4
	transfer right 6
}
if [[ ${PROFILE:-release} == [at]san ]]; then
	skip "a session under the tightest limits" "a sanitizer needs more"
else
	check "a session under the tightest limits" least
fi

# ---- who reads what it says

# A status is some 2 KB, a pipe holds 64. Handshakes are the work of the thread that prints.
nobody_reads() {
	local i pipe=$keys/pipe
	mkfifo "$pipe"
	exec 5<>"$pipe"
	ip netns exec "$ns_left" "$ours" --foreground "$if_left" 2>"$pipe" 5<&- &
	until_true 10 left wg show "$if_left" >/dev/null 2>&1
	for ((i = 0; i < 60; i++)); do
		kill -USR1 $!
		left wg show "$if_left" >/dev/null
	done
	tunnel_configure left
	tunnel_peer left endpoint "$(endpoint right 4)"
	until_true 10 ping_once left
	exec 5<&- # then the reader goes
	kill -USR1 $!
	left wg set "$if_left" private-key "$keys/third"
	left wg set "$if_left" private-key "$keys/left"
	until_true 10 ping_once left
	kill $!
	wait $!
	no_socket "$if_left"
}
tunnel_stop left
tunnel_stop right
tunnel_start right "$ours"
tunnel_peer right
check "an unread log, or one whose reader is gone, costs the tunnel nothing" nobody_reads
plan
