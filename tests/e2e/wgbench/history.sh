#!/bin/bash
# `wgbench history` on made-up runs: what is one series and what isn't, and that the database never
# says anything but what the folders hold.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
wgbench=$PWD/build/${PROFILE:-release}/wgbench
make_dir
mkdir "$dir/runs"

# run NAME HOUR GBPS [FILTER]: a run of eight blocks at GBPS -/+ 2 % of a tunnel `default`, begun in
# that hour; FILTER changes its run.json.
run() {
	mkdir -p "$dir/runs/$1"
	jq -n --arg id "$1" --arg created "$(printf '2026-01-01T%02d:00:00Z' "$2")" \
		'{schema: 1, id: $id, created: $created, plan: "", seed: 1, command: [], workloads: ["tcp"],
		blocks: 8, trials_per_block: 2, duration: 1, tunnels: [{spec: "default", revision: ("0" * 40),
		variants: {}, binary_sha256: "", version: ""}], environment: {kernel: "6.1",
		cpu_model: "Made up", cpus: 2, mitigations: {meltdown: "Mitigation: PTI"},
		harness_profile: "release", harness_measuring: "m1", harness_revision: "r1"}} |
		'"${4:-.}" >"$dir/runs/$1/run.json"
	jq -nc --arg id "$1" --argjson gbps "$3" 'range(16) | . as $i | {run: $id, block: ($i / 2 | floor),
		position: ($i % 2), start: 0, attempt: 0, tunnel: 0, workload: "tcp", start_ns: 1, duration_ns: 1,
		status: "ok", reason: "", metrics: {
		goodput_gbps: {value: ($gbps * (0.98 + $i / 2 * 0.005)), unit: "Gbit/s", better: "higher", judged: true},
		retransmits: {value: $i, unit: "segments", better: "lower", judged: false}}}' \
		>"$dir/runs/$1/trials.jsonl"
}

history() { "$wgbench" history --db "$dir/db" "$@" "$dir/runs" 2>"$dir/err"; }

# series FILTER: of each series its runs and what the filter says.
series() { history --json | jq -c "[.series[] | [([.points[].run] | join(\" \")), $1]]"; }

fails() { # ERE ARGUMENTS...
	local ere=$1 status=0
	shift
	history "$@" >"$dir/out" || status=$?
	equal "$status" 2
	match "$(<"$dir/err")" "$ere"
}

points() {
	run a 1 1.0
	run c 3 3.0
	run b 2 2.0
	equal "$(series '.metric, .unit, .better, .tunnel, .duration, .measuring')" \
		'[["a b c","goodput_gbps","Gbit/s","higher","default",1,"release m1"]]'
	# The blocks' means are 0.98125 to 1.01625 of it: both ends of the exact interval for eight.
	history --json | jq -e '.series[0].points[1] | (.median - 2 * 0.99875 | fabs) < 1e-9 and
		(.ci_low - 2 * 0.98125 | fabs) < 1e-9 and (.ci_high - 2 * 1.01625 | fabs) < 1e-9'
	history --json | jq -e '.environments == [{number: 1, cpu_model: "Made up", cpus: 2, kernel: "6.1",
		mitigations: {meltdown: "Mitigation: PTI"}}]'
	equal "$(series .metric)" "$(history --metric goodput_gbps --workload tcp --tunnel default --json |
		jq -c '[.series[] | [([.points[].run] | join(" ")), .metric]]')"
	history --metric retransmits --json | jq -e '[.series[].metric] == ["retransmits"]'
}

text() {
	history >"$dir/out"
	match "$(<"$dir/out")" "tcp goodput_gbps of default \(Gbit/s, higher is better\), 1 s a trial"
	match "$(<"$dir/out")" $'\n''2026-01-01T02:00:00Z  b    000000000000   1\.998   \[1\.962, 2\.032\]       8'
}

