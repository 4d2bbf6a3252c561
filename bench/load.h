/* load.h - the load generator: what its parts share.  One thread, one epoll, loopback only.
 * load.c: options and the run; load_mix.c: which calls; load_conn.c: sockets, HTTP, checks; load_hist.c: latencies;
 * load_slice.c: the same by time; load_report.c: what is printed. */
#ifndef MILLRACE_BENCH_LOAD_H
#define MILLRACE_BENCH_LOAD_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/slice.h"

/* Latencies in ns with a relative error of 1/128, up to 2^40 ns. */
enum { LOAD_SUB = 128, LOAD_OCTAVES = 34, LOAD_BUCKETS = LOAD_SUB * (LOAD_OCTAVES + 1) };

struct load_hist {
    uint64_t count, sum_ns, max_ns, min_ns;
    uint32_t bucket[LOAD_BUCKETS];
};

void load_hist_clear(struct load_hist *h);
void load_hist_add(struct load_hist *h, uint64_t ns);
uint64_t load_hist_quantile(const struct load_hist *h, double q); /* ns */

/* One call as it is sent: a JSON object with ten digits of an id to fill in, or a fixed body. */
struct load_call {
    char *text;
    size_t n, id_at;     /* where the digits go; 0: the body is sent as it is ... */
    size_t key_at;       /* they go there too, which makes a question that was never asked; 0: nowhere */
    uint64_t truth;      /* digest of the result as the node itself gave it; 0: not known */
    struct slice own_id; /* ... and must be answered with this id; p = NULL: an array, or no id: not checked */
};

/* The calls of one method, the most popular first. */
struct load_group {
    struct load_call *calls;
    unsigned n, weight;
    double *below; /* cumulated popularity, 0..1 */
};

enum { LOAD_GROUPS = 16 };

struct load_mix {
    struct load_group group[LOAD_GROUPS];
    unsigned groups, weight, keys;
    uint64_t random;
};

struct load_target {
    struct sockaddr_storage addr;
    socklen_t addr_n;
    char host[64]; /* for the Host field */
    char path[256];
};

enum load_error {
    LOAD_CONNECT, /* no connection */
    LOAD_BROKEN,  /* closed or reset with calls in flight */
    LOAD_HTTP,    /* not HTTP as understood here */
    LOAD_STATUS,  /* a status other than 200 */
    LOAD_ID,      /* another id, or no JSON-RPC response */
    LOAD_RPC,     /* an error instead of a result */
    LOAD_WRONG,   /* another result than the node's own: --truth */
    LOAD_LATE,    /* no answer when the run ended */
    LOAD_ERRORS
};

extern const char *const load_error_name[LOAD_ERRORS];

/* Exchanges by the time at which they were to leave. */
struct load_slice {
    struct load_hist latency;
    uint64_t errors;
};

enum { LOAD_SLICES_MAX = 2000 };

struct load_stats {
    struct load_hist latency; /* of HTTP exchanges; from the intended time in open loop, else of a burst's begin */
    struct load_hist bursts;  /* from the first call of a burst to its last answer */
    uint64_t exchanges, calls, bytes_in, bytes_out, connects;
    uint64_t error[LOAD_ERRORS];
};

struct load_conf {
    struct load_target target;
    unsigned connections, depth, batch, idle;
    uint64_t rate;      /* calls per second; 0: closed loop */
    uint64_t max_calls; /* hard cap */
    unsigned burst;     /* calls that are sent at once; the next ones when all are answered; 0: no bursts */
    double seconds, warmup, pause;
    unsigned slice_ms; /* 0: no slices */
    bool new_connection, idle_call, verify;
};

/* An exchange under way. */
struct load_slot {
    uint64_t id; /* of its first call; the others follow on */
    uint64_t intended_ns;
    const struct load_call *call; /* of a single call */
};

struct load;

struct load_conn {
    struct list node; /* in load.free while a slot is free */
    struct load *load;
    int fd;
    bool wants_write;
    unsigned head, used; /* ring of slots */
    struct load_slot *slot;
    struct buf in, out; /* what is incomplete; what the kernel did not take */
};

struct load {
    struct load_conf conf;
    struct load_mix mix;
    struct load_stats stats;
    int epoll;
    struct load_conn *conn;
    struct list free; /* connections with a free slot */
    struct list dead; /* connections that could not be opened: tried again */
    uint64_t begin_ns, end_ns, measure_ns;
    uint64_t issued_calls, next_id, inflight;
    uint64_t burst_ns;   /* when this burst began, or the next one may */
    unsigned burst_left; /* of its calls, not sent yet */
    bool bursting;
    struct load_slice *slice;
    unsigned slices;
    struct buf scratch; /* requests being composed */
    char *read_buffer;
};

uint64_t load_clock_ns(void);

/* 0, or -1 with a line on stderr. */
int load_target_parse(struct load_target *t, const char *url);
/* keys: how many questions a method has whose keys are made up here. */
int load_mix_preset(struct load_mix *m, const struct load_target *t, const char *name, double skew, unsigned keys,
                    uint64_t seed);
/* Asks the node itself for the result of every call, once. */
int load_mix_truth(struct load_mix *m, const struct load_target *node);
int load_mix_body(struct load_mix *m, const char *file);
void load_mix_deinit(struct load_mix *m);
const struct load_call *load_mix_next(struct load_mix *m);

/* Never 0. */
uint64_t load_digest(struct slice result);

/* One blocking call, for what the mix must know beforehand: the body of the answer in `out`. 0 or -1. */
int load_ask(const struct load_target *t, const char *method, const char *params, struct buf *out);

int load_connect(const struct load_target *t); /* a descriptor, or -errno */
int load_conn_open(struct load *l, struct load_conn *c);
void load_conn_deinit(struct load_conn *c);
/* Sends one exchange on a connection with a free slot. */
void load_conn_send(struct load_conn *c, uint64_t intended_ns);
void load_conn_flush(struct load_conn *c);
void load_conn_event(struct load_conn *c, uint32_t events);

void load_slices_init(struct load *l); /* once it is known when measuring begins */
void load_slices_deinit(struct load *l);
/* An exchange is over; took_ns counts unless it failed without an answer: UINT64_MAX. */
void load_slices_note(struct load *l, uint64_t intended_ns, uint64_t took_ns, bool good);

void load_report(const struct load *l, double seconds, bool json);

#endif
