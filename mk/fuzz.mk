# Fuzz targets, tests/fuzz/TARGET.c, and what lies in tests/fuzz/TARGET/. They are programs of
# PROFILE=fuzz only.
FUZZ_PROGRAMS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 600
fuzz_objects = $(if $(filter configuration run_folder,$(1)),$(filter-out %/main.o,$(HARNESS_OBJECTS)) $(B)/tunnel/switches.o,$\
	$(filter-out %/main.o,$(TUNNEL_OBJECTS)) $(call variant_objects,workers=inline)) $(B)/revision.o
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $$(patsubst %.c,$(B)/%.o,$$(wildcard tests/fuzz/$$*/*.c)) $$(call fuzz_objects,$$*)
	$(call link,$(TUNNEL_LIBS) $(HARNESS_LIBS) -lcmocka,,-fsanitize=fuzzer)

# This one looks at what gnuplot would get, and a disk needn't keep what it writes.
$(filter %/run_folder,$(FUZZ_PROGRAMS)): private LDFLAGS += -Wl,--wrap=process_run,--wrap=fsync

fuzz-programs: $(FUZZ_PROGRAMS)

fuzz: ## fuzz every parser for FUZZ_SECONDS (600) each, side by side (FUZZ=TARGET picks)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/e2e/wgbench/fuzz.sh $(FUZZ)
