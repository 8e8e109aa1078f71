#!/bin/bash
# A session is held over new handshakes: a ping every 10 ms, and no reply may be lost while the keys
# change. Ours rekeys every 6 s with its clock at 20 times the speed. wireguard-go's own rekey comes
# after 120 s; it is waited for in a network of its own, by this same script called with `slow`.
# takes: 134
# waits: for the timers of WireGuard, which are two minutes long
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
pair

handshake() { on "$ns_left" wg show "$if_left" latest-handshakes | cut -f 2; }

# held CHANGES AGE_S LIMIT_S: pings from left to right until a key of at least that age has so often
# been replaced.
held() {
	local changes=0 last now end=$((SECONDS + $3))
	ip netns exec "$ns_left" ping -i 0.01 10.77.0.2 >"$keys/ping" &
	last=$(handshake)
	while ((changes < $1 && SECONDS < end)); do
		sleep 0.2
		now=$(handshake)
		((now - last < $2)) || changes=$((changes + 1))
		last=$now
	done
	# Under the new keys, too.
	sleep 1
	kill -INT $!
	wait $!
	tail -n 3 "$keys/ping"
	equal "$changes handshakes" "$1 handshakes"
	# The last request may have been on its way.
	awk '/bytes from/ { sub(/.*icmp_seq=/, ""); if ($1 > last) last = $1; n++ }
		END { print n " replies to the first " last; exit !n || n != last }' "$keys/ping"
}

rekeyed() { # LEFT RIGHT CHANGES AGE_S LIMIT_S; the left one initiates
	tunnels "$1" "$2" 4 left
	held "$3" "$4" "$5"
}

slow_passed() {
	cat "$keys/slow"
	grep -q "^ok" "$keys/slow"
}

if [[ ${1:-} == slow ]]; then
	# Where the answer comes before wireguard-go has set its timer for it, it begins anew after
	# 5 s. Such handshakes don't count.
	check "wireguard-go rekeys with ours" rekeyed "$go" "$ours" 1 100 180
	plan
	exit
fi

if [[ -x $go ]]; then
	"$0" slow >"$keys/slow" 2>&1 &
	slow=$!
	trap 'kill $slow 2>/dev/null || true; topology_clean' EXIT
fi

# After 18 s; if only on receive, at 165 s of age, it would be after 25 s.
export WGBENCH_TUNNEL_SWITCHES=clock-scale=20
check "ours rekeys with ours, three times" rekeyed "$ours" "$ours" 3 5 22
export WGBENCH_TUNNEL_SWITCHES=clock-scale=20,queues=4
check "four queues rekey with each other, three times" rekeyed "$ours" "$ours" 3 5 22
export WGBENCH_TUNNEL_SWITCHES=clock-scale=20
if [[ -x $go ]]; then
	check "ours rekeys with wireguard-go, three times" rekeyed "$ours" "$go" 3 5 22
	wait "$slow" || true # the check tells
	check "wireguard-go rekeys with ours after its 120 s" slow_passed
else
	reason="wireguard-go couldn't be fetched (scripts/fetch-external)"
	skip "ours rekeys with wireguard-go, three times" "$reason"
	skip "wireguard-go rekeys with ours after its 120 s" "$reason"
fi
plan
