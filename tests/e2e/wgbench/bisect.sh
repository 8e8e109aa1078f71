#!/bin/bash
# `wgbench bisect` by counts, over a history that is made here: it names the commit, or those that
# nothing tells apart, goes on where it was stopped, and says what it can't search. By runs, and over
# a history of this tree: bisect-runs.sh; its mathematics: tests/commands/test_bisect_search.c,
# tests/judge/test_side.c.
# takes: 60
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash
. tests/support/history.bash

profile=${PROFILE:-release}
wgbench=$PWD/build/$profile/wgbench
make_dir
export TMPDIR=$dir/tmp
mkdir "$TMPDIR"

small_history "$dir/tree"
export WGBENCH_ROOT=$dir/tree
hostile_home "$dir/home"
git -c i18n.commitEncoding=unknown commit -q --allow-empty -S -m $'Say \xff nothing'
git tag said
break_build "Begin something"
mend_build "Finish it"
plant "Check what is sent" && git tag culprit
printf -v long '%0254d' 0
commit "${long}é" && git tag tip
git checkout -q --detach base
commit "Aside" && git tag aside
break_build "Begin in the dark"
plant "Plant in the dark"
mend_build "Light up" && git tag lit

# bisect STATUS ARGUMENT...: leaves nothing but its folder.
bisect() {
	local status=0 expected=$1
	shift
	env "${hostile[@]}" "$wgbench" bisect "$@" >"$dir/out" 2>"$dir/err" || status=$?
	cat "$dir/out" "$dir/err"
	equal "$status" "$expected"
	equal "$(ls -A "$TMPDIR")" ""
}

refused() { # ERE ARGUMENT...: exit 2, one line that matches, nothing made
	local ere=$1
	shift
	bisect 2 "$@"
	equal "$(<"$dir/out")" ""
	equal "$(wc -l <"$dir/err")" 1
	match "$(<"$dir/err")" "$ere"
	[[ ! -e $dir/new ]]
}

of() { echo --good "$1" --bad "$2" --workload 64 --metric instructions --out "$dir/$3"; }
check "no arguments" refused "missing: --good" --bad tip
check "no metric" refused "missing: --metric" --good base --bad tip --workload tcp
check "an unknown revision" refused "'frob'" $(of frob tip new)
check "the same revision twice" refused "the same, or the wrong way round" $(of tip tip new)
check "the wrong way round" refused "the same, or the wrong way round" $(of tip base new)
check "a revision that isn't an ancestor" refused "'aside' isn't an ancestor of 'tip'" $(of aside tip new)
check "an unknown mix" refused "one of 64 imix 1420 gso, not 'tcp'" --good base --bad tip \
	--workload tcp --metric instructions --out "$dir/new"
check "an unknown workload" refused "'frob'.*tcp" --good base --bad tip --workload frob \
	--metric goodput_gbps --out "$dir/new"
check "an unknown metric" refused "'frob': one of goodput_gbps" --good base --bad tip --workload tcp \
	--metric frob --out "$dir/new"
check "a metric that isn't judged" refused "'retransmits' is recorded, not judged: .* goodput_gbps" \
	--good base --bad tip --workload tcp --metric retransmits --out "$dir/new"
check "a tunnel with a revision" refused "'default@base'.*without a revision" $(of base tip new) \
	--tunnel default@base
check "a tunnel that isn't of this tree" refused "'kernel'" $(of base tip new) --tunnel kernel
check "an unknown variant" refused "'frob'.*lockfree" $(of base tip new) --tunnel ring=frob
check "a confidence out of range" refused "expected a number, 0.51 to" $(of base tip new) --confidence 0.5
check "resuming nothing" refused "$dir/new/bisect.json: .*not a search's folder" --resume "$dir/new"
check "resuming with other options" refused "--resume takes the question from its folder: leave out --good" --resume "$dir/new" --good base

if [[ $profile != release ]]; then
	skip "searches by counts" "they are of the profile release"
	plan
	exit
fi

answer() { jq -r '.answer.commits[]' "$dir/$1/bisect.json"; }
shows() { match "$(<"$dir/out")" "$1"; }

