/* body.h - the body of one message as its pieces arrive.  By value in a parser; body_deinit frees.
 * A body that lies in the fed bytes in one piece is only borrowed; else it is gathered in `own`.  What a peer announces
 * is never believed for memory beyond `ahead` bytes: past that the buffer only doubles what has arrived. */
#ifndef MILLRACE_HTTP_BODY_H
#define MILLRACE_HTTP_BODY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct spare;

enum { BODY_KEEP_BYTES = 16384 }; /* a larger buffer is freed between messages */

struct body {
    struct slice lent; /* borrowed; empty once `own` is in use */
    struct buf own;
    size_t ahead;
    struct spare *spare; /* borrowed: where large buffers come from and go to; NULL: nowhere */
};

void body_init(struct body *b, size_t max_bytes, size_t ahead, struct spare *spare);
void body_deinit(struct body *b);
void body_clear(struct body *b); /* ready for the next message */

/* The next piece; `left` is how many bytes are still announced, this piece included (0: unknown).  Outcomes of buf.h.*/
int body_add(struct body *b, struct slice piece, uint64_t left);
/* To be called before the fed bytes go away while the body is not complete. */
int body_keep(struct body *b, uint64_t left);
/* Room past own.n that is worth a read, when `left` bytes are still to come. */
int body_room(struct body *b, uint64_t left);

static inline struct slice body_get(const struct body *b)
{
    return b->own.n ? buf_get(&b->own) : b->lent;
}

#endif
