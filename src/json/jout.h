/* jout.h - writes JSON that is ours (errors, status), into a buf.  Results of endpoints never pass through here.
 * Each returns what buf_append returned: 0, BUF_FULL or -ENOMEM. */
#ifndef MILLRACE_JSON_JOUT_H
#define MILLRACE_JSON_JOUT_H

#include <stdint.h>

#include "base/buf.h"

int jout_string(struct buf *b, struct slice text); /* quotes and escapes; invalid UTF-8 becomes U+FFFD */
int jout_u64(struct buf *b, uint64_t v);
int jout_key(struct buf *b, const char *key); /* "key": with a comma before it unless the last byte is '{' or '[' */
int jout_sep(struct buf *b);                  /* a comma, unless the last byte is '{', '[' or ':', or there is none */

/* Decimal digits of v into out (at least 20 bytes); returns how many.  Fast: on the path of every call. */
size_t jout_digits(char *out, uint64_t v);

#endif
