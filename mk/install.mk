# Into PREFIX (below DESTDIR, for packages): programs, man pages, completions, and the data that
# wgbench reads: presets, names of variants, plans, scripts of plots.

PREFIX ?= /usr/local
TO := $(DESTDIR)$(PREFIX)
LIBRARY := $(TO)/lib/wgbench
DATA := $(TO)/share/wgbench
MAN := $(TO)/share/man
BASH_COMPLETIONS := $(TO)/share/bash-completion/completions
ZSH_COMPLETIONS := $(TO)/share/zsh/site-functions
FISH_COMPLETIONS := $(TO)/share/fish/vendor_completions.d
COMMANDS = $(notdir $(wildcard harness/commands/*))
DATA_FILES := $(wildcard variants/presets variants/*/*.c workloads/plans/*.plan scripts/*.gp)
DEFAULT_TUNNEL := $(B)/tunnels/default/wgbench-tunnel

# wgbench finds its generator beside itself, and its data by where it is.
install: harness $(DEFAULT_TUNNEL) ## install programs, man pages and completions (PREFIX=/usr/local, DESTDIR=)
	$(Q)install -d $(TO)/bin $(TO)/sbin $(LIBRARY) $(MAN)/man1 $(MAN)/man8 $(BASH_COMPLETIONS) \
		$(ZSH_COMPLETIONS) $(FISH_COMPLETIONS)
	$(Q)install $(B)/wgbench $(B)/wgbench-traffic $(LIBRARY)
	$(Q)ln -sf ../lib/wgbench/wgbench $(TO)/bin/wgbench
	$(Q)install $(DEFAULT_TUNNEL) $(TO)/sbin
	$(Q)for file in $(DATA_FILES); do install -D -m 644 $$file $(DATA)/$$file || exit; done
	$(Q)$(B)/wgbench --help=man >$(MAN)/man1/wgbench.1
	$(Q)for command in $(COMMANDS); do \
		$(B)/wgbench $$command --help=man >$(MAN)/man1/wgbench-$$command.1 || exit; done
	$(Q)$(DEFAULT_TUNNEL) --help | scripts/man-page -v name=wgbench-tunnel -v section=8 \
		-v summary='a WireGuard interface in user space' >$(MAN)/man8/wgbench-tunnel.8
	$(Q)install -m 644 scripts/completions/wgbench.bash $(BASH_COMPLETIONS)/wgbench
	$(Q)install -m 644 scripts/completions/_wgbench $(ZSH_COMPLETIONS)
	$(Q)install -m 644 scripts/completions/wgbench.fish $(FISH_COMPLETIONS)

uninstall: ## remove what `make install` put there
	$(Q)rm -rf $(LIBRARY) $(DATA)
	$(Q)rm -f $(TO)/bin/wgbench $(TO)/sbin/wgbench-tunnel $(MAN)/man1/wgbench.1 \
		$(COMMANDS:%=$(MAN)/man1/wgbench-%.1) $(MAN)/man8/wgbench-tunnel.8 \
		$(BASH_COMPLETIONS)/wgbench $(ZSH_COMPLETIONS)/_wgbench $(FISH_COMPLETIONS)/wgbench.fish
