#!/bin/bash
# The tools that draw a table of allowed IPs: what they refuse, and that Graphviz reads the drawing.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

tools=(build/"${PROFILE:-release}"/tries/*-dot)
make_dir

cat >"$dir/prefixes" <<'END'
# the owners' names come second
10.0.0.0/8 a

10.1.2.3/16 b # masked: 10.1.0.0
10.1.2.3 c
2001:db8:0:1::7/64 a
2001:db8:0:1::7/67
::1/0 b
END

labels() {
	"$1" <"$dir/prefixes" >"$dir/dot"
	equal "$(sed -n 's/.* \[label="\([^"]*\/[^"]*\)"\];$/\1/p' "$dir/dot" | sort)" \
		"$(sort <<-'END'
			10.0.0.0/8\na
			10.1.0.0/16\nb
			10.1.2.3/32\nc
			2001:db8:0:1::/64\na
			2001:db8:0:1::/67\n2001:db8:0:1::7/67
			::/0\nb
		END
		)"
}

# refuses TOOL LINE WORD: exit 2, nothing on stdout, and a message that names the word.
refuses() {
	local status=0
	printf '10.0.0.0/8 a\n%s\n' "$2" | "$1" >"$dir/out" 2>"$dir/err" || status=$?
	equal "$status" 2
	equal "$(wc -c <"$dir/out")" 0
	match "$(<"$dir/err")" "line 2: .*'$3'"
}

svg() {
	"$1" <"$dir/prefixes" | dot -Tsvg >"$dir/svg"
	equal "$(grep -c '10\.1\.2\.3/32</text>' "$dir/svg")" 1
}

check "the tools are built" test -x "${tools[0]}"
for tool in "${tools[@]}"; do
	name=${tool##*/}
	check "$name labels every prefix with its own mask and its owner" labels "$tool"
	for bad in 10.0.0.0/33 10.0.0/8 ::/129 10.0.0.0/ 10.0.0.0/-1 10.0.0.0/8x x; do
		check "$name refuses $bad" refuses "$tool" "$bad a" "$bad"
	done
	check "$name refuses a third word" refuses "$tool" "10.0.0.0/8 a b" b
	if command -v dot >/dev/null; then
		check "$name writes what dot(1) draws" svg "$tool"
	else
		skip "$name writes what dot(1) draws" "no Graphviz"
	fi
done
plan
