# Runs of a workload on the default tunnel, and what their trials say. Sourced after topology.bash.

wgbench=$build/wgbench
dir=$keys # a folder that is removed at the end

# A trial's time is what there is to look in: seconds, also for a slow machine.
start() { # OUT ARGUMENTS...
	"$wgbench" run --out "$dir/$1" --tunnel default --duration "${trial_s:-1}" --blocks 1 "${@:2}" \
		>"$dir/log" 2>&1 &
	pid=$!
	trap 'kill -TERM $pid 2>/dev/null || true; wait $pid || true' EXIT
}

ends() {
	local status=0
	wait $pid || status=$?
	((status == 0)) || tail -n 5 "$dir/log"
	equal $status 0
}

# metric OUT WORKLOAD NAME: its value in every trial, a line each; no trial may have failed.
metric() {
	jq -r --arg workload "$2" --arg metric "$3" 'select(.workload | startswith($workload)) |
		if .status == "failed" then error(.reason) else .metrics[$metric] // empty end' "$dir/$1/trials.jsonl"
}

# in_range LOW HIGH: each line of the input, of which there is one.
in_range() {
	awk -v low="$1" -v high="$2" '{ print; n++; if ($1 < low || $1 > high) bad = 1 } END { exit !n || bad }'
}
