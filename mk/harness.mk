# The harness, the traffic generator, and what they know of themselves.

BASE_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard base/*.c))
# An archive: a program gets what it calls, and needs no library that the rest needs.
BASE := $(B)/base.a
HARNESS_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard harness/*.c harness/*/*.c harness/commands/*/*.c netns/*.c workloads/*.c)) $(BASE)
TRAFFIC_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard workloads/traffic/*.c)) $(BASE)

REVISION := $(or $(shell scripts/revision | sed -E 's/^([0-9a-f]{12})[0-9a-f]*/\1/'),unknown)
# Names the code that a measured value depends on: runs with the same word are one history. Comments
# and layout don't count.
MEASURING_SOURCES := $(sort $(wildcard netns/*.[ch] workloads/*.[ch] workloads/traffic/*.[ch] harness/plan/*.[ch] \
	harness/measure/*.[ch]))
MEASURING = $(shell LC_ALL=C sed 's,//.*,,' $(MEASURING_SOURCES) | tr -d ' \t\n' | sha256sum | cut -c 1-12)
$(B)/revision.c: FORCE
	@$(call stamp,const char wgbench_revision[] = "$(REVISION)"; const char wgbench_profile[] = "$(PROFILE)"; const char wgbench_measuring[] = "$(MEASURING)";)

$(BASE): $(BASE_OBJECTS)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(B)/wgbench: $(HARNESS_OBJECTS) $(B)/revision.o
	$(call link,$(HARNESS_LIBS))

$(B)/wgbench-traffic: $(TRAFFIC_OBJECTS)
	$(call link,$(TRAFFIC_LIBS))
