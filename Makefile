# wgbench: one non-recursive Makefile, its parts in mk/. `make help` lists the targets.
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDEXPANSION:
.SECONDARY:
.DEFAULT_GOAL := all

# What the caller may set, next to CC, CFLAGS and LDFLAGS.
PROFILE ?= release
SPEC ?= default
PLAN ?= standard
B := build/$(PROFILE)
Q := $(if $(V),,@)

# What the caller's shell or a git hook leaves in the environment is not for recipes.
unexport BASH_ENV CDPATH ENV GREP_OPTIONS POSIXLY_CORRECT GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG \
	GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS GIT_DIR GIT_COMMON_DIR GIT_EXTERNAL_DIFF GIT_INDEX_FILE \
	GIT_NAMESPACE GIT_OBJECT_DIRECTORY GIT_PREFIX GIT_WORK_TREE
# tc, nft and dpkg's helpers are where a root shell by `su` doesn't look.
export PATH := $(or $(PATH),/usr/bin:/bin):/usr/sbin:/sbin

# A part may use what those before it define.
PARTS := $(patsubst %,mk/%.mk,setup flags build tunnels harness micro tests fuzz check install)
include $(PARTS)

all: harness tunnel ## build the harness and the default tunnel

harness: $(B)/wgbench $(B)/wgbench-traffic ## build the wgbench program and its traffic generator

tunnel: $(B)/tunnels/$(SPEC)/$(if $(LAYOUT),layout-$(LAYOUT)/)wgbench-tunnel ## build one tunnel: make tunnel SPEC=ring=spinlock

bench: external harness ## set up, build and run the standard comparison, under ten minutes (PLAN=ci: three)
	$(Q)$(B)/wgbench run --plan $(PLAN)

bench-speed: PLAN := speed
bench-speed: bench ## `default` against wireguard-go and plain veth, in every respect; some 20 minutes

benchmarks: harness ## write the figures of BENCHMARKS.md anew from results/reference/
	$(Q)PROFILE=$(PROFILE) scripts/benchmarks

options: harness ## write doc/options.md anew from what the commands say
	$(Q)scripts/options $(B)/wgbench >doc/options.md

check: rooms headers build/.setup-tests $(CHECKED_PROGRAMS) harness tries ## the quick part of `make test`
	$(Q)PROFILE=$(PROFILE) tests/run $(CHECKED_PROGRAMS) $(CHECKED_SCRIPTS)

test: external test-programs ## set up, build and run every test (TESTS=PATTERN picks some)
	$(Q)PROFILE=$(PROFILE) tests/run $(TEST_PROGRAMS) $(wildcard tests/e2e/*/*.sh)

setup: ## install the Debian packages that are missing, those that only tests need included
	$(Q)scripts/setup tests

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile $(PARTS) | expand -t 18
	@printf '\n  PROFILE=%s  SPEC=%s  CC=%s  V=1 shows the commands\n' \
		'$(subst $() $(),|,$(PROFILES))' '$(SPEC)' '$(CC)'

.PHONY: all harness tunnel bench bench-speed benchmarks options check test setup clean help external tunnels replay \
	replays tries micro micro-programs test-programs interop-kernel soak models fuzz fuzz-programs scaling \
	format format-check rooms headers install uninstall FORCE
FORCE:

-include $(shell find $(B) -name '*.d' 2>/dev/null)
