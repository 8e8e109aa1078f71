# Compilers, profiles and flags.

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

COMMON := -std=gnu11 -D_GNU_SOURCE -I. -g -fno-omit-frame-pointer -pthread \
	-Wall -Wextra -Wmissing-prototypes -Wshadow -Werror
CFLAGS_ALL := $(COMMON) $(FLAGS.$(PROFILE)) $(CFLAGS)
# Only the shim of Google Benchmark is C++.
CXXFLAGS_ALL := $(filter-out -std=gnu11 -Wmissing-prototypes,$(CFLAGS_ALL)) -std=gnu++17

# Writes a line to a file, and leaves the file alone when it has that line.
stamp = mkdir -p $(@D) && printf '%s\n' '$(1)' >$@.new && { cmp -s $@.new $@ && rm $@.new || mv $@.new $@; }

# Objects depend on this: other flags rebuild them all.
$(B)/.flags: FORCE
	@$(call stamp,$(CC) $(CXX) $(CFLAGS_ALL) $(LDFLAGS))
