// Receive variant `direct`: each packet is written to the TUN by itself, in the thread that
// finished its batch, at once. Complexity: a write a packet. Source and thread safety: single.h.
#include "variants/receive/single.h"

const char receive_variant[] = "direct";
const struct receive_tun receive_tun = {0};
