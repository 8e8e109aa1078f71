# Fuzz targets: tests/fuzz/TARGET.c, and what lies in tests/fuzz/TARGET/; only with PROFILE=fuzz.

FUZZ_PROGRAMS := $(patsubst %.c,$(B)/%,$(wildcard tests/fuzz/*.c))
FUZZ_SECONDS ?= 600
FUZZ_ON_HARNESS := configuration run_folder
fuzz_objects = $(if $(filter $(FUZZ_ON_HARNESS),$(1)), \
	$(HARNESS_CORE) $(B)/tunnel/switches.o, \
	$(TUNNEL_CORE) $(call variant_objects,workers=inline)) $(B)/revision.o
$(FUZZ_PROGRAMS): LIBS = $(TUNNEL_LIBS) $(HARNESS_LIBS) -lcmocka
$(FUZZ_PROGRAMS): LINK_FLAGS = -fsanitize=fuzzer
# Objects of TARGET/ would need a folder of the program's own name: its sources go to the link.
$(FUZZ_PROGRAMS): $(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $$(wildcard tests/fuzz/$$*/*.[ch]) $$(call fuzz_objects,$$*)
	$(link)
$(FUZZ_PROGRAMS): linked = $(filter %.o %.c,$^) $(filter %.a,$^)

# This one looks at what gnuplot would get, and a disk needn't keep what it writes.
$(filter %/run_folder,$(FUZZ_PROGRAMS)): LINK_FLAGS += $(call wrap,process_run fsync)

fuzz-programs: $(FUZZ_PROGRAMS)

fuzz: ## fuzz every parser for FUZZ_SECONDS (600) each, side by side (FUZZ=TARGET picks)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) tests/e2e/wgbench/fuzz.sh $(FUZZ)
