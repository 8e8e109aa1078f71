#!/bin/bash
# A tunnel through which nothing passes is a failed one to whoever reads the run, never a fast one:
# stored trials that say "ok" with a rate, a delay or a cost of 0.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
make_dir

# stored NAME FILTER: a run whose trials went through a jq filter.
stored() {
	mkdir "$dir/$1"
	jq '.goals = [{workload: "tcp", metric: "goodput_gbps", candidate: .tunnels[1].spec,
		baseline: .tunnels[0].spec, relation: ">=", ratio: 0.1}]' \
		results/reference/standard/run.json >"$dir/$1/run.json"
	stored_trials standard | jq -c "$2" >"$dir/$1/trials.jsonl"
}
second='select(.tunnel == 1 and .workload == "tcp")'
stored rate "($second | .metrics.goodput_gbps.value) |= 0"
stored cost "($second | .metrics.cpu_s_per_gbit.value) |= 0"
stored delay '(select(.tunnel == 1 and .workload == "ping") | .metrics.p50_us.value) |= 0'
stored once "($second | select(.block == 2) | .metrics.goodput_gbps.value) |= 0"
spec=$(jq -r '.tunnels[1].spec' "$dir/rate/run.json")

# compared NAME WORKLOAD: nothing of its second tunnel is called better or the same.
compared() {
	local status=0
	"$wgbench" compare --json "$dir/$1" >"$dir/verdict" || status=$?
	jq -e --arg spec "$spec" --arg workload "$2" '[.verdicts[] | select(.candidate == $spec and
		.workload == $workload)] | length > 0 and all(.verdict == "undecided" and
		.candidate_median == null and .effect == null and (.reason | test("failed: [a-z0-9_]+ is 0: stalled")))' \
		"$dir/verdict"
	((status == 1 || status == 3))
}

goals() {
	"$wgbench" compare --json "$dir/rate" >"$dir/verdict" || true
	jq -e '.goals[0] | .reached == false and .measured_ratio != 0 and .candidate_median == null' \
		"$dir/verdict"
}

# One bad block: the median over the others stays, and no verdict passes.
once() {
	"$wgbench" compare --json "$dir/once" >"$dir/verdict" || true
	jq -e --arg spec "$spec" '[.verdicts[] | select(.candidate == $spec and .workload == "tcp")] |
		all(.failed_blocks == 1 and .candidate_median > 0 and .verdict == "undecided")' "$dir/verdict"
}

reported() {
	"$wgbench" report "$dir/rate"
	jq -e '.verdicts | length > 0' "$dir/rate/verdict.json"
	match "$(<"$dir/rate/report.md")" 'goodput_gbps is 0: stalled'
}

in_history() {
	"$wgbench" history --db "$dir/history.db" --json --workload tcp --metric goodput_gbps "$dir/rate" >"$dir/said"
	jq -e --arg spec "$spec" '(.series | length > 0) and all(.series[]; .tunnel != $spec)' "$dir/said"
}

gbench() {
	local name
	for name in rate cost delay; do
		"$wgbench" export "$dir/$name" --format gbench >"$dir/said"
		jq -e --argjson zeros "$(jq -s '[.[] | select([.metrics[] | select(.judged and .value == 0)] != [])] |
			length' "$dir/$name/trials.jsonl")" '$zeros > 0 and
			([.context.failed_trials[] | select(.error_occurred and (.error_message | test(" is 0: ")))] |
			length) == $zeros and all(.benchmarks[]; .real_time >= 0 and .goodput_gbps != 0) and
			all(.benchmarks[] | select(.run_type == "iteration"); .real_time > 0 and .cpu_time > 0)' "$dir/said"
	done
}

# A machine's CPU time stands in for a tunnel without a process; without that there is no row.
gbench_without_cpu() {
	stored kernel 'del(.metrics.cpu_s_per_gbit) | .environment.tunnel_cpu_s = null'
	"$wgbench" export "$dir/kernel" --format gbench |
		jq -e '.benchmarks | length > 0 and all(.[] | select(.run_type == "iteration"); .cpu_time > 0)'
	stored untold 'del(.metrics.cpu_s_per_gbit) | .environment = {}'
	"$wgbench" export "$dir/untold" --format gbench |
		jq -e '(.benchmarks | map(select(.name | test("^tcp"))) | length) == 0 and
			(.context.failed_trials[0].error_message | test("no CPU time"))'
}

others() {
	"$wgbench" export "$dir/rate" --format benchstat >"$dir/said"
	if grep -E '^BenchmarkTcp.* 0 goodput_gbps' "$dir/said"; then return 1; fi
	grep -q '^BenchmarkTcp' "$dir/said"
	"$wgbench" export "$dir/rate" --format openmetrics >"$dir/said"
	if grep -E '^wgbench_goodput.*[}] 0 ' "$dir/said"; then return 1; fi
	"$wgbench" export "$dir/rate" --format csv >"$dir/said"
	grep -q ',failed,' "$dir/said"
	if grep -E ',ok,.*,goodput_gbps,0,' "$dir/said"; then return 1; fi
}

check "a rate of 0 has no verdict" compared rate tcp
check "a cost of 0 has no verdict" compared cost tcp
check "a delay of 0 has no verdict" compared delay ping
check "a goal isn't reached by what failed" goals
check "one stalled block fails that block" once
check "the report says so" reported
check "the history has no point of it" in_history
check "Google Benchmark's JSON shows it as an error, without a time" gbench
check "Google Benchmark's JSON without the tunnel's CPU time" gbench_without_cpu
check "the other formats show it as failed" others
plan
