# Test programs: a contract body per slot for every variant, and unit tests of every room.

SUPPORT := $(B)/tests/support/support.o $(BASE)
test_programs = $(patsubst %.c,$(B)/%,$(wildcard $(1)))
$(call objects,tests/*/*.c tests/*/*/*.c): | build/.setup-tests

CONTRACT_TESTS := $(foreach s,$(VARIANT_SOURCES),$(if $(wildcard tests/$(dir $s)contract.c),$(B)/tests/$(basename $s)))
contract_objects = $(filter-out $(B)/tests/variants/$(1)/test_%,$(call objects,tests/variants/$(1)/*.c))
# Tables are attacked.
attack_on = $(if $(filter hashtable/%,$(1)),$(B)/workloads/micro/hashtable_attack.o)
$(CONTRACT_TESTS): LIBS = $(TUNNEL_LIBS) -lcmocka
$(CONTRACT_TESTS): $(B)/tests/variants/%: $(B)/variants/%.o $$(call contract_objects,$$(call slot_of,$$*)) $(SUPPORT) \
		$$(call ring_under,$$*) $$(call attack_on,$$*)
	$(link)

# This contract's test counts allocations and makes them fail.
$(filter $(B)/tests/variants/allowedips/%,$(CONTRACT_TESTS)): LINK_FLAGS = $(call wrap,malloc calloc realloc free)

# Beyond the contract: tests/variants/SLOT/test_VARIANT.c.
VARIANT_TESTS := $(call test_programs,tests/variants/*/test_*.c)
$(VARIANT_TESTS): LIBS = $(TUNNEL_LIBS) -lcmocka
$(VARIANT_TESTS): %: %.o $(SUPPORT) $$(subst /tests/,/,$$(subst /test_,/,$$@)).o \
		$$(call ring_under,$$(subst $(B)/tests/variants/,,$$@))
	$(link)

TUNNEL_TESTS := $(call test_programs,tests/tunnel/test_*.c)
$(TUNNEL_TESTS): LIBS = $(TUNNEL_LIBS) -lcmocka -ljansson -lm
$(TUNNEL_TESTS): %: %.o $(SUPPORT) $(TUNNEL_CORE) $(B)/revision.o $$(call variant_objects,default)
	$(link)

# These refuse memory to the tunnel.
$(filter $(B)/tests/tunnel/test_memory%,$(TUNNEL_TESTS)): LINK_FLAGS = \
	$(call wrap,malloc calloc realloc aligned_alloc free mmap munmap epoll_ctl)

SHIM_TEST := $(B)/tests/workloads/test_cbenchmark
$(SHIM_TEST): LINKER = $(CXX) $(CXXFLAGS_ALL)
$(SHIM_TEST): LIBS = -lbenchmark -ljansson -lcmocka
$(SHIM_TEST): %: %.o $(SUPPORT) $(B)/workloads/micro/cbenchmark.o
	$(link)

HARNESS_ROOMS := base netns workloads harness $(call slot_of,$(wildcard harness/*/))
HARNESS_TESTS := $(filter-out $(SHIM_TEST),$(call test_programs,$(HARNESS_ROOMS:%=tests/%/test_*.c)))
$(HARNESS_TESTS): LIBS = $(HARNESS_LIBS) $(TRAFFIC_LIBS) -lcmocka
$(HARNESS_TESTS): %: %.o $(SUPPORT) $(HARNESS_CORE) $(TRAFFIC_CORE) $(B)/revision.o
	$(link)

TEST_PROGRAMS := $(CONTRACT_TESTS) $(VARIANT_TESTS) $(TUNNEL_TESTS) $(HARNESS_TESTS) $(SHIM_TEST)
# What needs neither a network namespace nor waiting.
CHECKED_PROGRAMS := $(filter-out $(B)/tests/netns/% $(B)/tests/tunnel/test_route,$(TEST_PROGRAMS))
CHECKED_SCRIPTS := $(patsubst %,tests/e2e/wgbench/%.sh,allowedips-dot export gate help history run selfcheck setup stalled)

test-programs: $(TEST_PROGRAMS) tunnels replays micro-programs harness tries ## build what `make test` runs

# ---- what `make test` has no time or no machine for

# A peer under load, for a script in tests/kernel/.
FLOOD := $(B)/tests/kernel/flood
$(FLOOD): LIBS = $(TUNNEL_LIBS)
$(FLOOD): %: %.o $(addprefix $(B)/tunnel/,clock.o cookie.o noise.o)
	$(link)

interop-kernel: tunnel $(FLOOD) ## test against the Linux kernel's WireGuard in a virtual machine (QEMU); some 3 minutes
	$(Q)scripts/fetch-kernel
	$(Q)PROFILE=$(PROFILE) tests/run tests/kernel/interop.sh

SOAK_SECONDS ?= 600
soak: build/.setup-tests harness tunnel ## two tunnels under mixed traffic and rekeys for SOAK_SECONDS (600): no loss, no growth
	$(Q)PROFILE=$(PROFILE) SOAK_SECONDS=$(SOAK_SECONDS) tests/e2e/tunnel/soak.sh

models: build/.setup-tests ## check the rings' models exhaustively with Spin
	$(Q)tests/run tests/e2e/wgbench/models.sh

# ---- the workers and the ring once as they are and once with their atomic operations counted

SCALED := $(basename $(notdir $(wildcard variants/workers/*.c)))
SCALING := $(SCALED:%=$(B)/tests/scaling/plain-%) $(SCALED:%=$(B)/tests/scaling/counted-%)
scaling_under = $(filter $(B)/variants/ring/% $(B)/variants/aead/%,$(call variant_objects,default))

$(B)/counted/%.o: %.c tests/scaling/count.h $(B)/.flags | build/.setup
	$(call compile,-DSCALING_COUNT -include tests/scaling/count.h)

$(SCALING): LIBS = $(TUNNEL_LIBS)
$(B)/tests/scaling/plain-%: $(B)/tests/scaling/scaling.o $(B)/variants/workers/%.o $(scaling_under)
	$(link)
$(B)/tests/scaling/counted-%: $(B)/tests/scaling/scaling.o $(B)/counted/variants/workers/%.o \
		$(patsubst $(B)/variants/ring/%,$(B)/counted/variants/ring/%,$(scaling_under))
	$(link)

scaling: $(SCALING) ## how one hot peer scales to 1, 2, 4 and 8 threads, by counts
	$(Q)scripts/scaling $(B)/tests/scaling
