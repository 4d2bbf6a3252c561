/* hmac.h - HMAC-SHA-256 (RFC 2104, FIPS 180-4) of mbedTLS.  Pure. */
#ifndef MILLRACE_IO_HMAC_H
#define MILLRACE_IO_HMAC_H

#include <stdint.h>

#include "base/slice.h"

int hmac_sha256(uint8_t out[32], struct slice key, struct slice data); /* 0, or -ENOTSUP */

#endif
