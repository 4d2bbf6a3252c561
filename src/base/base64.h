/* base64.h - RFC 4648 section 4, with padding. */
#ifndef MILLRACE_BASE_BASE64_H
#define MILLRACE_BASE_BASE64_H

#include <stdint.h>

#include "base/slice.h"

char *base64_encode(struct slice s); /* NUL-terminated; the caller frees; never NULL */

/* The number of bytes, or (size_t)-1 when the text is not exactly what base64_encode gives for some bytes (padding
 * there, unused bits zero, nothing between), or does not fit. */
size_t base64_decode(uint8_t *out, size_t cap, struct slice text);

#endif
