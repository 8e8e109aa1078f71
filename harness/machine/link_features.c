// Features by the ioctls of ethtool(8), under the kernel's own names; the rest by `ip`.
#include "harness/machine/link_features.h"

#include "base/memory.h"
#include "base/process.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum { COMMAND_MS = 10000 };

// Features that begin so decide how large packets are on their way, and who sums them.
static const char *const features[] = {
    "rx-checksum",
    "rx-gro",
    "rx-lro",
    "rx-udp-gro-forwarding",
    "tx-checksum-",
    "tx-gso-",
    "tx-tcp",
    "tx-generic-segmentation",
    "tx-scatter-gather",
    "tx-udp-segmentation",
};

// As `ip -json` calls them.
static const char *const attributes[] = {
    "gro_ipv4_max_size", "gro_max_size",  "gso_ipv4_max_size",
    "gso_max_segs",      "gso_max_size",  "mtu",
    "num_rx_queues",     "num_tx_queues", "qdisc",
    "tso_max_size",      "txqlen",
};
#define LENGTH(array) (sizeof(array) / sizeof(*(array)))

static bool is_recorded(const char *feature)
{
	for (size_t i = 0; i < LENGTH(features); i++)
		if (!strncmp(feature, features[i], strlen(features[i])))
			return true;
	return false;
}

static int ask_driver(const struct netns_side *s, const char *interface, void *command)
{
	struct ifreq request = {.ifr_data = command};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	return ioctl(s->socket, SIOCETHTOOL, &request) ? -errno : 0;
}

static uint32_t count_features(const struct netns_side *s, const char *interface)
{
	struct ethtool_sset_info *sets = memory_new(1, sizeof(*sets) + sizeof(sets->data[0]));
	uint32_t n = 0;

	sets->cmd = ETHTOOL_GSSET_INFO;
	sets->sset_mask = 1 << ETH_SS_FEATURES;
	if (!ask_driver(s, interface, sets))
		n = sets->data[0];
	free(sets);
	return n;
}

static void add_features(json_t *object, const struct netns_side *s, const char *interface)
{
	uint32_t n = count_features(s, interface), words = (n + 31) / 32;
	struct ethtool_gstrings *names = memory_new(1, sizeof(*names) + n * ETH_GSTRING_LEN);
	struct ethtool_gfeatures *states =
	    memory_new(1, sizeof(*states) + words * sizeof(states->features[0]));

	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	states->cmd = ETHTOOL_GFEATURES;
	states->size = words;
	if (n && !ask_driver(s, interface, names) && !ask_driver(s, interface, states))
		for (uint32_t i = 0; i < n; i++) {
			const char *name = (const char *)names->data + i * ETH_GSTRING_LEN;

			if (is_recorded(name))
				json_object_set_new(
				    object, name,
				    json_boolean(states->features[i / 32].active >> i % 32 & 1));
		}
	free(states);
	free(names);
}

static void add_attributes(json_t *object, const struct netns_side *s, const char *interface)
{
	const char *const argv[] = {"ip",   "-json", "-details", "link",
	                            "show", "dev",   interface,  NULL};
	struct process_text text;
	json_t *links = NULL;

	if (!process_run(argv, s->fd, NULL, COMMAND_MS, &text))
		links = json_loads(text.out, 0, NULL);
	for (size_t i = 0; i < LENGTH(attributes); i++) {
		json_t *value = json_object_get(json_array_get(links, 0), attributes[i]);

		if (value)
			json_object_set(object, attributes[i], value);
	}
	json_decref(links);
	process_text_free(&text);
}

static json_t *describe_interface(const struct netns_side *s, const char *interface)
{
	json_t *object = json_object();

	add_features(object, s, interface);
	add_attributes(object, s, interface);
	return object;
}

json_t *interface_veths(const struct netns_pair *p)
{
	return json_pack("{so so}", "left", describe_interface(&p->side[0], NETNS_VETH), "right",
	                 describe_interface(&p->side[1], NETNS_VETH));
}

json_t *interface_tunnels(const struct netns_pair *p)
{
	return json_pack("{so so}", "left", describe_interface(&p->side[0], p->side[0].interface),
	                 "right", describe_interface(&p->side[1], p->side[1].interface));
}
