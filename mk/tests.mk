# Tests: a contract body per slot for every variant, unit tests, scripts in namespaces

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
	$(call link,$(TUNNEL_LIBS) -lcmocka)

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
	$(call link,$(TUNNEL_LIBS) -lcmocka)

$(TUNNEL_TESTS): %: %.o $(B)/tests/support/support.o $(filter-out %/main.o,$(TUNNEL_OBJECTS)) $(B)/revision.o $$(call variant_objects,default)
	$(call link,$(TUNNEL_LIBS) -lcmocka -ljansson -lm)

$(HARNESS_TESTS): %: %.o $(B)/tests/support/support.o $(filter-out %/main.o,$(HARNESS_OBJECTS) $(TRAFFIC_OBJECTS)) $(B)/revision.o
	$(call link,$(HARNESS_LIBS) $(TRAFFIC_LIBS) -lcmocka)

$(SHIM_TEST): private LINKER = $(CXX) $(CXXFLAGS_ALL)
$(SHIM_TEST): %: %.o $(B)/tests/support/support.o $(B)/workloads/micro/cbenchmark.o
	$(call link,-lbenchmark -ljansson -lcmocka)

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
	$(call link,$(TUNNEL_LIBS))

interop-kernel: tunnel $(FLOOD) ## test against the Linux kernel's WireGuard in a virtual machine (QEMU); some 3 minutes
	$(Q)scripts/fetch-kernel
	$(Q)PROFILE=$(PROFILE) tests/run tests/kernel/interop.sh

SOAK_SECONDS ?= 600
soak: build/.setup-tests harness tunnel ## two tunnels under mixed traffic and rekeys for SOAK_SECONDS (600): no loss, no growth
	$(Q)PROFILE=$(PROFILE) SOAK_SECONDS=$(SOAK_SECONDS) tests/e2e/tunnel/soak.sh

models: build/.setup-tests ## check the rings' models exhaustively with Spin
	$(Q)tests/run tests/e2e/wgbench/models.sh


# The workers and the ring once as they are and once with their atomic operations counted.
SCALING := $(foreach v,$(basename $(notdir $(wildcard variants/workers/*.c))),$(B)/tests/scaling/plain-$(v) $(B)/tests/scaling/counted-$(v))
scaling_under = $(filter $(B)/variants/ring/% $(B)/variants/aead/%,$(call variant_objects,default))
$(B)/counted/%.o: %.c tests/scaling/count.h $(B)/.flags | build/.setup
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) -DSCALING_COUNT -include tests/scaling/count.h -MMD -MP -c -o $@ $<
$(B)/tests/scaling/plain-%: $(B)/tests/scaling/scaling.o $(B)/variants/workers/%.o $(scaling_under)
	$(call link,$(TUNNEL_LIBS))
$(B)/tests/scaling/counted-%: $(B)/tests/scaling/scaling.o $(B)/counted/variants/workers/%.o \
		$(patsubst $(B)/variants/ring/%,$(B)/counted/variants/ring/%,$(scaling_under))
	$(call link,$(TUNNEL_LIBS))

scaling: $(SCALING) ## how one hot peer scales to 1, 2, 4 and 8 threads, by counts
	$(Q)scripts/scaling $(B)/tests/scaling
