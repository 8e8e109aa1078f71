#include "harness/plan/block_order.h"

#include "base/random.h"

unsigned order_cycle(unsigned tunnels)
{
	return tunnels % 2 ? 2 * tunnels : tunnels;
}

// Row r of the square: 0, n - 1, 1, n - 2, ... shifted by r; rows from n on are those backwards.
static unsigned square(unsigned n, unsigned row, unsigned column)
{
	if (row >= n)
		column = n - 1 - column;
	return ((column % 2 ? n - 1 - column / 2 : column / 2) + row) % n;
}

void order_block(unsigned *order, unsigned tunnels, unsigned block, uint64_t seed)
{
	unsigned rows = order_cycle(tunnels), row[2 * RUN_TUNNELS_MAX];
	uint64_t state = seed ^ (uint64_t)(block / rows) * 0xd1342543de82ef95;

	for (unsigned i = 0; i < rows; i++) {
		unsigned j = random_next(&state) % (i + 1);
		row[i] = row[j];
		row[j] = i;
	}
	for (unsigned i = 0; i < tunnels; i++)
		order[i] = order[2 * tunnels - 1 - i] = square(tunnels, row[block % rows], i);
}
