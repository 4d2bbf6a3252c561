/* devnode_chain.h - the simulated chain behind a devnode: (method, params, time) to the bytes of an answer.  Heap;
 * owned by its devnode.  Sans-IO: the caller passes the wall-clock time; heads are a function of it alone.
 *
 * Blocks, transactions, accounts depend on the family and chain id only, so that all nodes of one chain agree; the seed
 * rules what differs between nodes (filter ids).  What a node remembers: filters and sent transactions, both bounded.
 */
#ifndef MILLRACE_DEVNODE_CHAIN_H
#define MILLRACE_DEVNODE_CHAIN_H

#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct devnode_conf;
struct devnode_chain;

struct devnode_chain *devnode_chain_new(const struct devnode_conf *conf); /* copies what it needs; never NULL */
struct devnode_chain *devnode_chain_free(struct devnode_chain *c);

/* Appends `"result":...` or `"error":{...}` (no braces around).  params: the raw value, or p = NULL when absent.
 * 0, or what buf_append said; out may then hold a part of the answer. */
int devnode_chain_call(struct devnode_chain *c, struct slice method, struct slice params, uint64_t now_ms,
                       struct buf *out);

/* The highest block or slot of this node. */
uint64_t devnode_chain_head(const struct devnode_chain *c, uint64_t now_ms);

#endif
