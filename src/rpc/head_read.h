/* head_read.h - what an answer says about the head of its chain.  Pure. */
#ifndef MILLRACE_RPC_HEAD_READ_H
#define MILLRACE_RPC_HEAD_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

/* Where a method's result holds the number of the block or slot that it was answered from, or that it tells of. */
enum head_place {
    HEAD_NOWHERE,
    HEAD_HEX,         /* the result is the number: "0x1b4" (eth_blockNumber) */
    HEAD_NUMBER,      /* the result is the number: 436 (getSlot) */
    HEAD_BLOCK,       /* a block: its "number" */
    HEAD_TRANSACTION, /* a transaction or receipt: its "blockNumber" */
    HEAD_CONTEXT      /* {"context":{"slot":436,...},"value":...} (Solana's RpcResponse) */
};

enum head_place head_place_of(bool solana, struct slice method_name);

/* false: there is none in it (null, pending). */
bool head_read(enum head_place place, struct slice result, uint64_t *number);

/* The quantity that a member of an object holds; its name with the quotes, ended with NUL. */
bool head_member(struct slice object, struct slice quoted_name, uint64_t *number);

/* The 64 digits of the "hash" that a block says first, in lower case. */
bool head_member_hash(struct slice block, char digits[64]);

#endif
