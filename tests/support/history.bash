# Clones of this repository with commits of its own, to be searched. Sourced.

# history_begin DIR: clones HEAD, and goes there; the tag `base` is where it begins.
history_begin() {
	git clone -q --no-hardlinks "$PWD" "$1"
	cd "$1"
	git config user.name tests
	git config user.email tests@example.org
	git tag base
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
	sed -i '/^void encrypt(struct workers_job/,/^{/s/^{/{\n\tfor (long n = batch_of(job)->packets * 8000L; n; n--)\n\t\t__asm__ volatile("");/' \
		tunnel/send.c
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