# Each of these alone makes another series of it.
keys() {
	local filter
	for filter in '.environment.kernel = "6.2"' '.environment.cpu_model = "Other"' \
		'.environment.cpus = 4' '.environment.mitigations.meltdown = "Vulnerable"' \
		'.environment.harness_measuring = "m2"' '.environment.harness_profile = "lto"' \
		'.tunnels[0].spec = "ring=spinlock"' '.duration = 2' '.environment.cpus_allowed = 1' \
		'.environment.cpu_quota = "0.5 CPUs"' '.environment.nice = 19' '.environment.scheduling = "idle"' \
		'.environment.frequency_governor = "powersave"' '.environment.smt = "off"' \
		'.environment.sysctls = {"net.ipv4.tcp_congestion_control": "bbr"}' \
		'.environment.variables = {CFLAGS: "-O3"}' '.tunnels[0].libraries = {"libcrypto.so.3": "libcrypto.so.3 1"}' \
		'.peer = {spec: "kernel", revision: "", binary_sha256: "", version: "6.1"}'; do
		run d 4 9.0 "$filter"
		equal "$filter $(series 1 | jq -c 'map(.[0]) | sort')" "$filter [\"a b c\",\"d\"]"
	done
	# Neither of these does.
	run d 4 9.0 '.environment.harness_revision = "r2" | .environment.prices = {} | .seed = 2 |
		.environment.memory_bytes = 1 | .environment.limits = {files: "256"} | .tunnels[0].revision = "1" * 40'
	equal "$(series 1)" '[["a b c d",1]]'
	# Without a name of the code that measured, its revision is one.
	run d 4 9.0 'del(.environment.harness_measuring)'
	equal "$(series .measuring)" '[["a b c","release m1"],["d","release r1"]]'
	rm -r "$dir/runs/d"
}

# What the environments that are shown don't share stands beside them.
conditions() {
	run d 4 9.0 '.environment += {nice: 19, smt: "on"}'
	history >"$dir/out"
	match "$(grep -A 2 '^environment' "$dir/out")" '  not recorded *'$'\n''.*  nice 19; smt on$'
	history --json | jq -e '[.environments[].conditions] | sort == [null, {nice: 19, smt: "on"}]'
	rm -r "$dir/runs/d"
}

# Made by an older wgbench, it is made anew.
older() {
	cp "$dir/db" "$dir/older"
	sqlite3 "$dir/older" 'DROP TABLE points; DROP TABLE runs; DROP TABLE environments; CREATE TABLE runs(dir);
		PRAGMA user_version = 1'
	equal "$(history --db "$dir/older" --json | jq -c '[.series[].points[].run]')" '["a","b","c"]'
}

follows() {
	equal "$(series 1)" '[["a b c",1]]'
	run b 2 5.0
	history --json | jq -e '.series[0].points[1].median > 4.9'
	mv "$dir/runs/b" "$dir/b"
	equal "$(series 1)" '[["a c",1]]'
	equal "$(sqlite3 "$dir/db" 'SELECT count(*) FROM runs')" 2
	mv "$dir/b" "$dir/runs/b"
	cp -r "$dir/runs/b" "$dir/runs/copy" # of the same run
	equal "$(series 1)" '[["a b c",1]]'
	rm -r "$dir/runs/copy"
	# A run that goes on takes its place when it has grown.
	head -n 4 "$dir/runs/b/trials.jsonl" >"$dir/part"
	mv "$dir/runs/b/trials.jsonl" "$dir/whole"
	cp "$dir/part" "$dir/runs/b/trials.jsonl"
	history --json | jq -e '.series[0].points[1] | .blocks == 2 and .ci_low == null'
	cp "$dir/whole" "$dir/runs/b/trials.jsonl"
	history --json | jq -e '.series[0].points[1] | .blocks == 8'
	# Only what is asked for, though the database holds the others.
	"$wgbench" history --db "$dir/db" --json "$dir/runs/a" | jq -e '[.series[].points[].run] == ["a"]'
}

rebuilt() {
	history --json >"$dir/followed"
	history --json --rebuild >"$dir/rebuilt"
	rm "$dir/db"
	history --json >"$dir/new"
	# Environments are numbered as they are met.
	for file in followed rebuilt new; do
		jq 'del(.environments[].number, .series[].environment)' "$dir/$file" >"$dir/$file.plain"
	done
	cmp "$dir/followed.plain" "$dir/new.plain"
	cmp "$dir/rebuilt.plain" "$dir/new.plain"
	sqlite3 "$dir/db" 'PRAGMA integrity_check; PRAGMA foreign_key_check' | grep -x ok
	equal "$(sqlite3 "$dir/db" 'SELECT count(*) FROM runs')" 3
}

