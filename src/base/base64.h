/* base64.h - RFC 4648 section 4, with padding. */
#ifndef MILLRACE_BASE_BASE64_H
#define MILLRACE_BASE_BASE64_H

#include "base/slice.h"

char *base64_encode(struct slice s); /* NUL-terminated; the caller frees; never NULL */

#endif