names() {
	bisect 0 $(of base tip named)
	equal "$(jq -r '.commits[].subject' "$dir/named/bisect.json")" \
		"$(printf '%s\n' 'Say ? nothing' 'Begin something' 'Finish it' 'Check what is sent' "$long")"
	equal "$(answer named)" "$(git rev-parse culprit)"
	shows "it is $(git rev-parse --short=12 culprit): Check what is sent"
	shows "skipped: can't be built or counted +none +none +Begin something"
	jq -e --arg parent "$(git rev-parse culprit~1)" '.answer.final and .answer.probability > 0.99 and
		([.steps[] | [.commit, .side]] | index([[$parent, "good"]])) and
		([.steps[].side] == ["bad", "none", "good", "bad"])' "$dir/named/bisect.json"
}
check "the commit that costs instructions is named, one that doesn't compile isn't" names

no_text() {
	git tag $'base\xff' base
	bisect 2 $(of $'base\xff' tip latin)
	match "$(<"$dir/err")" "$dir/latin/bisect.json: the question or a commit isn't UTF-8"
	[[ ! -e $dir/latin/bisect.json ]]
}
check "a revision name that can't be stored is an error" no_text

improved() {
	git checkout -q --detach tip
	git revert --no-edit culprit >/dev/null
	bisect 0 $(of tip HEAD improved) --json
	jq -e --arg it "$(git rev-parse HEAD)" '.answer.commits == [$it] and .steps[0].from_good.effect < 0' \
		"$dir/out"
}
check "so is a commit that saves instructions" improved

a_set() {
	bisect 0 $(of base lit dark)
	equal "$(answer dark)" "$(git rev-list --reverse aside..lit)"
	shows "one of the 3 commits from .*, which no measurement tells apart"
	jq -e '[.commits[].probability] | .[0] < 0.01 and all(.[1:][]; . > 0.33 and . < 0.34)' \
		"$dir/dark/bisect.json"
}
check "commits within a broken range are one answer, not its end" a_set

no_difference() {
	bisect 3 $(of base said same)
	shows "no difference beyond the threshold of 0.1 %"
	bisect 3 --resume "$dir/same" --budget 1h
	shows "no difference beyond the threshold of 0.1 %"
	jq -e '.answer == null and ([.steps[].side] == ["good"])' "$dir/same/bisect.json"
	bisect 3 $(of base tip beyond) --gate 50 --workload gso --tunnel plant=5i
	jq -e '.steps | length == 1' "$dir/beyond/bisect.json"
}
check "without a difference nothing is searched" no_difference

as_if() { # FROM TO FILTER: a copy of a search, in which something else was found
	mkdir "$dir/$2"
	jq "$3" "$dir/$1/bisect.json" >"$dir/$2/bisect.json"
}

undecided() {
	as_if named undecided '.steps |= (.[:1] | .[0].side = "open") | .budget = .steps[0].seconds'
	bisect 3 --resume "$dir/undecided"
	shows "not decided yet .* threshold of 0.1 %.*To go on: wgbench bisect --resume $dir/undecided --budget"
	bisect 0 --resume "$dir/undecided" --budget 5m
	jq -e '[.steps[].side] == ["open", "bad", "none", "good", "bad"]' "$dir/undecided/bisect.json"
	equal "$(answer undecided)" "$(git rev-parse culprit)"
}
check "ends that weren't decided are measured again" undecided

left_open() {
	as_if named open '.steps |= (.[-1] |= (.side = "open" | .reason = "on neither side"))'
	bisect 0 --resume "$dir/open"
	equal "$(answer open)" "$(git rev-list --reverse tip --not culprit~1)"
	shows "skipped: on neither side"
	bisect 0 --resume "$dir/open" --budget 5m
	equal "$(answer open)" "$(git rev-parse culprit)"
	jq -e '[.steps[].side] == ["bad", "none", "good", "open", "bad"] and
		all(.commits[]; .skipped | test("neither") | not)' "$dir/open/bisect.json"
}
check "a further budget opens again what was left open" left_open

# One measurement takes longer than the budget.
slow_valgrind() {
	mkdir "$dir/slow"
	printf '#!/bin/sh\nsleep 1\nexec %q "$@"\n' "$(command -v valgrind)" >"$dir/slow/valgrind"
	chmod +x "$dir/slow/valgrind"
}

out_of_time() {
	slow_valgrind
	PATH=$dir/slow:$PATH bisect 3 $(of base tip brief) --budget 1s
	shows "No answer within the budget: .* one of the 5 commits"
	bisect 2 $(of base tip brief)
	match "$(<"$dir/err")" "holds a search"
	bisect 0 --resume "$dir/brief" --budget 5m
	equal "$(answer brief)" "$(git rev-parse culprit)"
}
check "a search out of its budget goes on with another" out_of_time

