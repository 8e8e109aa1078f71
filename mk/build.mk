# How an object, an archive and a program are made.

say = $(if $(V),,@printf '  %-7s %s\n' '$(1)' '$(2)';)
comma := ,
objects = $(patsubst %.c,$(B)/%.o,$(wildcard $(1)))

# Argument: further flags.
define compile
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS_ALL) $(1) -MMD -MP -c -o $@ $<
endef

$(B)/%.o: %.c $(B)/.flags | $(SETUP)
	$(compile)

$(B)/%.o: %.cc $(B)/.flags | $(SETUP)
	@mkdir -p $(@D)
	$(call say,CXX,$@)$(CXX) $(CXXFLAGS_ALL) -MMD -MP -c -o $@ $<

# Sources that make writes.
$(B)/revision.o $(B)/slots.o: %.o: %.c $(B)/.flags | $(SETUP)
	$(compile)

# Links a program from its prerequisites, archives last. A target sets LIBS, LINK_FLAGS and LINKER
# for itself.
LINKER = $(CC) $(CFLAGS_ALL)
LINK_FLAGS :=
LIBS :=
linked = $(filter-out %.a,$^) $(filter %.a,$^)
define link
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(LINKER) $(LDFLAGS) $(LINK_FLAGS) -o $@ $(linked) $(variant_libs) $(LIBS)
endef

# A variant names the library that it alone needs in a line `// link: -lNAME`.
linked_variants = $(filter variants/%,$(patsubst $(B)/%.o,%.c,$(subst /counted/,/,$^)))
variant_libs = $(if $(linked_variants),$(shell sed -n 's,^// link: ,,p' $(linked_variants)))

# --wrap misses what LTO links.
wrap = $(if $(filter lto,$(PROFILE)),,$(addprefix -Wl$(comma)--wrap=,$(1)))

# An archive: a program gets what it calls, and needs no library that the rest needs.
BASE := $(B)/base.a
$(BASE): $(call objects,base/*.c)
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^
