#!/bin/bash
# `wgbench bisect` by runs: of commits that don't compile, don't start, and cost a microsecond or more
# for each packet, it names the last one; killed within a run, it goes on.
# alone: it measures
set -euo pipefail
. "$(dirname "$0")/../../support/topology.bash"
. tests/support/history.bash
git rev-parse -q --verify HEAD >/dev/null 2>&1 || skip_all "this tree has no history"
wgbench=$build/wgbench
dir=$keys # a folder that is removed at the end
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"
running=

clean() {
	if [[ $running ]] && kill -TERM "$running"; then wait "$running" || true; fi
	topology_clean
}
trap clean EXIT

umask 022
clone_history "$dir/tree"
export WGBENCH_ROOT=$dir/tree
export CFLAGS=-O0 # six tunnels are built in a third of the time
break_build "Begin something"
git checkout -q base -- tunnel/noise.c
sed -i '/^int main(/,/^{/s/^{/{\n\tif (argc > 0)\n\t\treturn 3;/' tunnel/main.c
commit "Don't start"
git checkout -q base -- tunnel/main.c
commit "Start"
plant "Check what is sent"
git tag tip

start() { # ARGUMENT...: a search in the background, its pid in $pid
	env "${hostile[@]}" "$wgbench" bisect "$@" >"$dir/out" 2>"$dir/err" &
	pid=$! running=$!
}

ended() { # its exit code in $code
	code=0
	wait "$pid" || code=$?
	running=
}

# The fourth step's. Looked at seldom: looking takes CPU time from what is measured.
parent_trials=$dir/search/003-$(git rev-parse tip~1 | cut -c 1-12)/trials.jsonl
until_in_parent() {
	local turns
	for ((turns = 0; turns < 600; turns++)); do
		if [[ -s $parent_trials ]] || gone "$pid"; then return; fi
		sleep 0.5
	done
}

# Others on the machine may spoil blocks that such a short search has no time to repeat: no answer.
disturbed() {
	((code == 3)) && ! jq -es 'all(.[]; .status == "ok")' "$dir"/search/*/trials.jsonl >/dev/null
}
start --good base --bad tip --workload tcp --metric cpu_s_per_gbit --budget 30s --confidence 0.9 \
	--out "$dir/search"
ended
if disturbed; then
	skip "a search by runs" "others used the machine"
	plan
	exit
fi

out_of_time() {
	cat "$dir/out" "$dir/err"
	equal "$code" 3
	match "$(<"$dir/out")" "No answer within the budget: .* one of the 4 commits"
	jq -e '.steps[0] | .side == "bad" and .blocks == 6 and .from_good.ci_low > 2' "$dir/search/bisect.json"
}
check "the ends differ, and no time is left" out_of_time

start --resume "$dir/search" --budget 15m
until_in_parent
kill -KILL "$pid" 2>/dev/null || true
ended

skipped() {
	cat "$dir/out" "$dir/err"
	equal "$code" 137
	jq -e '[.steps[].reason] == ["", "default@\(.steps[1].commit[:12]): it doesn'"'"'t start", "can'"'"'t be built"]' \
		"$dir/search/bisect.json"
}
check "commits that don't build or start are skipped" skipped

held=$(wc -l <"$parent_trials")
start --resume "$dir/search" --budget 15m
ended
if disturbed; then
	skip "a search that was killed within a run" "others used the machine"
	plan
	exit
fi

goes_on() {
	cat "$dir/out" "$dir/err"
	equal "$code" 0
	(($(wc -l <"$parent_trials") > held))
	equal "$(jq -r '.answer.commits[]' "$dir/search/bisect.json")" "$(git rev-parse tip)"
	jq -e '.answer.final and .answer.probability > 0.9 and [.steps[].side] == ["bad", "none", "none", "good"]' \
		"$dir/search/bisect.json"
	equal "$(ls -A "$TMPDIR")" ""
	equal "$(ip netns list | grep -o "^wgb-$pid-[^ ]*" || true)" ""
}
check "a search that was killed within a run goes on there, and names the commit" goes_on

# As if a run's last trials were a block that failed three times, and it was killed then.
fail_recorded() { # FOLDER
	local run
	run=$1/$(jq -r '.steps[3].run' "$1/bisect.json")
	jq '.steps |= .[:3]' "$1/bisect.json" >"$1/next" && mv "$1/next" "$1/bisect.json"
	jq 'del(.ended, .trials)' "$run/run.json" >"$1/next" && mv "$1/next" "$run/run.json"
	jq -c --slurp '(group_by([.block, .attempt]) | map(select(length == 6))[0]) as $block | range(3) as $n |
		$block[] | .attempt = $n | .duration_ns = 1000000000 |
		if .tunnel == 1 then .status = "failed" | .reason = "it broke" else . end' \
		"$run/trials.jsonl" >"$1/next" && mv "$1/next" "$run/trials.jsonl"
}

fails() {
	local trials
	cp -r "$dir/search" "$dir/failed"
	fail_recorded "$dir/failed"
	trials=$(cat "$dir"/failed/003-*/trials.jsonl | wc -l)
	start --resume "$dir/failed" --budget 15m
	ended
	cat "$dir/out" "$dir/err"
	equal "$code" 0
	equal "$trials" 18
	equal "$(cat "$dir"/failed/003-*/trials.jsonl | wc -l)" 18
	jq -e '.steps[3] | .side == "none" and .seconds > 18 and .reason == "default@\(.commit[:12]): it broke"' \
		"$dir/failed/bisect.json"
}
check "a run killed after its failure isn't measured again" fails

readable() {
	local run status=0
	run=$(jq -r '.steps[3].run' "$dir/search/bisect.json")
	"$wgbench" compare --metric cpu_s_per_gbit "$dir/search/$run" || status=$?
	((status == 1 || status == 3)) # the third tunnel is the bad end
	"$wgbench" report "$dir/search/$run"
}
check "its runs can be compared and reported" readable
plan
