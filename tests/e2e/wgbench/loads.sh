#!/bin/bash
# The workloads idle, bloat and handshake-flood on a tunnel that runs: what they set up is there while
# they measure, and gone afterwards. Others may use the machine: what is measured is only seen to be
# possible.
# takes: 100
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
. tests/support/trials.bash

peers() { # SIDE: of the tunnel under test, which may be gone
	ip netns exec "wgb-$pid-0$1" wg show "wgb${pid}n0$1" allowed-ips 2>/dev/null || true
}
has_peers() { (($(peers "$1" | wc -l) == $2)); }

idle() {
	trial_s=5 start idle --workload idle:peers=300,keepalive=25 --workload ping
	until_true 120 has_peers l 301
	until_true 120 has_peers r 301
	match "$(peers l)" "10.78.1.43/32 fd78::12b/128"
	match "$(ip netns exec "wgb-$pid-0r" wg show "wgb${pid}n0r" persistent-keepalive)" "25"
	until_true 120 has_peers l 1 # the pings' trials have the real one alone
	ends
	metric idle idle cpu_percent | in_range 0 100
	metric idle idle cpu_us_per_s | in_range 0 1000000
	metric idle idle context_switches_per_s | in_range 0 100000
	metric idle ping p50_us | in_range 1 1000000
}
check "an idle tunnel's peers come and go, and its CPU time is measured" idle

# ---- bloat: its bottleneck is there while it measures, limits, and is gone for the next workload

inside() { ip netns exec "wgb-$pid-0$1" "${@:2}" 2>/dev/null || true; }
limited() { [[ $(inside "$1" tc qdisc show dev "$2") == *tbf* ]]; }
unlimited() { [[ $(inside l tc qdisc show)$(inside r tc qdisc show) != *@(tbf|ingress)* ]]; }
ecn() { equal "$(inside "$1" cat /proc/sys/net/ipv4/tcp_ecn)" "$2"; }

bloat() { # OUT PARAMETERS SIDE INTERFACE: where the bucket is
	local name="bloat:bottleneck=20$2"
	start "$1" --workload "$name,ecn=1,pps=200" --workload tcp
	until_true 120 limited "$3" "$4"
	ecn l 1
	ecn r 1
	# Both bloat trials of the block come before those of tcp.
	until_true 120 grep -q '"workload": *"tcp"' "$dir/$1/trials.jsonl"
	unlimited
	[[ ! $(inside r ip link show bottleneck0) ]]
	ecn l "$(</proc/sys/net/ipv4/tcp_ecn)"
	ecn r "$(</proc/sys/net/ipv4/tcp_ecn)"
	ends
	# Of 1494 bytes on the wire 1368 are payload, and a part of the queue may run out at the end.
	metric "$1" bloat goodput_gbps | in_range 0.01 0.0205
	metric "$1" bloat bottleneck_gbps | in_range 0.01 0.0206
	metric "$1" bloat sparse_loss_percent | in_range 0 50
	# Something waits where the bottleneck is, never longer than all queues can hold.
	metric "$1" bloat sparse_p99_us | in_range 2000 2000000
	metric "$1" tcp goodput_gbps | in_range 0.05 1000
	jq -es --arg at "$5" '[.[] | select(.workload != "tcp")] | length > 0 and all(.[];
		.environment.bottleneck == {at: $at, bytes_per_s: 2500000, burst_bytes: 73728, limit_bytes: 250000}
		and .environment.tcp_congestion_control == "cubic"
		and .environment.tunnel_tx_queue_len == {left: 500, right: 500}
		and (.samples | map(.[1]) | add) > 100)' "$dir/$1/trials.jsonl"
}
check "a bottleneck on the sending host limits, and goes" bloat near "" l outer0 sender
check "and where it comes in at the other" bloat far ,at=1,family=6,outer=6 r bottleneck0 receiver

without_bottleneck() {
	start bulk --workload bloat:flows=2
	ends
	metric bulk bloat goodput_gbps | in_range 0.05 1000
	metric bulk bloat sparse_p50_us | in_range 10 2000000
	metric bulk bloat sparse_max_us | in_range 10 6000000
	[[ ! $(metric bulk bloat bottleneck_gbps || true) ]]
	jq -es 'all(.[]; .environment | has("bottleneck") | not)' "$dir/bulk/trials.jsonl"
}
check "with the CPUs as the bottleneck" without_bottleneck

# ---- a flood of handshakes: what it comes from is there while it lasts

sources() { [[ $(inside "$1" ip $2 route show table all) == *"$3"* ]]; }
no_sources() { [[ $(inside l ip route show table all)$(inside r ip -6 route show table all) != *@(10.80|fd80)* ]]; }

handshake_flood() { # OUT PARAMETERS OPTION RANGE
	start "$1" --workload "handshake-flood:rate=20000$2" --workload tcp
	until_true 120 sources l "$3" "local $4"
	sources r "$3" "$4"
	until_true 120 grep -q '"workload": *"tcp"' "$dir/$1/trials.jsonl"
	no_sources
	ends
	metric "$1" handshake-flood goodput_kept_ratio | in_range 0.01 100
	metric "$1" handshake-flood goodput_control_gbps | in_range 0.01 1000
	metric "$1" handshake-flood initiations_per_s | in_range 1000 20100
	metric "$1" handshake-flood initiations_control_per_s | in_range 1000 20100
	metric "$1" handshake-flood memory_growth_kib | in_range -65536 16384
}
check "a flood of handshakes comes from many addresses, and goes" handshake_flood flood "" -4 10.80.0.0/16
check "and over IPv6" handshake_flood flood-six ,sources=500,family=6,outer=6 -6 fd80::/32

left_behind() {
	ip netns list | grep -o "^wgb-$pid-[^ ]*" || true
	ip -o link show type ifb | grep bottleneck || true
	pgrep -a -f "wgb${pid}n" || true
}
interrupted() { # PARAMETERS SIDE INTERFACE
	local status=0
	env --default-signal=INT "$wgbench" run --out "$dir/int-$2" --tunnel default --duration 5 --blocks 1 \
		--workload "bloat:bottleneck=20$1" >"$dir/log" 2>&1 &
	pid=$!
	trap 'kill -TERM $pid 2>/dev/null || true; wait $pid || true' EXIT
	until_true 120 limited "$2" "$3"
	kill -INT $pid
	wait $pid || status=$?
	equal $status 130
	equal "$(left_behind)" ""
}
check "SIGINT leaves no bottleneck on the sending host" interrupted "" l outer0
check "nor behind it" interrupted ,at=1 r bottleneck0

flood_interrupted() {
	local status=0
	env --default-signal=INT "$wgbench" run --out "$dir/int-flood" --tunnel default --duration 5 --blocks 1 \
		--workload handshake-flood >"$dir/log" 2>&1 &
	pid=$!
	trap 'kill -TERM $pid 2>/dev/null || true; wait $pid || true' EXIT
	until_true 120 flood_runs
	kill -INT $pid
	wait $pid || status=$?
	equal $status 130
	equal "$(left_behind)" ""
	! flood_runs
}
flood_runs() { [[ $(pgrep -P "$pid" -f 'wgbench-traffic flood') ]]; }
check "nor a flood" flood_interrupted

no_handshakes() {
	local status=0
	"$wgbench" run --out "$dir/veth" --tunnel veth --duration 1 --blocks 1 --workload handshake-flood \
		>"$dir/log" 2>&1 || status=$?
	grep -q '"status": *"failed", *"reason": *"no handshakes to flood' "$dir/veth/trials.jsonl"
}
check "what has no handshakes is told so" no_handshakes
plan
