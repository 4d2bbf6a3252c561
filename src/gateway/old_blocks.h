/* old_blocks.h - calls that name old blocks, which not every endpoint of a chain has: how old, who lacks them
 * (upstream/archive, fed with the configuration and with what answers say), and so who is not asked while others can
 * be. By value in its chain.  Only on chains with several endpoints. */
#ifndef MILLRACE_GATEWAY_OLD_BLOCKS_H
#define MILLRACE_GATEWAY_OLD_BLOCKS_H

#include "base/slice.h"
#include "upstream/archive.h"

struct block_ref;
struct chain;
struct flight;

struct old_blocks {
    unsigned char *kinds; /* enum archive_kind, by method slot */
    struct archive archive;
};

void old_blocks_init(struct chain *c);
void old_blocks_deinit(struct chain *c);

/* f->depth, from what its question names. */
void old_blocks_ask(struct flight *f, const struct block_ref *r);
/* f->upstream said that it lacks what f is about; that it has it. */
void old_blocks_missed(struct flight *f);
void old_blocks_had(const struct flight *f, struct slice result);

/* Endpoints that lack what f is about. */
uint64_t old_blocks_lacking(const struct flight *f);
/* One has said that it lacks it: those that are sure to have it, as others that nothing is known of may not either. */
uint64_t old_blocks_sure(const struct flight *f);

#endif
