#!/bin/bash
# What a run's trials used is said beside their verdicts: every parameter of each workload, the
# defaults too, and the congestion control that its TCP had, not the system's.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
make_dir

stored_copy a-against-a-1 "$dir/tcp"
stored_copy standard "$dir/udp"

# said RUN ERE...: by the table's legend
said() {
	local run=$1 ere
	shift
	"$wgbench" compare --details "$dir/$run" >"$dir/said" || true
	for ere; do match "$(<"$dir/said")" "$ere"; done
}

in_json() {
	"$wgbench" compare --json "$dir/udp" >"$dir/said" || true
	jq -e '.workloads[] | select(.name == "udp") | .duration_s > 0 and
		.parameters.rate == {value: 100, help: "Mbit/s of UDP payload"} and
		.parameters.length.value == 1372 and .parameters.family.value == 4' "$dir/said"
	"$wgbench" compare --json "$dir/tcp" >"$dir/said" || true
	jq -e '.workloads | length > 0 and all(.tcp_congestion_control == "cubic")' "$dir/said"
}

# The rows of a report's tables, a bar between the cells.
table() { sed -n '/^<tr><td/{s,</td><td[^>]*>,|,g;s,<[^>]*>,,g;p}' "$1/report.html"; }

in_report() {
	equal "$(jq -r '.environment.sysctls["net.ipv4.tcp_congestion_control"]' "$dir/tcp/run.json")" bbr
	"$wgbench" report "$dir/tcp"
	table "$dir/tcp" | grep -Fx 'tcp|TCP congestion control|cubic|as its trials recorded it'
	grep -E 'bbr: the system.*s default; the trials used cubic' "$dir/tcp/report.html"
	"$wgbench" report "$dir/udp"
	table "$dir/udp" | grep -Fx 'udp|rate|100|Mbit/s of UDP payload'
	table "$dir/udp" | grep -E '^udp[|]duration[|][0-9]+[|]s of traffic'
}

# Every workload that has trials is described, by each parameter that they recorded.
complete() {
	{ "$wgbench" compare --json "$dir/udp" || true; } | jq -c '[.workloads[] | {(.name): (.parameters | map_values(.value))}] | add' |
		jq -S . >"$dir/said"
	jq -s '[.[] | {(.workload): .parameters}] | add' "$dir/udp/trials.jsonl" | jq -S . | diff - "$dir/said"
}

check "the legend names TCP's congestion control" said tcp 'tcp: flows=1 \(parallel connections\).*duration [0-9]+ s; TCP congestion control cubic\.'
check "the legend names what udp means" said udp 'udp: rate=100 \(Mbit/s of UDP payload\), length=1372 .*family=4'
check "verdicts in JSON have both" in_json
check "the report has both" in_report
check "all parameters of all workloads" complete
plan
