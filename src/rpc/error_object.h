/* error_object.h - what the error member of a response says: extents of its bytes.  Pure; borrows from the text. */
#ifndef MILLRACE_RPC_ERROR_OBJECT_H
#define MILLRACE_RPC_ERROR_OBJECT_H

#include <stdbool.h>
#include <stdint.h>

#include "json/jtok.h"

struct error_object {
    bool has_code;
    int64_t code;        /* an integer; 0 without one */
    struct jval message; /* a string token; raw.n = 0: none */
    struct slice data;   /* the bytes of any value; n = 0: absent or null */
};

/* From the bytes of the error, which a scanned response holds.  Servers from before JSON-RPC 2.0 answer a mere string:
 * it is the message. False: neither an object nor a string, or no JSON. */
bool error_object_read(struct error_object *e, struct slice text);

/* The message in lower case (ASCII), its escapes decoded, for comparison with known texts: as much of it as its first
 * ERROR_OBJECT_TEXT_CAP bytes say.  Borrows `out`. */
enum { ERROR_OBJECT_TEXT_CAP = 1024 };
struct slice error_object_text(const struct error_object *e, char out[ERROR_OBJECT_TEXT_CAP]);

/* The same, and on a line of its own behind it what the data says, when it is words: a string that is no hex.  Data of
 * other forms (what a revert returned, a simulation's logs) is what programs say. */
struct slice error_object_words(const struct error_object *e, char out[ERROR_OBJECT_TEXT_CAP]);

#endif
