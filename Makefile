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

COMMON := -std=gnu11 -D_GNU_SOURCE -I. -g -fno-omit-frame-pointer -pthread \
	-Wall -Wextra -Wmissing-prototypes -Wshadow -Werror
FLAGS.release := -O2
FLAGS.debug := -O0
FLAGS.lto := -O2 -flto
FLAGS.asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
FLAGS.tsan := -O1 -fsanitize=thread
FLAGS.fuzz := -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
PROFILES := $(sort $(patsubst FLAGS.%,%,$(filter FLAGS.%,$(.VARIABLES))))
ifeq ($(filter $(PROFILE),$(PROFILES)),)
$(error unknown PROFILE '$(PROFILE)': one of $(PROFILES))
endif
CFLAGS_ALL := $(COMMON) $(FLAGS.$(PROFILE)) $(CFLAGS)
# Only the shim of Google Benchmark is C++.
CXXFLAGS_ALL := $(filter-out -std=gnu11 -Wmissing-prototypes,$(CFLAGS_ALL)) -std=gnu++17
TUNNEL_LIBS := -lIPSec_MB -lcrypto -lsodium -lb2 -lmnl
HARNESS_LIBS := -ljansson -lpfm -lsqlite3 -lz -lm
TRAFFIC_LIBS := -ljansson -lb2 -lsodium -lm

# ---- slots, variants, presets: what lies in the folders is what exists

SLOTS := $(notdir $(patsubst %/,%,$(wildcard variants/*/)))
VARIANT_SOURCES := $(wildcard variants/*/*.c)
CHOICES := $(foreach s,$(VARIANT_SOURCES),$(notdir $(patsubst %/,%,$(dir $s)))=$(basename $(notdir $s)))
PRESETS := $(shell LC_ALL=C sed -n 's/^\([a-z][a-z0-9-]*\) .*/\1/p' variants/presets)
comma := ,
preset_words = $(subst $(comma), ,$(shell sed -n 's/^$(1)  *//p' variants/presets))
DEFAULT_WORDS := $(call preset_words,default)
spec_words = $(DEFAULT_WORDS) $(if $(filter $(1),$(PRESETS)),$(call preset_words,$(1)),$(call checked,$(subst $(comma), ,$(1))))
# A cost planted into a tunnel: the word plant=Nns or plant=Ni (instructions), for each packet.
plants = $(filter plant=%ns plant=%i,$(subst $(comma), ,$(1)))
checked = $(foreach w,$(1),$(if $(filter $(w),$(CHOICES) $(call plants,$(w))),$(w),$(error unknown choice '$(w)': one of $(CHOICES), or a preset: $(PRESETS))))
chosen = $(foreach s,$(SLOTS),$(s)/$(lastword $(patsubst $(s)=%,%,$(filter $(s)=%,$(1)))))
variant_objects = $(patsubst %,$(B)/variants/%.o,$(call chosen,$(call spec_words,$(1))))
plant_object = $(patsubst plant=%,$(B)/workloads/planted/%.o,$(call plants,$(1)))
plant_flags = $(if $(call plants,$(1)),$(if $(filter lto,$(PROFILE)),$(error plant= is not for PROFILE=lto: --wrap misses what it links))-Wl$(comma)--wrap=encrypt$(comma)--wrap=decrypt)
slot_of = $(notdir $(patsubst %/,%,$(dir $(1))))
# Workers queue on a ring.
ring_under = $(if $(filter workers/%,$(1)),$(filter $(B)/variants/ring/%,$(call variant_objects,default)))
# A variant names the library that it alone needs in a line `// link: -lNAME`.
variant_libs = $(shell sed -n 's,^// link: ,,p' $(patsubst $(B)/%.o,%.c,$(1)))

BASE_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard base/*.c))
# An archive: a program gets what it calls, and needs no library that the rest needs.
BASE := $(B)/base.a
# What a program is linked from, archives last.
linked = $(filter-out %.a,$^) $(filter %.a,$^)
TUNNEL_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard tunnel/*.c)) $(BASE)
HARNESS_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard harness/*.c harness/*/*.c harness/commands/*/*.c netns/*.c workloads/*.c)) $(BASE)
REPLAY_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard workloads/replay/*.c))
TRAFFIC_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard workloads/traffic/*.c)) $(BASE)
SPEC ?= default
SPECS := $(PRESETS) $(filter-out $(DEFAULT_WORDS),$(CHOICES))

# ---- building

all: harness tunnel ## build the harness and the default tunnel

harness: $(B)/wgbench $(B)/wgbench-traffic ## build the wgbench program and its traffic generator

tunnel: $$(B)/tunnels/$$(SPEC)$$(if $$(LAYOUT),/layout-$$(LAYOUT))/wgbench-tunnel ## build one tunnel: make tunnel SPEC=ring=spinlock

tunnels: $$(foreach s,$$(SPECS),$$(B)/tunnels/$$s/wgbench-tunnel) ## build every preset and every single-slot change of default

replay: $$(B)/tunnels/$$(SPEC)/wgbench-replay ## build what `wgbench count` runs of one tunnel

replays: $$(foreach s,$$(SPECS),$$(B)/tunnels/$$s/wgbench-replay)

# What every object waits for: the packages, and the flags that it was built with.
build/.setup: scripts/setup
	$(Q)scripts/setup && mkdir -p build && touch $@
build/.setup-tests: scripts/setup
	$(Q)scripts/setup tests && mkdir -p build && touch $@
# Which of both: fuzz programs are all clang's.
SETUP := build/.setup$(if $(filter fuzz,$(PROFILE)),-tests)
$(patsubst %.c,$(B)/%.o,$(wildcard tests/*/*.c tests/*/*/*.c)): | build/.setup-tests

