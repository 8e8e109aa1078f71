# Clones of this repository with commits of its own, to be searched. Sourced.

# history_begin DIR: clones HEAD, and goes there; the tag `base` is where it begins.
history_begin() {
	git clone -q --no-hardlinks "$PWD" "$1"
	cd "$1"
	git config user.name tests
	git config user.email tests@example.org
	git tag base
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
