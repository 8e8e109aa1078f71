# Repositories with commits of their own, to be searched. Sourced.

# What a hook, a recipe and a user's shell may leave to a program.
hostile=(GIT_DIR=/nonexistent GIT_INDEX_FILE=/nonexistent GIT_TRACE=1 MAKEFLAGS=n LAYOUT=3
	BASH_ENV=/dev/stdin CDPATH=/ POSIXLY_CORRECT=1 LC_ALL=de_DE.UTF-8 LANGUAGE=de)

# clone_history DIR: clones HEAD, and goes there; the tag `base` is where it begins.
clone_history() {
	git clone -q --no-hardlinks "$PWD" "$1"
	cd "$1"
	set_author
	git tag base
}

# small_history DIR: likewise, a repository of its own whose replay is built in a moment: of what is
# counted there is one function, `output_encrypt`, and no packet.
small_history() {
	git init -q "$1"
	cd "$1"
	set_author
	mkdir -p tunnel variants/ring workloads/replay
	echo 'default ring=lockfree' >variants/presets
	touch variants/ring/lockfree.c variants/ring/spinlock.c tunnel/noise.c
	cat >Makefile <<-'END'
		replay: build/$(PROFILE)/tunnels/$(SPEC)/wgbench-replay
		build/$(PROFILE)/tunnels/$(SPEC)/wgbench-replay: $(addsuffix .c,workloads/replay/main tunnel/output tunnel/noise); \
			mkdir -p $(@D) && $(CC) -O1 -o $@ $^
	END
	cat >tunnel/output.c <<-'END'
		struct workers_job { int packets; };
		#define batch_of(job) (job)
		void output_encrypt(struct workers_job *job)
		{
			for (long n = job->packets * 100000L; n; n--)
				__asm__ volatile("");
		}
	END
	cat >workloads/replay/main.c <<-'END'
		#include <stdio.h>
		#include <valgrind/callgrind.h>
		struct workers_job { int packets; };
		void output_encrypt(struct workers_job *job);
		int main(void)
		{
			const char *const side[] = {"encrypt", "decrypt", "both"};
			for (int i = 0; i < 3; i++) {
				CALLGRIND_ZERO_STATS;
				output_encrypt(&(struct workers_job){1});
				CALLGRIND_DUMP_STATS_AT(side[i]);
				printf("%s packets=1 bytes=64 calls=0\n", side[i]);
			}
			return 0;
		}
	END
	git add .
	git commit -qm base
	git tag base
}

set_author() {
	git config user.name tests
	git config user.email tests@example.org
}

# hostile_home DIR: a user whose options and hooks change what git prints and checks out; what is
# signed from now on would be shown with its signature.
hostile_home() {
	mkdir -p "$1/hooks"
	export HOME=$1
	cat >"$1/gpg" <<-'END'
		#!/bin/sh
		cat >/dev/null
		case $* in
		*--verify*) echo "[GNUPG:] GOODSIG 1 tests"; echo "gpg: Good signature" >&2 ;;
		*) echo "[GNUPG:] SIG_CREATED " >&2; printf -- '-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n' ;;
		esac
	END
	printf '#!/bin/sh\nexit 1\n' >"$1/hooks/post-checkout"
	chmod +x "$1/gpg" "$1/hooks/post-checkout"
	git config --global gpg.program "$1/gpg"
	git config --global log.showSignature true
	git config --global format.pretty fuller
	git config --global color.ui always
	git config --global core.autocrlf true
	git config gpg.program "$1/gpg"
	git config core.autocrlf false # of the clone itself, in which commits are made
	git config core.hooksPath /dev/null
}

commit() { git commit -qa --allow-empty -m "$1"; }

# A loop of 8000 turns, a microsecond or three, for each packet that is encrypted.
plant() {
	sed -i '/^void output_encrypt(struct workers_job/,/^{/s/^{/{\n\tfor (long n = batch_of(job)->packets * 8000L; n; n--)\n\t\t__asm__ volatile("");/' \
		tunnel/output.c
	git diff --quiet && return 1
	commit "$1"
}

break_build() {
	echo 'this is no C' >>tunnel/noise.c
	commit "$1"
}

mend_build() {
	git checkout -q base -- tunnel/noise.c
	commit "$1"
}
