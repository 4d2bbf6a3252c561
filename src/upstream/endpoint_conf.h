/* endpoint_conf.h - what is configured for one endpoint: plain values, owned by the configuration snapshot, immutable.
 */
#ifndef MILLRACE_UPSTREAM_ENDPOINT_CONF_H
#define MILLRACE_UPSTREAM_ENDPOINT_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "io/dial.h"
#include "io/tls.h"
#include "rpc/classify.h"
#include "upstream/limiter_conf.h"

enum setting { SETTING_ABSENT, SETTING_OFF, SETTING_ON }; /* of a boolean key without a default */

enum pool_order { POOL_LIFO, POOL_FIFO };
enum accept_encoding { ENCODING_AUTO, ENCODING_IDENTITY, ENCODING_GZIP, ENCODING_ALL };

struct pool_conf {
    unsigned max_sockets; /* dialling ones included */
    unsigned max_idle;    /* idle sockets beyond this are closed */
    unsigned min_warm;    /* connected before they are needed, and again when lost */
    uint64_t idle_timeout_ms;
    enum pool_order order; /* which idle socket carries the next call: the most (lifo) or least recently used */
    unsigned max_requests_per_socket; /* 0: no limit */
    unsigned max_waiting;             /* calls that may wait for a socket; one more is refused */
};

enum batch_mode { BATCH_AUTO, BATCH_OFF, BATCH_ALWAYS };

struct batch_conf {
    enum batch_mode mode; /* share a request: when it is sooner so, never, or whenever calls can */
    unsigned max_calls;   /* in one request; 1 is as good as off */
    size_t max_bytes;     /* of a body with more than one call */
    uint32_t window_us;   /* to wait for more calls on purpose */
};

struct header_conf {
    const char *name, *value; /* the value may be a secret */
};

/* What a request is authorised with, beside what url and headers hold.  All texts but names of files are secrets. */
enum auth_kind {
    AUTH_NONE,
    AUTH_BEARER,
    AUTH_BASIC,
    AUTH_HEADER,
    AUTH_QUERY,
    AUTH_BEARER_FILE,
    AUTH_BEARER_COMMAND,
    AUTH_JWT_SECRET_FILE
};

struct basic_conf {
    const char *user, *password;
};

struct auth_conf {
    enum auth_kind kind; /* which one of those below is given */
    const char *bearer;
    struct basic_conf basic;
    struct header_conf header, query;
    const char *bearer_file;
    const char *const *bearer_command; /* the program and its arguments */
    size_t n_bearer_command;
    uint64_t command_timeout_ms;
    const char *jwt_secret_file;
};

/* One row of `classify` as it is written; 0 and "" fit anything. */
struct classify_entry {
    int64_t code;
    const char *message;
    unsigned http_status;
    const char *class;
};

struct endpoint_conf {
    const char *name;
    const char *url;             /* a secret: path and query often hold the key */
    unsigned weight;             /* 1..1000 */
    unsigned tier;               /* the lowest tier with a usable endpoint is used */
    uint64_t timeout_ms;         /* for one call on this endpoint; 0: only the call's own deadline */
    uint64_t connect_timeout_ms; /* DNS, connect, proxy and TLS together */
    const struct header_conf *headers;
    size_t n_headers;
    struct auth_conf auth;
    bool forward_authorization; /* a client's own instead */
    unsigned max_inflight;      /* calls on the wire at once; 0: no limit of its own */
    bool adaptive_inflight;     /* their limit follows the latency, between min_inflight and that */
    unsigned min_inflight;
    enum setting archive; /* has state at any block, and the whole history; not given: found out */
    bool trace;           /* may have the tracing methods */
    size_t max_response_bytes;
    enum accept_encoding accept_encoding; /* auto: identity for loopback hosts, else gzip */
    struct pool_conf pool;
    struct batch_conf batch;
    unsigned preset; /* 0: none, else the row of presets.def from 1; its limits are in rate_limit already */
    struct limiter_conf rate_limit;        /* what the provider allows */
    const struct classify_entry *classify; /* of its own */
    size_t n_classify;
    struct classify_conf classes; /* those, and the chain's */
    struct tls_conf tls;
    const char *proxy; /* URL; "" : from HTTPS_PROXY/HTTP_PROXY/NO_PROXY; "none": direct in any case */
    enum dial_family dns_family;
    uint64_t dns_ttl_ms;
};

#endif
