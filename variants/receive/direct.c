// Receive variant `direct`: each packet is written to the TUN by itself, in the thread that
// finished its batch, at once. Complexity: a write a packet. Source and thread safety:
// body/single.c.
#include "variants/receive/body/single.c"

const char receive_variant[] = "direct";
const struct receive_tun receive_tun = {0};
