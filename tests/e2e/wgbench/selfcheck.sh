#!/bin/bash
# `wgbench selfcheck` of runs that are there: what it reads of one, of several, and what it refuses.
# What it draws from them: tests/judge/test_draw_*.c.
# takes: 35
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/stored.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
make_dir

# shorten NAME FILTER: a stored run with fewer metrics: drawing takes its time for each.
shorten() {
	mkdir "$dir/$1"
	cp results/reference/a-against-a/run.json "$dir/$1/"
	stored_trials a-against-a | jq -c "$2" >"$dir/$1/trials.jsonl"
}
shorten once 'select(.workload == "tcp") | .metrics |= {cpu_s_per_gbit}'
shorten two '.metrics |= with_entries(select(.key == "cpu_s_per_gbit" or .key == "p50_us"))'
cp -r "$dir/once" "$dir/again"
jq '.environment.kernel = "2.6.32"' "$dir/once/run.json" >"$dir/elsewhere.json"
cp -r "$dir/once" "$dir/elsewhere"
mv "$dir/elsewhere.json" "$dir/elsewhere/run.json"
jq '.tunnels |= (to_entries | map(.value.binary_sha256 = "\(.key)" + .value.binary_sha256[1:] | .value))' \
	"$dir/once/run.json" >"$dir/differs.json"
cp -r "$dir/once" "$dir/differs"
mv "$dir/differs.json" "$dir/differs/run.json"

cp -r "$dir/once" "$dir/longer"
jq '.duration = 5' "$dir/once/run.json" >"$dir/longer/run.json"

# says STATUS TEXT COMMAND...
says() {
	local status=0 said
	said=$("${@:3}" 2>&1) || status=$?
	echo "exit $status: $said"
	((status == $1)) && [[ $said == *"$2"* ]]
}

found() { "$wgbench" selfcheck --gate 1 --json "$@"; }

clean=$(jq -s 'group_by(.block) | map(select(all(.status == "ok"))) | length' "$dir/once/trials.jsonl")
found "$dir/once" >"$dir/one.json"
found "$dir/once" "$dir/again" >"$dir/two.json"
echo "# $clean clean blocks"
check "the clean blocks of a run are drawn from" \
	jq -e --argjson n "$clean" '.rows | length == 5 and all(.from_blocks == $n)' "$dir/one.json"
check "blocks of two runs are pooled" \
	jq -e --argjson n "$clean" '(.runs | length == 2) and (.rows | all(.from_blocks == 2 * $n))' "$dir/two.json"
check "an effect of 5 % is found, and none is not" jq -e '.budgets | length == 8 and
	all(.beyond_low <= .beyond + 0.05 and .beyond <= .beyond_high + 0.05) and
	all(if .effect_percent == 0 then .beyond < 0.05 and .different < 0.1
		elif .effect_percent == 5 then .beyond > 0.9 else true end)' "$dir/one.json"
check "more blocks narrow the limits" jq -es 'map(.budgets | map(.beyond_high - .beyond_low) | add) | .[0] > .[1]' \
	"$dir/one.json" "$dir/two.json"
check "the same folders give the same result" eval 'found "$dir/once" "$dir/again" | cmp - "$dir/two.json"'
tells() {
	"$wgbench" selfcheck --gate 1 "$dir/two" >"$dir/table"
	cat "$dir/table"
	grep -q "at least" "$dir/table"
}
check "a table shows it" tells
rows() { # WORKLOAD METRIC
	equal "$(grep -cE "^$1 +$2 +[0-9.]+ % +[0-9]+ +[0-9.]+ % +[0-9.]+ % +[0-9.]+ %" "$dir/table")" 5
}
check "with a row for each number of blocks" rows tcp cpu_s_per_gbit
check "of each workload and metric" rows ping p50_us
check "two builds of one spec aren't a pair of equals" says 2 "holds no tunnel twice" found "$dir/differs"
check "a second run must hold equal tunnels too" says 2 "differs: holds no tunnel twice" found "$dir/once" "$dir/differs"
check "runs of two machines aren't pooled" says 2 "another machine than $dir/once" found "$dir/once" "$dir/elsewhere"
check "nor are trials of two durations" says 2 "another duration than those of $dir/once" found "$dir/once" "$dir/longer"
found "$dir/longer" >"$dir/longer.json"
check "a budget allows fewer of longer trials" jq -es 'map(.budgets[0].blocks) | .[0] < .[1]' \
	"$dir/longer.json" "$dir/one.json"
check "a folder that isn't a run is refused" says 2 "$dir/none" found "$dir/none"
check "a stored run isn't measured again" says 2 "measured already" found --blocks 8 "$dir/once"
check "nothing is left in the folders" eval '[[ $(ls "$dir/once") == $(printf "run.json\ntrials.jsonl") ]]'
plan