# hold PROGRAM NAME STEPS: puts before PATH a PROGRAM that waits in the search NAME's step after so
# many, for $dir/go, or in vain until who called it is gone; $dir/held says so.
hold() {
	rm -rf "$dir/hold" "$dir/held" "$dir/go"
	mkdir "$dir/hold"
	cat >"$dir/hold/$1" <<-END
		#!/bin/bash
		if [[ \$(jq '.steps | length' "$dir/$2/bisect.json") == $3 ]]; then
			touch "$dir/held"
			until [[ -e $dir/go ]]; do
				kill -0 \$PPID || exit
				sleep 0.05
			done
		fi
		exec "$(command -v "$1")" "\$@"
	END
	chmod +x "$dir/hold/$1"
	PATH=$dir/hold:$PATH
}

held() { [[ -e $dir/held ]] || gone "$pid"; }

# start ARGUMENT...: a search in the background, its pid in $pid, until it is held.
start() {
	env --default-signal=INT "$wgbench" bisect "$@" >"$dir/out" 2>"$dir/err" &
	pid=$!
	until_true 300 held
}

stopped() { # SIGNAL STATUS STEPS PROGRAM: within that program's part of the next step
	local status=0 name=$1$3
	(
		hold "$4" "$name" "$3"
		start $(of base tip "$name")
		kill -"$1" "$pid"
		wait "$pid" || status=$?
		equal "$status" "$2"
	)
	equal "$(jq '.steps | length' "$dir/$name/bisect.json")" "$3"
	rm -rf "$TMPDIR"/* # what nobody could remove
	bisect 0 --resume "$dir/$name"
	equal "$(jq '[.steps[] | [.commit, .side]]' "$dir/$name/bisect.json")" \
		"$(jq '[.steps[] | [.commit, .side]]' "$dir/named/bisect.json")"
}
check "a search that was interrupted goes on" stopped INT 130 1 make

without_tmp() {
	local status=0
	mkdir "$dir/fleeting"
	(
		hold make homeless 1
		TMPDIR=$dir/fleeting start $(of base tip homeless)
		mv "$dir/fleeting" "$dir/gone"
		touch "$dir/go"
		wait "$pid" || status=$?
		equal "$status" 2
	)
	match "$(<"$dir/err")" "set TMPDIR to a folder.*to go on: wgbench bisect --resume"
	equal "$(jq -c '[.steps[].side]' "$dir/homeless/bisect.json")" '["bad","none"]'
	bisect 0 --resume "$dir/homeless"
	equal "$(answer homeless)" "$(git rev-parse culprit)"
}
check "faults of the machine are blamed on no commit" without_tmp

# In no language that could be looked for.
without_space() {
	local make
	make=$(command -v make)
	mkdir "$dir/bin"
	printf '#!/bin/sh\ncase $* in *%s*) echo "cc1: kein Platz" >&2; exit 2;; esac\nexec %s "$@"\n' \
		"$(git rev-parse culprit~1)" "$make" >"$dir/bin/make"
	chmod +x "$dir/bin/make"
	PATH=$dir/bin:$PATH bisect 2 $(of base tip full)
	match "$(<"$dir/err")" "the machine is at fault.*to go on: wgbench bisect --resume"
	equal "$(jq -c '[.steps[].side]' "$dir/full/bisect.json")" '["bad","none"]'
	bisect 0 --resume "$dir/full"
	equal "$(answer full)" "$(git rev-parse culprit)"
}
check "nor is a full disk, whatever the compiler's message" without_space

further() {
	local status=0
	as_if named further '.steps |= .[:1] | .budget = 1'
	(
		hold make further 1
		start --resume "$dir/further" --budget 5m
		kill -KILL "$pid"
		wait "$pid" || status=$?
		equal "$status" 137
	)
	jq -e '.budget > 300 and (.steps | length == 1)' "$dir/further/bisect.json"
	rm -rf "$TMPDIR"/*
	bisect 0 --resume "$dir/further"
}
check "so does a search killed in the first step of a further budget" further
while read -r steps program; do
	check "a search that was killed after $steps steps, in $program, goes on" stopped KILL 137 "$steps" "$program"
done <<-'END'
	0 valgrind
	1 make
	2 valgrind
	3 valgrind
END
plan
