/* jtok.h - validating JSON scanner: finds extents, builds no tree, copies nothing.
 * Strict RFC 8259 over valid UTF-8; depth is bounded; no recursion; the text is walked once.
 * Pure and by value; nothing to free.  The text must outlive the tokens taken from it. */
#ifndef MILLRACE_JSON_JTOK_H
#define MILLRACE_JSON_JTOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

enum jtype { J_NULL, J_FALSE, J_TRUE, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

enum { JTOK_MAX_DEPTH = 4096 };

/* Outcomes: 0 done. */
enum {
    JTOK_END = 1, /* the object or array being walked is closed */
    JTOK_BAD      /* not JSON: see `error` and `at` of the scanner; every later call says JTOK_BAD too */
};

struct jval {
    struct slice raw; /* the value's bytes exactly as they stand; a string includes its quotes */
    enum jtype type;
    bool escaped; /* a string that holds a backslash */
};

struct jtok {
    const char *start, *p, *end;
    unsigned depth, max_depth; /* max_depth <= JTOK_MAX_DEPTH; a container opened by _object/_array counts */
    bool first;                /* no member or element of the open container was read yet */
    const char *error;         /* static text: what is wrong; NULL while all is well */
    size_t at;                 /* byte offset of the error */
};

void jtok_init(struct jtok *t, struct slice text, unsigned max_depth);

/* The type of the value that comes next, judged by its first byte; white space before it is skipped. 0 or JTOK_BAD. */
int jtok_peek(struct jtok *t, enum jtype *type);

/* Takes the next value whole, of any type, nested to any allowed depth, and validates it. 0 or JTOK_BAD. */
int jtok_value(struct jtok *t, struct jval *out);

/* Walking: open the container that comes next, then ask for its members or elements until JTOK_END.
 * After jtok_member/jtok_element said 0 exactly one value must be taken (jtok_value, or a nested walk to its end). */
int jtok_object(struct jtok *t);                   /* 0 or JTOK_BAD */
int jtok_member(struct jtok *t, struct jval *key); /* 0: key read and ':' passed; JTOK_END: '}' passed; JTOK_BAD */
int jtok_array(struct jtok *t);                    /* 0 or JTOK_BAD */
int jtok_element(struct jtok *t);                  /* 0: an element comes next; JTOK_END: ']' passed; JTOK_BAD */

/* Only white space may be left. 0 or JTOK_BAD. */
int jtok_finish(struct jtok *t);

/* The text of a string token without quotes, escapes decoded, into out[0..cap).  Returns its length, or (size_t)-1 when
 * it does not fit.  \u escapes become UTF-8; a lone surrogate becomes U+FFFD. */
size_t jtok_text(const struct jval *v, char *out, size_t cap);

/* Whether a string token, decoded, equals `text`.  Costs a memcmp when nothing is escaped. */
bool jtok_text_eq(const struct jval *v, struct slice text);

#endif
