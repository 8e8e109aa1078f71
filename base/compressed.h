// Files that may be gzipped.
#ifndef WGBENCH_BASE_COMPRESSED_H
#define WGBENCH_BASE_COMPRESSED_H

#include <stdio.h>

// A stream that reads what `fd` holds, unpacked if that is gzip (RFC 1952); fclose() closes `fd`
// too. Reading fails with EIO where the file is damaged or cut short, and with EFBIG beyond
// `bytes_max` unpacked bytes.
FILE *compressed_open(int fd, size_t bytes_max);

#endif