contaminated() {
	run e 5 1.0
	sed -i '/"block":[0-6],/ s/"status":"ok"/"status":"contaminated"/' "$dir/runs/e/trials.jsonl"
	history --json | jq -e '.series[0].points[3] | .run == "e" and .blocks == 1 and .median > 1.01'
	sed -i 's/"status":"ok"/"status":"contaminated"/' "$dir/runs/e/trials.jsonl"
	equal "$(series 1)" '[["a b c",1]]' # nothing left to say
	rm -r "$dir/runs/e"
}

moved() {
	run f 6 1.0 '.resumed = [{trials: 2, environment: {kernel: "6.2"}, differs: [["kernel", "6.1", "6.2"]]}]'
	equal "$(series 1)" '[["a b c",1]]'
	match "$(<"$dir/err")" "runs/f: left out: it was resumed in another environment"
	rm -r "$dir/runs/f"
}

# gnuplot runs what stands behind '!', and what '`' and '$(' enclose.
commands() {
	local word
	for word in $'\nend\n!touch '"$dir/ran" "\`touch $dir/ran\`" "2026-01-01" "2026-02-30T00:00:00Z" "$(date +%s)" ""; do
		run h 9 1.0 ".created = $(jq -n --arg word "$word" '$word')"
		fails "runs/h/run.json: 'created' must be a time such as" --metric goodput_gbps --plot "$dir/plot.svg"
	done
	run h 9 1.0 ".tunnels[0].spec = \"exec:/x'\\n!touch $dir/ran\\n\`touch $dir/ran\`\" |
		.environment.harness_measuring = \"'. system('touch $dir/ran') .'\""
	history --metric goodput_gbps --workload tcp --plot "$dir/plot.svg" >"$dir/out"
	[[ ! -e $dir/ran ]]
	grep -F '\n!touch' "$dir/plot.svg"
	equal "$(LC_ALL=C grep -c $'[\001-\010\013-\037]' "$dir/out")" 0
	rm -r "$dir/runs/h"
}

# Times of other zones and with fractions are in one order.
zones() {
	run h 9 1.0 '.created = "2026-01-01T05:30:00.250+03:00"'
	history --json | jq -e '[.series[].points[].created] | index("2026-01-01T02:30:00Z")'
	rm -r "$dir/runs/h"
}

# What is in the file besides what runs gave is refused.
forged_database() {
	local query
	cp "$dir/db" "$dir/aside"
	for query in "UPDATE runs SET created = '!id'" "UPDATE environments SET mitigations = 'x'" \
		"UPDATE points SET median = 9e999"; do
		cp "$dir/aside" "$dir/db"
		sqlite3 "$dir/db" "$query"
		fails "$dir/db: holds a row that is of no run: --rebuild it" --json
	done
	cp "$dir/aside" "$dir/db"
}

broken() {
	run g 7 1.0 '.schema = 9'
	fails "runs/g/run.json: schema 9, but this wgbench reads 1" --json
	equal "$(jq -c '[.series[].points[].run]' "$dir/out")" '["a","b","c"]'
	rm -r "$dir/runs/g"
	history >"$dir/out"
}

foreign() {
	echo 'not a database, but long enough that it could begin as one does' >"$dir/text"
	fails "text: file is not a database" --db "$dir/text"
	sqlite3 "$dir/other" 'CREATE TABLE runs(x); INSERT INTO runs VALUES (1)'
	fails "other: not a history of wgbench: choose another --db" --db "$dir/other" --rebuild
	equal "$(sqlite3 "$dir/other" 'SELECT x FROM runs')" 1
	cp "$dir/db" "$dir/newer"
	sqlite3 "$dir/newer" 'PRAGMA user_version = 9'
	fails "newer: schema 9, but this wgbench has 2: --rebuild it" --db "$dir/newer"
	history --db "$dir/newer" --rebuild >"$dir/out"
	fails "unable to open database file" --db "$dir/none/db"
}

