# How anything is compiled and linked: profiles, flags, packages, and what an object waits for.

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

$(B)/revision.o $(B)/slots.o: %.o: %.c $(B)/.flags | $(SETUP)
	$(call say,CC,$@)$(CC) $(filter-out -Wmissing-prototypes,$(CFLAGS_ALL)) -c -o $@ $<

$(B)/%.o: %.c $(B)/.flags | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

$(B)/%.o: %.cc $(B)/.flags | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CXX,$@)$(CXX) $(CXXFLAGS_ALL) -MMD -MP -c -o $@ $<

# The one way to link, $(call link,LIBRARIES[,OBJECTS[,FLAGS]]): a program from what it depends on,
# archives last, with the libraries that its variants need. LINKER is C's, unless a target says so.
linked = $(filter-out %.a,$^) $(filter %.a,$^)
variants_in = $(filter $(B)/variants/%,$(patsubst $(B)/counted/%,$(B)/%,$^))
LINKER = $(CC) $(CFLAGS_ALL)
define link
@mkdir -p $(@D)
$(call say,LINK,$@)$(LINKER) $(3) $(LDFLAGS) -o $@ $(or $(2),$(linked)) $(call variant_libs,$(variants_in)) $(1)
endef
