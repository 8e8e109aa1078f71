# What is checked without running anything.

FORMATTED = $(shell find base harness netns tests tunnel variants workloads -name '*.[ch]' -o -name '*.cc')
format: ## lay the sources out as .clang-format says
	$(Q)clang-format -i $(FORMATTED)

format-check: ## fail where a source isn't laid out so
	$(Q)clang-format --dry-run -Werror $(FORMATTED)

rooms: ## fail where an #include runs against the table of rooms (scripts/rooms)
	$(Q)scripts/rooms

# A header is compiled by itself where it, or what it includes, has changed.
HEADERS := $(wildcard $(addsuffix /*.h,base tunnel variants/* netns harness harness/* harness/*/* \
	workloads workloads/* tests/support))
HEADERS_COMPILED := $(HEADERS:%=$(B)/headers/%.ok)
$(HEADERS_COMPILED): $(B)/headers/%.ok: % $(B)/.flags | build/.setup-tests
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -MT $@ -MF $@.d -fsyntax-only -x c $<
	@touch $@

headers: $(HEADERS_COMPILED) ## fail where a header doesn't compile by itself
