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

/* How an array with too many elements, or an array at all, is refused. */
enum devnode_batch_style {
    DEVNODE_GETH,   /* [{id of the first, -32600 "batch too large"}]: one element for all (rpc/handler.go) */
    DEVNODE_ERIGON, /* {id null, -32000 "batch limit 100 exceeded: 142 requests given"} (rpc/handler.go) */
    DEVNODE_RETH    /* {id null, -32010}: jsonrpsee (server/src/middleware/rpc, types/src/error.rs) */
};

enum { DEVNODE_CORES_MAX = 64 };

struct devnode_conf {
    bool solana;         /* which family it speaks */
    uint64_t chain_id;   /* EVM; default 1 */
    const char *listen;  /* "127.0.0.1:0" picks a port */
    uint64_t delay_us;   /* before each answer: the way, so that answers of one connection share it */
    uint64_t jitter_us;  /* and up to this much more */
    uint64_t request_us; /* work on an HTTP request: a connection's next one begins when it is done */
    uint64_t call_us;    /* and on each call in it */
    double slow_rate;    /* 0..1: share of answers whose way takes slow_us instead */
    uint64_t slow_us;
    uint64_t half_us;          /* the second half of an answer leaves so much after the first */
    unsigned cores;            /* so many requests are worked on at once, the others queue; 0: no bound */
    double error_rate;         /* 0..1: share of calls answered with a JSON-RPC error -32603 */
    double reset_rate;         /* 0..1: share of requests whose connection is reset */
    unsigned rate_limit_per_s; /* 0: none; above it HTTP 429 with Retry-After */
    size_t result_bytes; /* 0: natural answers; else eth_call (getAccountInfo) results are padded to about this many
                            bytes */
    bool batch;          /* arrays are accepted */
    unsigned max_batch;  /* more elements are refused; 0: no limit */
    enum devnode_batch_style batch_style;
    bool shuffle;                     /* the elements of an array come back in another order */
    double drop_rate;                 /* 0..1: share of an array's elements that are left out */
    double null_id_rate;              /* 0..1: share of an array's elements that come back with id null */
    double element_limit_rate;        /* 0..1: share of an array's elements answered with error 429 */
    size_t max_body_bytes;            /* a larger request: 413; 0: what geth (5 MiB) or agave (50 KiB) takes */
    uint64_t block_time_ms;           /* heads advance by the clock */
    uint64_t head_lag;                /* blocks or slots that this node is behind its siblings */
    uint64_t keep_state;              /* EVM: so many blocks have their state, the older ones are pruned; 0: all */
    uint64_t keep_history;            /* so many blocks (slots) are there, the older ones are pruned; 0: all */
    uint64_t shred_lag;               /* Solana: slots received beyond those processed */
    unsigned max_requests_per_socket; /* then Connection: close; 0: none */
    uint64_t idle_timeout_ms;         /* idle connections are closed; 0: never */
    uint64_t seed;
};

/* GET /devnode_set?NAME=N&... changes delay-us, jitter-us and slow-us for the requests from then on. */

/* What was served, GET /devnode_stats and /devnode_set not counted. */
struct devnode_stats {
    uint64_t connections;         /* accepted */
    uint64_t requests;            /* POSTs answered, whatever the status */
    uint64_t bytes_in, bytes_out; /* of these, with their heads */
    uint64_t calls;               /* JSON-RPC calls answered, elements included */
    uint64_t batches;             /* arrays carried out */
    uint64_t batch_calls;         /* elements in them */
    uint64_t batches_refused;     /* arrays refused whole */
    uint64_t largest_batch;       /* elements */
    uint64_t resets;              /* requests whose connection was reset instead */
};

void devnode_conf_default(struct devnode_conf *c);
int devnode_new(struct devnode **out, struct loop *loop, const struct devnode_conf *conf); /* 0 or <0 */
const char *devnode_address(const struct devnode *d);                                      /* "127.0.0.1:port" */
struct devnode *devnode_close(struct devnode *d); /* closes all; memory goes when the loop lets go; returns NULL */

#endif
