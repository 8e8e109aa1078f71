#!/bin/bash
# The rings' models (tests/models) under every interleaving: that they hold, where each ring stalls
# when a thread stops in the middle, and that a broken algorithm is caught. `make models`.
# takes: 65
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

limit_s=600 # for one search, which takes seconds
for program in spin gcc; do
	command -v $program >/dev/null ||
		skip_all "no $program here; on Debian: apt-get install $program"
done
make_dir

# verdict MODEL [-DNAME=VALUE]...: searches $dir/MODEL.pml, prints holds or fails. A search that
# didn't visit every state is neither.
verdict() {
	local model=$1 out
	shift
	cd "$dir"
	spin "$@" -a "$model.pml" >spin.out || { cat spin.out; return 1; }
	# Invalid end states are the judge's business (-E).
	gcc -Og -w -DSAFETY -o pan pan.c
	out=$(timeout "$limit_s" ./pan -E -m100000) || { echo "the search didn't end: $out"; return 1; }
	if grep -q 'errors: 1$' <<<"$out" && grep -q '^pan:1: assertion violated' <<<"$out"; then
		echo fails
	elif grep -q 'errors: 0$' <<<"$out" && ! grep -qE 'not completed|too small' <<<"$out"; then
		echo holds
	else
		echo "$out"
		return 1
	fi
}

fresh() { cp tests/models/*.pml tests/models/*.inc "$dir"; }

# expect VERDICT MODEL [-DNAME=VALUE]...
expect() {
	local expected=$1
	shift
	fresh
	equal "$(verdict "$@")" "$expected"
}

# caught MODEL SED: the model fails once the sed script has changed it.
caught() {
	fresh
	sed -i "$2" "$dir/$1.pml"
	! cmp -s "tests/models/$1.pml" "$dir/$1.pml" || { echo "the mutation changed nothing"; return 1; }
	equal "$(verdict "$1")" fails
}

for model in lockfree vyukov spinlock; do
	check "$model: no loss, no duplicate, each producer's order" expect holds $model
done

# MODEL WHO_STOPS PROPERTY VERDICT
while read -r model stop property expected; do
	check "$model, a ${stop,,} stopped in the middle: $property $expected" \
		expect "$expected" "$model" "-DSTOP=$stop" "-DPROPERTY=$property"
done <<-'END'
	lockfree PRODUCER RETURNS fails
	lockfree PRODUCER VISIBLE holds
	lockfree CONSUMER ALL     holds
	vyukov   PRODUCER RETURNS holds
	vyukov   PRODUCER VISIBLE fails
	vyukov   CONSUMER RETURNS holds
	vyukov   CONSUMER VISIBLE holds
	vyukov   CONSUMER ROOM    fails
	spinlock PRODUCER RETURNS fails
	spinlock PRODUCER VISIBLE holds
	spinlock CONSUMER RETURNS fails
	spinlock CONSUMER VISIBLE fails
END

# swap A B: a sed script that exchanges these two steps.
swap() { printf 's/^\\(\\t\\t*\\)%s();/\\1@/; s/^\\(\\t\\t*\\)%s();/\\1%s();/; s/^\\(\\t\\t*\\)@/\\1%s();/' "$1" "$2" "$1" "$2"; }

check "lockfree: publishing before writing is caught" caught lockfree "$(swap write publish)"
check "lockfree: publishing out of turn is caught" caught lockfree '/^\t\t*wait_for_turn();/d'
check "lockfree: a claim without comparing is caught" caught lockfree 's/:: consumer_head == head ->/:: true ->/'
check "vyukov: handing over before writing is caught" caught vyukov "$(swap write hand_over)"
check "vyukov: freeing before reading is caught" caught vyukov "$(swap read free_slot)"
check "vyukov: a run taken without comparing is caught" caught vyukov 's/:: tail == at ->/:: true ->/'
check "spinlock: producers without their lock are caught" caught spinlock 's/^\t\tlock(producer_locked);/\t\tskip;/'
plan