stamp = mkdir -p $(@D) && printf '%s\n' '$(1)' >$@.new && { cmp -s $@.new $@ && rm $@.new || mv $@.new $@; }
$(B)/.flags: FORCE
	@$(call stamp,$(CC) $(CXX) $(CFLAGS_ALL) $(LDFLAGS))
REVISION := $(or $(shell scripts/revision | sed -E 's/^([0-9a-f]{12})[0-9a-f]*/\1/'),unknown)
# Names the code that a measured value depends on: runs with the same word are one history. Comments
# and layout don't count.
MEASURING_SOURCES := $(sort $(wildcard netns/*.[ch] workloads/*.[ch] workloads/traffic/*.[ch] harness/plan/*.[ch] \
	harness/measure/*.[ch]))
MEASURING = $(shell LC_ALL=C sed 's,//.*,,' $(MEASURING_SOURCES) | tr -d ' \t\n' | sha256sum | cut -c 1-12)
$(B)/revision.c: FORCE
	@$(call stamp,const char wgbench_revision[] = "$(REVISION)"; const char wgbench_profile[] = "$(PROFILE)"; const char wgbench_measuring[] = "$(MEASURING)";)

# What --version prints: each slot and the name of the variant that the program is linked with.
$(B)/slots.c: FORCE
	@$(call stamp,$(foreach s,$(SLOTS),extern const char $(s)_variant[];) const char *const tunnel_slots[][2] = {$(foreach s,$(SLOTS),{"$(s)"$(comma) $(s)_variant}$(comma)) {0}};)

$(B)/revision.o $(B)/slots.o: %.o: %.c $(B)/.flags | $(SETUP)
	$(call say,CC,$@)$(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_ALL)) -c -o $@ $<

$(B)/%.o: %.c $(B)/.flags | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/%.o: %.cc $(B)/.flags | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CXX,$@)$(CXX) $(CXXFLAGS_ALL) -MMD -MP -c -o $@ $<

# A planted cost is the same source for any amount.
planted_define = $(patsubst %i,PLANT_INSTRUCTIONS=%,$(patsubst %ns,PLANT_NS=%,$(1)))
$(B)/workloads/planted/%.o: workloads/planted/cost.c $(B)/.flags | build/.setup
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) -D$(call planted_define,$*) -MMD -MP -c -o $@ $<

# tunnels/SPEC/, or tunnels/SPEC/layout-N/: the same objects in an order that is drawn from N.
spec_of = $(firstword $(subst /, ,$(1)))
layout_of = $(patsubst layout-%,%,$(word 2,$(subst /, ,$(1))))
drawn = $(shell printf '%s\n' $(2) | LC_ALL=C awk -v n=$(1) 'BEGIN { srand(n) } { printf "%.9f %s\n", rand(), $$0 }' | LC_ALL=C sort | cut -d' ' -f2)
laid_out = $(if $(call layout_of,$(1)),$(call drawn,$(call layout_of,$(1)),$(2)),$(2))
$(B)/tunnels/%/wgbench-tunnel: $(TUNNEL_OBJECTS) $(B)/revision.o $(B)/slots.o $$(call variant_objects,$$(call spec_of,$$*)) $$(call plant_object,$$(call spec_of,$$*))
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(call plant_flags,$(call spec_of,$*)) -o $@ $(call laid_out,$*,$(filter-out %.a,$^)) $(filter %.a,$^) $(call variant_libs,$(call variant_objects,$(call spec_of,$*))) $(TUNNEL_LIBS)

# The tunnel's objects, with system calls of its own.
$(B)/tunnels/%/wgbench-replay: $(filter-out %/main.o,$(TUNNEL_OBJECTS)) $(REPLAY_OBJECTS) $(B)/revision.o $$(call variant_objects,$$*) $$(call plant_object,$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) $(call plant_flags,$*) -o $@ $(linked) $(call variant_libs,$(call variant_objects,$*)) $(TUNNEL_LIBS)

$(BASE): $(BASE_OBJECTS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(B)/wgbench: $(HARNESS_OBJECTS) $(B)/revision.o
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(HARNESS_LIBS)

$(B)/wgbench-traffic: $(TRAFFIC_OBJECTS)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(TRAFFIC_LIBS)

# Shows how a variant of allowedips lays a table out.
TRIES := $(patsubst variants/allowedips/%.c,$(B)/tries/%-dot,$(filter variants/allowedips/%,$(VARIANT_SOURCES)))
$(TRIES): $(B)/tries/%-dot: $(B)/variants/allowedips/tools/dot.o $(B)/variants/allowedips/%.o $(BASE)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked)

tries: $(TRIES) ## build the tools that draw a table of allowed IPs: tries/VARIANT-dot <PREFIXES

# ---- microbenchmarks: a program for each variant of a slot that workloads/micro/ has a file for

MICRO_PROGRAMS := $(foreach s,$(VARIANT_SOURCES),$(if $(wildcard workloads/micro/$(notdir $(patsubst %/,%,$(dir $s))).c),$(B)/micro/$(patsubst variants/%.c,%,$s)))
MICRO_SHARED := $(addprefix $(B)/,workloads/micro/main.o workloads/micro/nothing.o workloads/traffic/histogram.o \
	workloads/micro/cbenchmark.o harness/machine/counters.o revision.o)
# A slot's file that measures it by the tunnel's own functions says so in a line `// needs: tunnel`.
MICRO_ON_TUNNEL := $(basename $(notdir $(shell grep -ls '^// needs: tunnel$$' workloads/micro/*.c)))
micro_needs = $(if $(filter $(call slot_of,$(1)),$(MICRO_ON_TUNNEL)),$(filter-out %/main.o,$(TUNNEL_OBJECTS)) \
	$(filter-out $(B)/variants/$(call slot_of,$(1))/%,$(call variant_objects,default)))
micro_parts = $(patsubst %.c,$(B)/%.o,$(wildcard workloads/micro/$(1).c workloads/micro/$(1)_*.c))

$(MICRO_PROGRAMS): $(B)/micro/%: $(B)/variants/%.o $$(call micro_parts,$$(call slot_of,$$*)) $(MICRO_SHARED) $$(call ring_under,$$*) $$(call micro_needs,$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CXX) $(CXXFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(call variant_libs,$(filter $(B)/variants/%,$^)) $(TUNNEL_LIBS) -lbenchmark -lpfm

micro-programs: $(MICRO_PROGRAMS) ## build the microbenchmark programs

micro: micro-programs harness ## build and run the microbenchmarks (wgbench micro --help picks some)
	$(Q)$(B)/wgbench micro

# ---- tests: a contract body per slot for every variant, unit tests, scripts in namespaces

CONTRACT_TESTS := $(foreach s,$(VARIANT_SOURCES),$(if $(wildcard tests/$(dir $s)contract.c),$(B)/tests/$(basename $s)))
TUNNEL_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/tunnel/test_*.c))
SHIM_TEST := $(B)/tests/workloads/test_cbenchmark
HARNESS_TESTS := $(filter-out $(SHIM_TEST),$(patsubst %.c,$(B)/%,$(wildcard $(foreach r,base netns workloads harness $(notdir $(patsubst %/.,%,$(wildcard harness/*/.))),tests/$(r)/test_*.c))))
# Beyond the contract: tests/variants/SLOT/test_VARIANT.c.
VARIANT_TESTS := $(patsubst %.c,$(B)/%,$(wildcard tests/variants/*/test_*.c))
TEST_PROGRAMS := $(CONTRACT_TESTS) $(VARIANT_TESTS) $(TUNNEL_TESTS) $(HARNESS_TESTS) $(SHIM_TEST)

contract_objects = $(patsubst %.c,$(B)/%.o,$(filter-out tests/variants/$(1)/test_%.c,$(wildcard tests/variants/$(1)/*.c)))
# Tables are attacked.
attack_on = $(if $(filter hashtable/%,$(1)),$(B)/workloads/micro/hashtable_attack.o)
$(CONTRACT_TESTS): $(B)/tests/variants/%: $(B)/variants/%.o $$(call contract_objects,$$(call slot_of,$$*)) $(B)/tests/support/support.o \
		$$(call ring_under,$$*) $$(call attack_on,$$*)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(call variant_libs,$(filter $(B)/variants/%,$^)) $(TUNNEL_LIBS) -lcmocka

# This contract's test counts allocations and makes them fail. --wrap misses what LTO links.
ifneq ($(PROFILE),lto)
$(filter $(B)/tests/variants/allowedips/%,$(CONTRACT_TESTS)): private LDFLAGS += \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
endif

# Likewise the tunnel's of memory that is refused.
ifneq ($(PROFILE),lto)
$(filter $(B)/tests/tunnel/test_memory%,$(TUNNEL_TESTS)): private LDFLAGS += \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=aligned_alloc,--wrap=free,--wrap=mmap,--wrap=munmap,--wrap=epoll_ctl
endif

$(VARIANT_TESTS): %: %.o $(B)/tests/support/support.o $$(subst /tests/,/,$$(subst /test_,/,$$@)).o \
		$$(call ring_under,$$(subst $(B)/tests/variants/,,$$@))
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(call variant_libs,$(filter $(B)/variants/%,$^)) $(TUNNEL_LIBS) -lcmocka

$(TUNNEL_TESTS): %: %.o $(B)/tests/support/support.o $(filter-out %/main.o,$(TUNNEL_OBJECTS)) $(B)/revision.o $$(call variant_objects,default)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(call variant_libs,$(filter $(B)/variants/%,$^)) $(TUNNEL_LIBS) -lcmocka -ljansson -lm

$(HARNESS_TESTS): %: %.o $(B)/tests/support/support.o $(filter-out %/main.o,$(HARNESS_OBJECTS) $(TRAFFIC_OBJECTS)) $(B)/revision.o
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(HARNESS_LIBS) $(TRAFFIC_LIBS) -lcmocka

$(SHIM_TEST): %: %.o $(B)/tests/support/support.o $(B)/workloads/micro/cbenchmark.o
	$(call say,LINK,$@)$(CXX) $(CXXFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) -lbenchmark -ljansson -lcmocka

test-programs: $(TEST_PROGRAMS) tunnels replays micro-programs harness tries ## build what `make test` runs

test: external test-programs ## set up, build and run every test (TESTS=PATTERN picks some)
	$(Q)PROFILE=$(PROFILE) tests/run $(TEST_PROGRAMS) $(wildcard tests/e2e/*/*.sh)

# What needs neither a network namespace nor waiting.
CHECKED_PROGRAMS := $(filter-out $(B)/tests/netns/% $(B)/tests/tunnel/test_route,$(TEST_PROGRAMS))
CHECKED_SCRIPTS := $(patsubst %,tests/e2e/wgbench/%.sh,allowedips-dot export gate history run selfcheck setup stalled)
check: rooms headers build/.setup-tests $(CHECKED_PROGRAMS) harness tries ## the quick part of `make test`
	$(Q)PROFILE=$(PROFILE) tests/run $(CHECKED_PROGRAMS) $(CHECKED_SCRIPTS)

# A peer under load, for a script in tests/kernel/.
FLOOD := $(B)/tests/kernel/flood
$(FLOOD): %: %.o $(addprefix $(B)/tunnel/,clock.o cookie.o noise.o)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(TUNNEL_LIBS)

interop-kernel: tunnel $(FLOOD) ## test against the Linux kernel's WireGuard in a virtual machine (QEMU); some 3 minutes
	$(Q)scripts/fetch-kernel
	$(Q)PROFILE=$(PROFILE) tests/run tests/kernel/interop.sh

SOAK_SECONDS ?= 600
soak: build/.setup-tests harness tunnel ## two tunnels under mixed traffic and rekeys for SOAK_SECONDS (600): no loss, no growth
	$(Q)PROFILE=$(PROFILE) SOAK_SECONDS=$(SOAK_SECONDS) tests/e2e/tunnel/soak.sh

models: build/.setup-tests ## check the rings' models exhaustively with Spin
	$(Q)tests/run tests/e2e/wgbench/models.sh

# Fuzz targets, tests/fuzz/TARGET.c, and what lies in tests/fuzz/TARGET/. They are programs of
# PROFILE=fuzz only.
FUZZ_PROGRAMS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 600
fuzz_objects = $(if $(filter configuration run_folder,$(1)),$(filter-out %/main.o,$(HARNESS_OBJECTS)) $(B)/tunnel/switches.o,$\
	$(filter-out %/main.o,$(TUNNEL_OBJECTS)) $(call variant_objects,workers=inline)) $(B)/revision.o
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $$(patsubst %.c,$(B)/%.o,$$(wildcard tests/fuzz/$$*/*.c)) $$(call fuzz_objects,$$*)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer $(LDFLAGS) -o $@ $(linked) $(call variant_libs,$(filter $(B)/variants/%,$^)) $(TUNNEL_LIBS) $(HARNESS_LIBS) -lcmocka

# This one looks at what gnuplot would get, and a disk needn't keep what it writes.
$(filter %/run_folder,$(FUZZ_PROGRAMS)): private LDFLAGS += -Wl,--wrap=process_run,--wrap=fsync

fuzz-programs: $(FUZZ_PROGRAMS)

fuzz: ## fuzz every parser for FUZZ_SECONDS (600) each, side by side (FUZZ=TARGET picks)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/e2e/wgbench/fuzz.sh $(FUZZ)

PLAN ?= standard
bench: external harness ## set up, build and run the standard comparison, under ten minutes (PLAN=ci: two)
	$(Q)$(B)/wgbench run --plan $(PLAN)

bench-speed: ## `default` against wireguard-go and plain veth, in every respect; some 20 minutes
	$(Q)$(MAKE) --no-print-directory bench PLAN=speed

# The workers and the ring once as they are and once with their atomic operations counted.
SCALING := $(foreach v,$(basename $(notdir $(wildcard variants/workers/*.c))),$(B)/tests/scaling/plain-$(v) $(B)/tests/scaling/counted-$(v))
scaling_under = $(filter $(B)/variants/ring/% $(B)/variants/aead/%,$(call variant_objects,default))
$(B)/counted/%.o: %.c tests/scaling/count.h $(B)/.flags | build/.setup
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) -DSCALING_COUNT -include tests/scaling/count.h -MMD -MP -c -o $@ $<
$(B)/tests/scaling/plain-%: $(B)/tests/scaling/scaling.o $(B)/variants/workers/%.o $(scaling_under)
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(call variant_libs,$(filter $(B)/variants/%,$^)) $(TUNNEL_LIBS)
$(B)/tests/scaling/counted-%: $(B)/tests/scaling/scaling.o $(B)/counted/variants/workers/%.o \
		$(patsubst $(B)/variants/ring/%,$(B)/counted/variants/ring/%,$(scaling_under))
	$(call say,LINK,$@)$(CC) $(CFLAGS_ALL) $(LDFLAGS) -o $@ $(linked) $(call variant_libs,$(filter $(B)/variants/%,$(patsubst $(B)/counted/%,$(B)/%,$^))) $(TUNNEL_LIBS)

scaling: $(SCALING) ## how one hot peer scales to 1, 2, 4 and 8 threads, by counts
	$(Q)scripts/scaling $(B)/tests/scaling

external: build/.setup ## fetch the external tunnels (wireguard-go) into build/external
	$(Q)scripts/fetch-external

setup: ## install the Debian packages that are missing, those that only tests need included
	$(Q)scripts/setup tests

FORMATTED := $(wildcard base/*.[ch] tunnel/*.[ch] variants/*/*.[ch] variants/*/tools/*.[ch] harness/*.[ch] harness/*/*.[ch] harness/commands/*/*.[ch] netns/*.[ch] workloads/*.[ch] workloads/traffic/*.[ch] workloads/replay/*.[ch] workloads/planted/*.c workloads/micro/*.[ch] workloads/micro/*.cc tests/*/*.[ch] tests/*/*/*.[ch])
format: ## lay the sources out as .clang-format says
	$(Q)clang-format -i $(FORMATTED)

format-check: ## fail where a source isn't laid out so
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

# A header is compiled by itself where it, or what it includes, has changed.
HEADERS := $(wildcard $(addsuffix /*.h,base tunnel variants/* netns harness harness/* harness/commands/* workloads workloads/* tests/support))
HEADERS_COMPILED := $(HEADERS:%=$(B)/headers/%.ok)
$(HEADERS_COMPILED): $(B)/headers/%.ok: %
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -MT $@ -MF $@.d -fsyntax-only -x c $<
	@touch $@
-include $(wildcard $(HEADERS_COMPILED:%=%.d))
headers: $(HEADERS_COMPILED) ## fail where a header doesn't compile by itself

rooms: ## fail where an #include runs against the table of rooms (scripts/rooms)
	$(Q)scripts/rooms

clean: ## remove build/
	$(Q)rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@printf '\n  PROFILE=%s  SPEC=%s  CC=%s  V=1 shows the commands\n' '$(subst $() $(),|,$(PROFILES))' '$(SPEC)' '$(CC)'

.PHONY: check all harness tunnel replay replays tunnels tries test interop-kernel soak models fuzz fuzz-programs test-programs micro micro-programs bench bench-speed scaling external setup format format-check rooms headers clean help FORCE
.SECONDARY:
FORCE:

-include $(patsubst %.o,%.d,$(BASE_OBJECTS) $(filter %.o,$(TUNNEL_OBJECTS) $(HARNESS_OBJECTS) $(TRAFFIC_OBJECTS) $(REPLAY_OBJECTS))) $(wildcard $(B)/variants/*/*.d $(B)/variants/*/tools/*.d $(B)/workloads/micro/*.d $(B)/workloads/planted/*.d $(B)/tests/*/*.d $(B)/tests/*/*/*.d $(B)/counted/variants/*/*.d)
