#!/bin/bash
# scripts/setup against a made-up apt, and that make compiles nothing before it is through.
set -euo pipefail
cd "$(dirname "$0")/../../.."
. tests/support/tap.bash

make_dir
chmod 755 "$dir" # for an ordinary user
cp scripts/setup "$dir/setup"
mkdir "$dir/bin"
names=$(sed -n '/^needs()/,/END$/p' scripts/setup | awk 'NF > 2 && !/needs\(\)/ { print $1 }')

# fake NAME: a program from standard input, before all others in PATH.
fake() {
	{ echo '#!/bin/bash' && cat; } >"$dir/bin/$1"
	chmod 755 "$dir/bin/$1"
}

fake dpkg-query <<-END
	sed 's/\$/ installed/' $dir/installed
	exit 1
END
fake apt-cache <<-END
	shift
	for name; do ! grep -qx "\$name" $dir/offered || echo "\$name | 1 | nowhere Packages"; done
END
fake apt-get <<-END
	type -p sysctl >/dev/null || exit 9 # as dpkg looks for ldconfig
	[[ \$1 == install ]] || exit 0
	shift
	sleep 0.2
	for name; do [[ \$name == -* ]] || echo "\$name"; done | tee -a $dir/installed >>$dir/got
END

# machine INSTALLED OFFERED: which of the names, by sed scripts on their list.
machine() {
	sed "$1" <<<"$names" | tr '|' '\n' >"$dir/installed"
	sed "$2" <<<"$names" | tr '|' '\n' >"$dir/offered"
	: >"$dir/got"
}

# sets_up STATUS: of what setup says, in $dir/said.
sets_up() {
	local status=0
	PATH=$dir/bin:$PATH "${as[@]}" "$dir/setup" tests >"$dir/said" 2>&1 || status=$?
	cat "$dir/said"
	equal "$status" "$1"
}

as=()
got() { grep -v Lock::Timeout "$dir/got" | tr '\n' ' '; }
libclang='^libclang-rt'

nothing_to_do() {
	machine '' ''
	sets_up 0
	equal "$(<"$dir/said")" ""
}

newer_name() {
	machine "/$libclang/d" ''
	sets_up 0
	equal "$(got)" "libclang-rt-dev "
}

older_name() {
	machine "/$libclang/d" "s/$libclang-dev|//"
	sets_up 0
	equal "$(got)" "libclang-rt-14-dev "
}

older_name_is_there() {
	machine "s/$libclang-dev|//" ''
	sets_up 0
	equal "$(<"$dir/said")" ""
}

no_name() {
	machine "/$libclang/d; /^spin/d" "/$libclang/d"
	sets_up 2
	match "$(<"$dir/said")" "libclang-rt-dev or libclang-rt-14-dev \(tests: "
	match "$(<"$dir/said")" "add a source"
	equal "$(got)" ""
}

printed_for_a_user() {
	machine "/$libclang/d; /^spin/d" "s/$libclang-dev|//"
	as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
	sets_up 2
	match "$(<"$dir/said")" "as root, run: .*install.* spin libclang-rt-14-dev$"
	equal "$(got)" ""
}

no_source_was_read() {
	machine "/$libclang/d" d
	sets_up 0
	equal "$(got)" "libclang-rt-dev "
}

two_at_once() {
	local pid
	machine "/^iperf3/d" ''
	PATH=$dir/bin:$PATH "$dir/setup" &
	pid=$!
	PATH=$dir/bin:$PATH "$dir/setup" tests
	wait "$pid"
	equal "$(got)" "iperf3 "
}

without_sbin() {
	machine "/^spin/d" ''
	PATH=$(tr : '\n' <<<"$PATH" | grep -v sbin | paste -sd :) sets_up 0
	equal "$(got)" "spin "
}

# As on a machine that had no compiler before.
nothing_is_compiled_before() {
	rm -rf "$dir"/{tree,ready,ready-tests}
	mkdir "$dir/tree"
	git ls-files -co --exclude-standard -- Makefile 'mk/*.mk' '*.[ch]' '*.cc' '*.css' variants/presets | xargs -d "\n" cp --parents -t "$dir/tree"
	mkdir "$dir/tree/scripts"
	cat >"$dir/tree/scripts/setup" <<-END
		#!/bin/bash
		sleep 0.5
		touch "$dir/ready\${1:+-\$1}"
	END
	chmod +x "$dir/tree/scripts/setup"
	fake compiler <<-END
		while (("\$#")); do
			[[ \$1 != -o ]] || out=\$2
			shift
		done
		[[ -e $dir/ready-tests || (-e $dir/ready && \$out != */tests/*) ]] || exit 1
		touch "\$out"
	END
	make -C "$dir/tree" -j16 CC="$dir/bin/compiler" CXX="$dir/bin/compiler" "$@"
}

root_only() { ((EUID == 0)) && check "$@" || skip "$1" "needs root"; }

check "silent where nothing is missing" nothing_to_do
check "any of a package's names will do" older_name_is_there
root_only "the first name that is offered is installed" newer_name
root_only "an older release's name is installed" older_name
root_only "a package without a name here is said, and nothing installed" no_name
root_only "without root, this release's names are printed" printed_for_a_user
root_only "the first name is taken where no source was read" no_source_was_read
root_only "two at once install once" two_at_once
root_only "works without sbin in PATH" without_sbin
check "make compiles nothing before it" nothing_is_compiled_before harness tunnel replay test-programs
check "nor does a fuzz build before it" nothing_is_compiled_before PROFILE=fuzz fuzz-programs
plan
