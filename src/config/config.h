/* config.h - endpoints.json into each module's own plain conf struct.  The snapshot is immutable and owns all its
 * strings. jansson reads it (and only it: never traffic).  Keys, types, defaults, bounds and docs stand in config.def.
 */
#ifndef MILLRACE_CONFIG_CONFIG_H
#define MILLRACE_CONFIG_CONFIG_H

#include "base/buf.h"
#include "base/log.h"
#include "rpc/method.h"
#include "upstream/breaker.h"
#include "upstream/endpoint_conf.h"
#include "upstream/retry.h"

struct limits_conf {
    size_t max_body_bytes;
    size_t max_bodies_bytes; /* of all clients together */
    unsigned max_batch_calls;
    unsigned max_clients;
    unsigned max_inflight_calls;
    unsigned max_upstream_sockets;
    unsigned max_json_depth;
    unsigned max_pipelined;         /* requests of one client connection that may be under way at once */
    size_t max_client_buffer_bytes; /* answers held for one client that does not read */
    uint64_t header_timeout_ms, body_timeout_ms, idle_timeout_ms, write_timeout_ms, call_timeout_ms, drain_timeout_ms;
};

#define UNITS_ABSENT UINT32_MAX

/* For each key the first match that sets it wins; a trailing '*' matches any rest. */
struct method_conf {
    const char *pattern;
    uint64_t timeout_ms; /* 0: not set */
    uint32_t units;      /* or UNITS_ABSENT */
    enum setting allow, coalesce, cache, hedge, retry, heavy;
};

enum routing { ROUTING_WEIGHTED, ROUTING_FASTEST, ROUTING_PRIORITY };

/* When a read that is slow is asked a second time elsewhere: upstream/hedge.h. */
struct hedge_keys {
    double quantile;
    uint64_t min_delay_ms;
    unsigned budget_percent;
};

struct chain_conf {
    const char *name;
    enum chain_family family;
    uint64_t chain_id;        /* EVM; 0: not set */
    const char *genesis_hash; /* Solana; "": not set */
    bool answer_chain_id;     /* by itself, once all endpoints have agreed */
    bool is_default;
    enum routing routing;
    bool endpoint_header; /* a request may name its endpoint */
    bool coalesce;
    struct retry_conf retry;
    struct breaker_conf breaker;
    struct hedge_keys hedge;
    size_t cache_max_bytes; /* 0: no answers are kept */
    bool cache_head;
    uint64_t cache_finalized_ms; /* between two questions for the finalized block; 0: it is not asked for */
    uint64_t block_time_ms;      /* 0: not set */
    bool head_probe;
    uint64_t max_lag_blocks;      /* 0: not set */
    uint64_t max_shred_lag_slots; /* 0: not set */
    const char *const *broadcast; /* names of endpoints that transactions go to; "all" alone: all */
    size_t n_broadcast;
    const struct method_conf *methods; /* exact names first, then by falling length of the pattern */
    size_t n_methods;
    const struct classify_entry *classify; /* for all endpoints, after their own */
    size_t n_classify;
    const struct endpoint_conf *endpoints;
    size_t n_endpoints;
};

struct config {
    const char *const *listen; /* one or more addresses: the key takes a string or an array of strings */
    size_t n_listen;
    const char *const *admin; /* may be none */
    size_t n_admin;
    struct limits_conf limits;
    const char *const *hosts; /* names a client may use in Host; "*" : any */
    size_t n_hosts;
    const char *const *cors_origins; /* "*" : any */
    size_t n_cors_origins;
    enum log_level log_level;
    enum log_format log_format;
    bool access_log;
    const struct chain_conf *chains;
    size_t n_chains;
};

/* Reads and checks the whole file; every mistake becomes one line in `report` ("FILE: PATH: REASON\n"), not just the
 * first; `report` may be NULL.  0 and *out, for the caller to config_free(); or -EINVAL and *out untouched.  ${ENV}
 * values are replaced in strings. */
int config_load(struct config **out, const char *file, struct buf *report);
/* The same from text; `file` is only a name for messages, and the folder that relative file names are looked up from.
 */
int config_parse(struct config **out, struct slice text, const char *file, struct buf *report);
struct config *config_free(struct config *c);

/* The endpoints as a table for people, secrets redacted: what `millrace check` prints. */
int config_print(const struct config *c, struct buf *out);
/* The reference of all keys as Markdown, and as JSON Schema, both from config.def. */
int config_reference(struct buf *out);
int config_schema(struct buf *out);

#endif
