# wgbench: one non-recursive Makefile. `make help` lists the targets.
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDEXPANSION:
.DEFAULT_GOAL := all

PROFILE ?= release
CC ?= gcc
ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(origin CXX),default)
CXX := $(if $(findstring clang,$(CC)),clang++,g++)
endif
ifeq ($(PROFILE),fuzz)
CC := clang
CXX := clang++
endif
# What the caller's shell or a git hook leaves in the environment is not for recipes.
unexport BASH_ENV CDPATH ENV GREP_OPTIONS POSIXLY_CORRECT GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_CONFIG \
	GIT_CONFIG_COUNT GIT_CONFIG_PARAMETERS GIT_DIR GIT_COMMON_DIR GIT_EXTERNAL_DIFF GIT_INDEX_FILE \
	GIT_NAMESPACE GIT_OBJECT_DIRECTORY GIT_PREFIX GIT_WORK_TREE
# tc, nft and dpkg's helpers are where a root shell by `su` doesn't look.
export PATH := $(or $(PATH),/usr/bin:/bin):/usr/sbin:/sbin
B := build/$(PROFILE)
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)';)

# In this order: a part uses what those before it define.
include mk/build.mk mk/harness.mk mk/tunnels.mk mk/micro.mk mk/tests.mk mk/fuzz.mk mk/check.mk

all: harness tunnel ## build the harness and the default tunnel

harness: $(B)/wgbench $(B)/wgbench-traffic ## build the wgbench program and its traffic generator

PLAN ?= standard
bench: external harness ## set up, build and run the standard comparison, under ten minutes (PLAN=ci: two)
	$(Q)$(B)/wgbench run --plan $(PLAN)

bench-speed: ## `default` against wireguard-go and plain veth, in every respect; some 20 minutes
	$(Q)$(MAKE) --no-print-directory bench PLAN=speed

benchmarks: harness ## write the figures of BENCHMARKS.md anew from results/reference/
	$(Q)PROFILE=$(PROFILE) scripts/benchmarks

external: build/.setup ## fetch the external tunnels (wireguard-go) into build/external
	$(Q)scripts/fetch-external

setup: ## install the Debian packages that are missing, those that only tests need included
	$(Q)scripts/setup tests

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@printf '\n  PROFILE=%s  SPEC=%s  CC=%s  V=1 shows the commands\n' '$(subst $() $(),|,$(PROFILES))' '$(SPEC)' '$(CC)'

.PHONY: check all harness tunnel replay replays tunnels tries test interop-kernel soak models fuzz fuzz-programs test-programs micro micro-programs bench bench-speed benchmarks scaling external setup format format-check rooms headers clean help FORCE
.SECONDARY:
FORCE:

-include $(patsubst %.o,%.d,$(BASE_OBJECTS) $(filter %.o,$(TUNNEL_OBJECTS) $(HARNESS_OBJECTS) $(TRAFFIC_OBJECTS) $(REPLAY_OBJECTS))) $(wildcard $(B)/variants/*/*.d $(B)/variants/*/tools/*.d $(B)/workloads/micro/*.d $(B)/workloads/planted/*.d $(B)/tests/*/*.d $(B)/tests/*/*/*.d $(B)/counted/variants/*/*.d)
