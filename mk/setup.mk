# Packages and external programs.

build/.setup: scripts/setup
	$(Q)scripts/setup && mkdir -p build && touch $@

build/.setup-tests: scripts/setup
	$(Q)scripts/setup tests && mkdir -p build && touch $@

# What objects wait for. Fuzz targets need clang, which only tests do.
SETUP := build/.setup$(if $(filter fuzz,$(PROFILE)),-tests)

external: build/.setup ## fetch the external tunnels (wireguard-go) into build/external
	$(Q)scripts/fetch-external
