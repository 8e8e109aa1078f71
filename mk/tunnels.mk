# The tunnel: slots, variants and presets are the folders, files and lines that exist.

SLOTS := $(notdir $(patsubst %/,%,$(wildcard variants/*/)))
VARIANT_SOURCES := $(wildcard variants/*/*.c)
slot_of = $(notdir $(patsubst %/,%,$(dir $(1))))
CHOICES := $(foreach s,$(VARIANT_SOURCES),$(call slot_of,$s)=$(basename $(notdir $s)))
PRESETS := $(shell LC_ALL=C sed -n 's/^\([a-z][a-z0-9-]*\) .*/\1/p' variants/presets)

# ---- from a SPEC to objects

words_of = $(subst $(comma), ,$(1))
hash := \#
preset_words = $(call words_of,$(shell sed -n 's/ *$(hash).*//; s/^$(1)  *//p' variants/presets))
DEFAULT_WORDS := $(call preset_words,default)
SPECS := $(PRESETS) $(filter-out $(DEFAULT_WORDS),$(CHOICES))

unknown_choice = $(error unknown choice '$(1)': one of $(CHOICES), or a preset: $(PRESETS))
checked = $(foreach w,$(1),$(if $(filter $(w),$(CHOICES) $(call plants,$(w))),$(w),$(call unknown_choice,$(w))))
spec_words = $(DEFAULT_WORDS) \
	$(if $(filter $(1),$(PRESETS)),$(call preset_words,$(1)),$(call checked,$(call words_of,$(1))))
# The last word on a slot counts.
chosen = $(foreach s,$(SLOTS),$(s)/$(lastword $(patsubst $(s)=%,%,$(filter $(s)=%,$(1)))))
variant_objects = $(patsubst %,$(B)/variants/%.o,$(call chosen,$(call spec_words,$(1))))
# Workers queue on a ring.
ring_under = $(if $(filter workers/%,$(1)),$(filter $(B)/variants/ring/%,$(call variant_objects,default)))

# ---- a planted cost: the word plant=Nns or plant=Ni (instructions), for each packet

plants = $(filter plant=%ns plant=%i,$(call words_of,$(1)))
plant_object = $(patsubst plant=%,$(B)/workloads/planted/%.o,$(call plants,$(1)))
plant_flags = $(if $(call plants,$(1)),$(or $(call wrap,output_encrypt input_decrypt),\
	$(error plant= is not for PROFILE=lto: --wrap misses what it links)))
plant_define = $(patsubst %i,-DPLANT_INSTRUCTIONS=%,$(patsubst %ns,-DPLANT_NS=%,$(1)))
$(B)/workloads/planted/%.o: workloads/planted/cost.c $(B)/.flags | build/.setup
	$(call compile,$(call plant_define,$*))

# ---- tunnels/SPEC/, or tunnels/SPEC/layout-N/: the same objects in an order that is drawn from N

spec_of = $(firstword $(subst /, ,$(1)))
layout_of = $(patsubst layout-%,%,$(word 2,$(subst /, ,$(1))))
drawn = $(shell printf '%s\n' $(2) | \
	LC_ALL=C awk -v n=$(1) 'BEGIN { srand(n) } { printf "%.9f %s\n", rand(), $$0 }' | LC_ALL=C sort | cut -d' ' -f2)
laid_out = $(if $(call layout_of,$(1)),$(call drawn,$(call layout_of,$(1)),$(2)),$(2))

TUNNEL_LIBS := -lIPSec_MB -lcrypto -lsodium -lb2 -lmnl
TUNNEL_OBJECTS := $(call objects,tunnel/*.c) $(BASE)
TUNNEL_CORE := $(filter-out %/main.o,$(TUNNEL_OBJECTS))

$(B)/tunnels/%: LIBS = $(TUNNEL_LIBS)
$(B)/tunnels/%: LINK_FLAGS = $(call plant_flags,$(call spec_of,$*))
$(B)/tunnels/%: linked = $(call laid_out,$*,$(filter-out %.a,$^)) $(filter %.a,$^)

$(B)/tunnels/%/wgbench-tunnel: $(TUNNEL_OBJECTS) $(B)/revision.o $(B)/slots.o \
		$$(call variant_objects,$$(call spec_of,$$*)) $$(call plant_object,$$(call spec_of,$$*))
	$(link)

# The tunnel's objects, with system calls of its own.
$(B)/tunnels/%/wgbench-replay: $(TUNNEL_CORE) $(call objects,workloads/replay/*.c) $(B)/revision.o \
		$$(call variant_objects,$$*) $$(call plant_object,$$*)
	$(link)

# What --version prints: each slot and the name of the variant that the program is linked with.
slots_source = $(foreach s,$(SLOTS),extern const char $(s)_variant[];) \
	const char *const tunnel_slots[][2] = {$(foreach s,$(SLOTS),{"$(s)"$(comma) $(s)_variant}$(comma)) {0}};
$(B)/slots.c: FORCE
	@$(call stamp,$(slots_source))

tunnels: $(SPECS:%=$(B)/tunnels/%/wgbench-tunnel) ## build every preset and every single-slot change of default

replay: $(B)/tunnels/$(SPEC)/wgbench-replay ## build what `wgbench count` runs of one tunnel

replays: $(SPECS:%=$(B)/tunnels/%/wgbench-replay)

# ---- tools that show how a variant of allowedips lays a table out

TRIES := $(patsubst variants/allowedips/%.c,$(B)/tries/%-dot,$(filter variants/allowedips/%,$(VARIANT_SOURCES)))
$(TRIES): $(B)/tries/%-dot: $(B)/variants/allowedips/tools/dot.o $(B)/variants/allowedips/%.o $(BASE)
	$(link)

tries: $(TRIES) ## build the tools that draw a table of allowed IPs: tries/VARIANT-dot <PREFIXES
