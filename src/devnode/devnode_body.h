/* devnode_body.h - one HTTP body in, one HTTP body out: JSON-RPC single calls and batches as geth and agave take them.
 * By value in its devnode; sans-IO. */
#ifndef MILLRACE_DEVNODE_BODY_H
#define MILLRACE_DEVNODE_BODY_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct devnode_chain;
struct devnode_conf;

struct devnode_body {
    struct devnode_chain *chain;     /* borrowed */
    const struct devnode_conf *conf; /* borrowed */
    uint64_t random;
    uint64_t calls; /* answered so far */
    uint64_t batches, batch_calls, batches_refused, largest_batch;
};

void devnode_body_init(struct devnode_body *b, struct devnode_chain *chain, const struct devnode_conf *conf);

/* Appends the answer; nothing when only notifications were asked.  0, or what buf_append said. */
int devnode_body_answer(struct devnode_body *b, struct slice body, uint64_t now_ms, struct buf *out);

#endif
