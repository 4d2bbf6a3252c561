/* devnode.h - a simulated node: an HTTP JSON-RPC server with plausible, deterministic answers for an EVM chain or
 * Solana. Serves `millrace demo`, the tests and the benchmarks.  Runs on a loop of its owner, on real loopback sockets.
 */
#ifndef MILLRACE_DEVNODE_DEVNODE_H
#define MILLRACE_DEVNODE_DEVNODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct devnode;

struct devnode_conf {
    bool solana;               /* which family it speaks */
    uint64_t chain_id;         /* EVM; default 1 */
    const char *listen;        /* "127.0.0.1:0" picks a port */
    uint64_t delay_us;         /* before each answer */
    uint64_t jitter_us;        /* and up to this much more */
    double error_rate;         /* 0..1: share of calls answered with a JSON-RPC error -32603 */
    double reset_rate;         /* 0..1: share of requests whose connection is reset */
    unsigned rate_limit_per_s; /* 0: none; above it HTTP 429 with Retry-After */
    size_t result_bytes;    /* 0: natural answers; else eth_call (getAccountInfo) results are padded to about this many
                               bytes */
    bool batch;             /* arrays are accepted */
    unsigned max_batch;     /* more elements are refused as geth does; 0: no limit */
    uint64_t block_time_ms; /* heads advance by the clock */
    uint64_t head_lag;      /* blocks or slots that this node is behind its siblings */
    unsigned max_requests_per_socket; /* then Connection: close; 0: none */
    uint64_t idle_timeout_ms;         /* idle connections are closed; 0: never */
    uint64_t seed;
};

void devnode_conf_default(struct devnode_conf *c);
int devnode_new(struct devnode **out, struct loop *loop, const struct devnode_conf *conf); /* 0 or <0 */
const char *devnode_address(const struct devnode *d);                                      /* "127.0.0.1:port" */
uint64_t devnode_calls(const struct devnode *d);                                           /* calls answered so far */
struct devnode *devnode_close(struct devnode *d); /* closes all; memory goes when the loop lets go; returns NULL */

#endif
