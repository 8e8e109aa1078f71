# Microbenchmarks: a program for each variant of a slot that workloads/micro/ has a file for

MICRO_PROGRAMS := $(foreach s,$(VARIANT_SOURCES),$(if $(wildcard workloads/micro/$(notdir $(patsubst %/,%,$(dir $s))).c),$(B)/micro/$(patsubst variants/%.c,%,$s)))
MICRO_SHARED := $(addprefix $(B)/,workloads/micro/main.o workloads/micro/nothing.o workloads/traffic/histogram.o \
	workloads/micro/cbenchmark.o harness/machine/counters.o revision.o)
# A slot's file that measures it by the tunnel's own functions says so in a line `// needs: tunnel`.
MICRO_ON_TUNNEL := $(basename $(notdir $(shell grep -ls '^// needs: tunnel$$' workloads/micro/*.c)))
micro_needs = $(if $(filter $(call slot_of,$(1)),$(MICRO_ON_TUNNEL)),$(filter-out %/main.o,$(TUNNEL_OBJECTS)) \
	$(filter-out $(B)/variants/$(call slot_of,$(1))/%,$(call variant_objects,default)))
micro_parts = $(patsubst %.c,$(B)/%.o,$(wildcard workloads/micro/$(1).c workloads/micro/$(1)_*.c))

$(MICRO_PROGRAMS): private LINKER = $(CXX) $(CXXFLAGS_ALL)
$(MICRO_PROGRAMS): $(B)/micro/%: $(B)/variants/%.o $$(call micro_parts,$$(call slot_of,$$*)) $(MICRO_SHARED) $$(call ring_under,$$*) $$(call micro_needs,$$*)
	$(call link,$(TUNNEL_LIBS) -lbenchmark -lpfm)

micro-programs: $(MICRO_PROGRAMS) ## build the microbenchmark programs

micro: micro-programs harness ## build and run the microbenchmarks (wgbench micro --help picks some)
	$(Q)$(B)/wgbench micro
