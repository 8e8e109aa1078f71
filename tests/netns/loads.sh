#!/bin/bash
# The workloads idle and overload on a tunnel that runs: what they set up is there while they
# measure, and gone afterwards.
set -euo pipefail
. "$(dirname "$0")/lib/topology.bash"
wgbench=$build/wgbench
dir=$keys # a folder that is removed at the end

start() { # OUT ARGUMENTS...
	"$wgbench" run --out "$dir/$1" --tunnel default --duration 1 --blocks 1 "${@:2}" >"$dir/log" 2>&1 &
	pid=$!
	trap 'kill -TERM $pid 2>/dev/null || true; wait $pid || true' EXIT
}

ends() {
	local status=0
	wait $pid || status=$?
	((status == 0)) || tail -n 5 "$dir/log"
	equal $status 0
}

peers() { # SIDE: of the tunnel under test, which may be gone
	ip netns exec "wgb-$pid-0$1" wg show "wgb${pid}n0$1" allowed-ips 2>/dev/null || true
}
has_peers() { (($(peers "$1" | wc -l) == $2)); }

# metric OUT WORKLOAD NAME: its value in every trial, a line each; no trial may have failed.
metric() {
	local line
	while read -r line; do
		match "$line" '"status": ?"(ok|contaminated|generator-limited)"' >&2
		grep -oP "\"$3\": ?\\{\"value\": ?\K[-+.e0-9]+" <<<"$line"
	done < <(grep -E "\"workload\": ?\"$2" "$dir/$1/trials.jsonl")
}

# in_range LOW HIGH: each line of the input, of which there is one.
in_range() {
	awk -v low="$1" -v high="$2" '{ print; n++; if ($1 < low || $1 > high) bad = 1 } END { exit !n || bad }'
}

idle() {
	start idle --workload idle:peers=300,keepalive=25 --workload tcp
	until_true 30 has_peers l 301
	has_peers r 301
	match "$(peers l)" "10.78.1.43/32 fd78::12b/128"
	match "$(ip netns exec "wgb-$pid-0r" wg show "wgb${pid}n0r" persistent-keepalive)" "25"
	until_true 30 has_peers l 1 # the tcp trials have the real one alone
	ends
	metric idle idle cpu_percent | in_range 0 100
	metric idle idle cpu_us_per_s | in_range 0 1000000
	metric idle idle context_switches_per_s | in_range 0 100000
	metric idle tcp goodput_gbps | in_range 0.001 1000
}
check "an idle tunnel's peers come and go, and its CPU time is measured" idle

overload() { # OUT WORKLOAD
	start "$1" --workload "$2"
	ends
	metric "$1" overload capacity_pps | in_range 250 8000000
	metric "$1" overload delivered_ratio | in_range 0.01 100
	metric "$1" overload offered_pps | in_range 250 16000000
	metric "$1" overload loss_percent | in_range 1 100
}
check "an overloaded tunnel still delivers" overload four overload:size=64
check "and over IPv6" overload six overload:size=512,factor=300,family=6,outer=6
plan
