# Microbenchmarks: a program for each variant of a slot that workloads/micro/ has a file for.

MICRO_SLOTS := $(filter $(SLOTS),$(basename $(notdir $(wildcard workloads/micro/*.c))))
MICRO_PROGRAMS := $(patsubst variants/%.c,$(B)/micro/%,$(wildcard $(MICRO_SLOTS:%=variants/%/*.c)))
MICRO_SHARED := $(addprefix $(B)/,workloads/micro/main.o workloads/micro/nothing.o workloads/traffic/histogram.o \
	workloads/micro/cbenchmark.o harness/machine/counters.o revision.o base.a)
micro_parts = $(call objects,workloads/micro/$(1).c workloads/micro/$(1)_*.c)

# A slot's file that measures it by the tunnel's own functions says so in a line `// needs: tunnel`.
MICRO_ON_TUNNEL := $(basename $(notdir $(shell grep -ls '^// needs: tunnel$$' workloads/micro/*.c)))
micro_needs = $(if $(filter $(1),$(MICRO_ON_TUNNEL)),$(TUNNEL_CORE) \
	$(filter-out $(B)/variants/$(1)/%,$(call variant_objects,default)))

$(MICRO_PROGRAMS): LINKER = $(CXX) $(CXXFLAGS_ALL)
$(MICRO_PROGRAMS): LIBS = $(TUNNEL_LIBS) -lbenchmark -lpfm
$(MICRO_PROGRAMS): $(B)/micro/%: $(B)/variants/%.o $$(call micro_parts,$$(call slot_of,$$*)) $(MICRO_SHARED) \
		$$(call ring_under,$$*) $$(call micro_needs,$$(call slot_of,$$*))
	$(link)

micro-programs: $(MICRO_PROGRAMS) ## build the microbenchmark programs

micro: micro-programs harness ## build and run the microbenchmarks (see wgbench help micro)
	$(Q)$(B)/wgbench micro
