# Tunnels: slots, variants and presets are what lies in the folders; a spec names one of each slot.

SLOTS := $(notdir $(patsubst %/,%,$(wildcard variants/*/)))
VARIANT_SOURCES := $(wildcard variants/*/*.c)
CHOICES := $(foreach s,$(VARIANT_SOURCES),$(notdir $(patsubst %/,%,$(dir $s)))=$(basename $(notdir $s)))
PRESETS := $(shell LC_ALL=C sed -n 's/^\([a-z][a-z0-9-]*\) .*/\1/p' variants/presets)
comma := ,
preset_words = $(subst $(comma), ,$(shell sed -n 's/^$(1)  *//p' variants/presets))
DEFAULT_WORDS := $(call preset_words,default)
spec_words = $(DEFAULT_WORDS) $(if $(filter $(1),$(PRESETS)),$(call preset_words,$(1)),$(call checked,$(subst $(comma), ,$(1))))
# A cost planted into a tunnel: the word plant=Nns or plant=Ni (instructions), for each packet.
plants = $(filter plant=%ns plant=%i,$(subst $(comma), ,$(1)))
checked = $(foreach w,$(1),$(if $(filter $(w),$(CHOICES) $(call plants,$(w))),$(w),$(error unknown choice '$(w)': one of $(CHOICES), or a preset: $(PRESETS))))
chosen = $(foreach s,$(SLOTS),$(s)/$(lastword $(patsubst $(s)=%,%,$(filter $(s)=%,$(1)))))
variant_objects = $(patsubst %,$(B)/variants/%.o,$(call chosen,$(call spec_words,$(1))))
plant_object = $(patsubst plant=%,$(B)/workloads/planted/%.o,$(call plants,$(1)))
plant_flags = $(if $(call plants,$(1)),$(if $(filter lto,$(PROFILE)),$(error plant= is not for PROFILE=lto: --wrap misses what it links))-Wl$(comma)--wrap=encrypt$(comma)--wrap=decrypt)
slot_of = $(notdir $(patsubst %/,%,$(dir $(1))))
# Workers queue on a ring.
ring_under = $(if $(filter workers/%,$(1)),$(filter $(B)/variants/ring/%,$(call variant_objects,default)))
# A variant names the library that it alone needs in a line `// link: -lNAME`.
variant_libs = $(shell sed -n 's,^// link: ,,p' $(patsubst $(B)/%.o,%.c,$(1)))

TUNNEL_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard tunnel/*.c)) $(BASE)
REPLAY_OBJECTS := $(patsubst %.c,$(B)/%.o,$(wildcard workloads/replay/*.c))
SPEC ?= default
SPECS := $(PRESETS) $(filter-out $(DEFAULT_WORDS),$(CHOICES))

tunnel: $$(B)/tunnels/$$(SPEC)$$(if $$(LAYOUT),/layout-$$(LAYOUT))/wgbench-tunnel ## build one tunnel: make tunnel SPEC=ring=spinlock

tunnels: $$(foreach s,$$(SPECS),$$(B)/tunnels/$$s/wgbench-tunnel) ## build every preset and every single-slot change of default

replay: $$(B)/tunnels/$$(SPEC)/wgbench-replay ## build what `wgbench count` runs of one tunnel

replays: $$(foreach s,$$(SPECS),$$(B)/tunnels/$$s/wgbench-replay)

# What --version prints: each slot and the name of the variant that the program is linked with.
$(B)/slots.c: FORCE
	@$(call stamp,$(foreach s,$(SLOTS),extern const char $(s)_variant[];) const char *const tunnel_slots[][2] = {$(foreach s,$(SLOTS),{"$(s)"$(comma) $(s)_variant}$(comma)) {0}};)

# A planted cost is the same source for any amount.
planted_define = $(patsubst %i,PLANT_INSTRUCTIONS=%,$(patsubst %ns,PLANT_NS=%,$(1)))
$(B)/workloads/planted/%.o: workloads/planted/cost.c $(B)/.flags | build/.setup
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) -D$(call planted_define,$*) -MMD -MP -c -o $@ $<

# tunnels/SPEC/, or tunnels/SPEC/layout-N/: the same objects in an order that is drawn from N.
spec_of = $(firstword $(subst /, ,$(1)))
layout_of = $(patsubst layout-%,%,$(word 2,$(subst /, ,$(1))))
drawn = $(shell printf '%s\n' $(2) | LC_ALL=C awk -v n=$(1) 'BEGIN { srand(n) } { printf "%.9f %s\n", rand(), $$0 }' | LC_ALL=C sort | cut -d' ' -f2)
laid_out = $(if $(call layout_of,$(1)),$(call drawn,$(call layout_of,$(1)),$(2)),$(2))
$(B)/tunnels/%/wgbench-tunnel: $(TUNNEL_OBJECTS) $(B)/revision.o $(B)/slots.o $$(call variant_objects,$$(call spec_of,$$*)) $$(call plant_object,$$(call spec_of,$$*))
	$(call link,$(TUNNEL_LIBS),$(call laid_out,$*,$(filter-out %.a,$^)) $(filter %.a,$^),$(call plant_flags,$(call spec_of,$*)))

# The tunnel's objects, with system calls of its own.
$(B)/tunnels/%/wgbench-replay: $(filter-out %/main.o,$(TUNNEL_OBJECTS)) $(REPLAY_OBJECTS) $(B)/revision.o $$(call variant_objects,$$*) $$(call plant_object,$$*)
	$(call link,$(TUNNEL_LIBS),,$(call plant_flags,$*))

# Shows how a variant of allowedips lays a table out.
TRIES := $(patsubst variants/allowedips/%.c,$(B)/tries/%-dot,$(filter variants/allowedips/%,$(VARIANT_SOURCES)))
$(TRIES): $(B)/tries/%-dot: $(B)/variants/allowedips/tools/dot.o $(B)/variants/allowedips/%.o $(BASE)
	$(call link)

tries: $(TRIES) ## build the tools that draw a table of allowed IPs: tries/VARIANT-dot <PREFIXES