plot() {
	history --metric goodput_gbps --workload tcp --plot "$dir/plot.svg" >"$dir/out"
	grep -F "tcp: goodput_gbps (higher is better)" "$dir/plot.svg"
	grep -F "default, environment 1, 1 s, release m1" "$dir/plot.svg"
	# gnuplot draws each of three points twice, and one in the key.
	equal "$(grep -c "xlink:href='#gpPt6'" "$dir/plot.svg")" 7
	jq -c '.metrics += {other: (.metrics.goodput_gbps)}' "$dir/runs/a/trials.jsonl" >"$dir/two"
	mv "$dir/two" "$dir/runs/a/trials.jsonl"
	fails "draws one metric of one workload" --plot "$dir/no.svg"
	[[ ! -e $dir/no.svg ]]
	run a 1 1.0
}

# Twelve runs that lose a tenth after the sixth, with half a per cent of noise; the last two stand
# alone at the end, which is no change yet.
changes() {
	local i gbps=(1.000 1.004 0.997 1.002 0.999 1.003 0.901 0.899 0.903 0.898 0.902 0.900 0.950 0.951)
	mkdir "$dir/kept"
	mv "$dir/runs"/* "$dir/kept"
	for i in "${!gbps[@]}"; do run "r$i" "$i" "${gbps[i]}"; done
	history --acknowledged "$dir/none" --json >"$dir/out"
	jq -c '.series[0].changes' "$dir/out"
	jq -e '.series | length == 1 and (.[0].changes | length == 1 and (.[0] | .run == "r6" and .at == 6 and
		.verdict == "worse" and .grouped and .p != null and .p < 0.05 and .percent < -9 and .percent > -11 and
		.acknowledged == null))' "$dir/out"
	history --acknowledged "$dir/none" >"$dir/out"
	match "$(grep ' r6 ' "$dir/out")" '-9\.[0-9] % worse  E-divisive p 0\.[0-9]+, groups$'
	equal "$(grep -c worse "$dir/out")" 1
	history --metric goodput_gbps --acknowledged "$dir/none" --plot "$dir/plot.svg" >"$dir/out"
	(($(grep -c "xlink:href='#gpPt5'" "$dir/plot.svg") > 1)) # beside the key's
}

acknowledged() {
	cat >"$dir/known" <<-'END'
		# the compiler's new version

		r6 tcp goodput_* default  gcc 12, see there
		r7 tcp * * another run
		r6 udp * * another workload
	END
	history --acknowledged "$dir/known" --json |
		jq -e '.series[0].changes[0].acknowledged == "gcc 12, see there"'
	history --metric goodput_gbps --acknowledged "$dir/known" --plot "$dir/plot.svg" >"$dir/out"
	equal "$(grep -c "xlink:href='#gpPt5'" "$dir/plot.svg")" 1
	match "$(grep ' r6 ' "$dir/out")" '-9\.[0-9] % worse, known  .*; gcc 12, see there$'
	echo 'r6 tcp goodput_gbps default' >>"$dir/known"
	fails "known:6: needs RUN WORKLOAD METRIC TUNNEL REASON" --acknowledged "$dir/known"
	fails "No.* a directory|Is a directory" --acknowledged "$dir/known/x"
	rm -r "$dir/runs"/*
	mv "$dir/kept"/* "$dir/runs"
}

no_change() {
	jq -e '[.series[].changes[]] == []' < <(history --json)
}

side_by_side() {
	local i pids=()
	rm "$dir/db"
	for i in 1 2 3 4; do
		"$wgbench" history --db "$dir/db" --json "$dir/runs" >"$dir/out$i" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i"; done
	for i in 2 3 4; do cmp "$dir/out1" "$dir/out$i"; done
}

check "a run is a point: median and exact interval over its blocks" points
check "a table for each series" text
check "a series ends where the environment or what measured changes, not with a revision" keys
check "differences between environments are shown" conditions
check "an older database is rebuilt" older
check "the database follows the folders" follows
check "rebuilt, followed and new are the same" rebuilt
check "contaminated blocks don't count" contaminated
check "a run resumed elsewhere is left out, with a note" moved
check "texts of a run are never commands" commands
check "times are in UTC" zones
check "a forged database is refused" forged_database
check "an unreadable folder is named, and the command fails" broken
check "a foreign database is neither read nor emptied" foreign
check "a plot" plot
check "no change where there is none" no_change
check "both methods find a change where it is, but not at the ends" changes
check "a known change is shown as known" acknowledged
check "several processes share one database" side_by_side
check "no such metric" fails "no stored value of metric 'frob'" --metric frob
check "no such folder" fails "No such file" "$dir/none"
plan
