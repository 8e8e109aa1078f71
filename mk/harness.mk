# The wgbench program and its traffic generator.

HARNESS_LIBS := -ljansson -lpfm -lsodium -lsqlite3 -lz -lm
HARNESS_OBJECTS := $(call objects,harness/*.c harness/*/*.c harness/*/*/*.c netns/*.c workloads/*.c) \
	$(B)/harness/show/page.css.o $(BASE)
HARNESS_CORE := $(filter-out %/main.o,$(HARNESS_OBJECTS))

# A file as it is, found between _binary_PATH_start and _binary_PATH_end.
$(B)/%.css.o: %.css $(B)/.flags | $(SETUP)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(LD) -r -b binary -z noexecstack -o $@ $<

TRAFFIC_LIBS := -ljansson -lb2 -lsodium -lm
TRAFFIC_OBJECTS := $(call objects,workloads/traffic/*.c) $(BASE)
TRAFFIC_CORE := $(filter-out %/main.o,$(TRAFFIC_OBJECTS))

$(B)/wgbench: LIBS = $(HARNESS_LIBS)
$(B)/wgbench: $(HARNESS_OBJECTS) $(B)/revision.o
	$(link)

$(B)/wgbench-traffic: LIBS = $(TRAFFIC_LIBS)
$(B)/wgbench-traffic: $(TRAFFIC_OBJECTS)
	$(link)

# The rooms that a measured value depends on. Runs with the same digest of them are one history.
# Comments and layout don't count.
MEASURING_ROOMS := netns workloads workloads/traffic harness/plan harness/measure
MEASURING_SOURCES = $(sort $(wildcard $(addsuffix /*.[ch],$(MEASURING_ROOMS)) harness/machine/processes.[ch]))
MEASURING = $(shell LC_ALL=C sed 's,//.*,,' $(MEASURING_SOURCES) | \
	tr -d ' \t\n' | sha256sum | cut -c 1-12)
REVISION := $(or $(shell scripts/revision | sed -E 's/^([0-9a-f]{12})[0-9a-f]*/\1/'),unknown)
revision_source = const char wgbench_revision[] = "$(REVISION)"; \
	const char wgbench_profile[] = "$(PROFILE)"; \
	const char wgbench_measuring[] = "$(MEASURING)";
$(B)/revision.c: FORCE
	@$(call stamp,$(revision_source))
