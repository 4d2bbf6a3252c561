#include "admin/metrics.h"

#include <stdio.h>

#include "admin/version.h"
#include "cache/cache.h"
#include "gateway/chain.h"
#include "gateway/worker.h"
#include "http/version.h"
#include "io/loop.h"
#include "io/version.h"
#include "rpc/error.h"
#include "rpc/method.h"
#include "upstream/batch_learned.h"
#include "upstream/limiter_text.h"

/* The first error sticks; the rest of the page is not written then. */
struct page {
    const struct worker *w;
    struct buf *out;
    int r;
};

#define PUT(p, ...) ((p)->r = (p)->r ? (p)->r : buf_printf((p)->out, __VA_ARGS__))

static void head(struct page *p, const char *name, const char *type, const char *help)
{
    PUT(p, "# HELP millrace_%s %s\n# TYPE millrace_%s %s\n", name, help, name, type);
}

typedef void endpoint_fn(struct page *p, const struct upstream *u);

static void each_endpoint(struct page *p, endpoint_fn *fn)
{
    for (size_t i = 0; i < p->w->n_chains; i++)
        for (unsigned k = 0; k < p->w->chains[i]->n_upstreams; k++)
            fn(p, p->w->chains[i]->upstreams[k]);
}

/* Chain and endpoint names hold only letters, digits, '.', '_' and '-': nothing to escape. */
#define LABELS    "chain=\"%s\",endpoint=\"%s\""
#define NAMES(u_) (u_)->chain->conf->name, (u_)->endpoint.conf->name

static void sockets(struct page *p, const struct upstream *u)
{
    const struct pool *q = &u->endpoint.pool;

    PUT(p, "millrace_endpoint_sockets{" LABELS ",state=\"active\"} %u\n", NAMES(u), q->n_busy);
    PUT(p, "millrace_endpoint_sockets{" LABELS ",state=\"idle\"} %u\n", NAMES(u), q->n_idle);
    PUT(p, "millrace_endpoint_sockets{" LABELS ",state=\"dialling\"} %u\n", NAMES(u), q->n_dialling);
}

static void waiting(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_waiting{" LABELS "} %u\n", NAMES(u), u->n_waiting);
}

static void inflight(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_inflight{" LABELS "} %u\n", NAMES(u), u->n_wire);
}

static void inflight_limit(struct page *p, const struct upstream *u)
{
    if (u->max_wire)
        PUT(p, "millrace_endpoint_inflight_limit{" LABELS "} %u\n", NAMES(u), u->max_wire);
}

static void up(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_up{" LABELS "} %d\n", NAMES(u), upstream_is_down(u) ? 0 : 1);
}

static void head_number(struct page *p, const struct upstream *u)
{
    const struct heads *h = &u->chain->heads;
    const struct freshness *f = &h->of[h->watching.kind];

    if (f->heard >> u->index & 1)
        PUT(p, "millrace_endpoint_head{" LABELS "} %llu\n", NAMES(u), (unsigned long long)f->head[u->index]);
}

static void head_lag(struct page *p, const struct upstream *u)
{
    const struct heads *h = &u->chain->heads;
    const struct freshness *f = &h->of[h->watching.kind];

    if (f->heard >> u->index & 1)
        PUT(p, "millrace_endpoint_head_lag{" LABELS "} %llu\n", NAMES(u),
            (unsigned long long)freshness_lag(f, u->index));
}

static void head_doubted(struct page *p, const struct upstream *u)
{
    const struct heads *h = &u->chain->heads;

    PUT(p, "millrace_endpoint_head_doubted{" LABELS "} %d\n", NAMES(u),
        h->of[h->watching.kind].doubted >> u->index & 1 ? 1 : 0);
}

static void shred_lag(struct page *p, const struct upstream *u)
{
    if (u->watch.replay.told_ms)
        PUT(p, "millrace_endpoint_shred_lag{" LABELS "} %llu\n", NAMES(u), (unsigned long long)u->watch.replay.behind);
}

static void refused(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_refused{" LABELS "} %d\n", NAMES(u), u->probe.state == PROBE_REFUSED ? 1 : 0);
}

static void verified(struct page *p, const struct upstream *u)
{
    if (u->probe.state != PROBE_OFF)
        PUT(p, "millrace_endpoint_verified{" LABELS "} %d\n", NAMES(u), u->probe.state == PROBE_VERIFIED ? 1 : 0);
}

static void carried(struct page *p, const struct upstream *u)
{
    const struct pool *q = &u->endpoint.pool;

    PUT(p, "millrace_endpoint_requests_total{" LABELS ",socket=\"new\"} %llu\n", NAMES(u),
        (unsigned long long)q->carried_new);
    PUT(p, "millrace_endpoint_requests_total{" LABELS ",socket=\"reused\"} %llu\n", NAMES(u),
        (unsigned long long)q->carried_reused);
}

static void calls(struct page *p, const struct upstream *u)
{
    const struct endpoint_stats *s = &u->endpoint.stats;

    PUT(p, "millrace_endpoint_calls_total{" LABELS ",answer=\"result\"} %llu\n", NAMES(u),
        (unsigned long long)(s->calls - s->rpc_errors));
    PUT(p, "millrace_endpoint_calls_total{" LABELS ",answer=\"error\"} %llu\n", NAMES(u),
        (unsigned long long)s->rpc_errors);
}

static void endpoint_failures(struct page *p, const struct upstream *u)
{
    char reason[ERROR_REASON_CAP];

    for (unsigned i = 1; i < FAIL_COUNT; i++)
        if (u->endpoint.stats.failures[i])
            PUT(p, "millrace_endpoint_failures_total{" LABELS ",reason=\"%s\"} %llu\n", NAMES(u),
                error_reason((enum fail)i, reason), (unsigned long long)u->endpoint.stats.failures[i]);
}

static void moved(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_moved_total{" LABELS "} %llu\n", NAMES(u), (unsigned long long)u->endpoint.stats.moved);
}

static void allowed(struct page *p, const struct upstream *u)
{
    static const char *const names[LIMITER_BUCKETS] = {"requests", "units"};
    struct limiter_now now;

    limiter_look(&u->endpoint.limiter, loop_clock_us(p->w->loop), &now);
    for (unsigned k = 0; k < LIMITER_BUCKETS; k++)
        if (now.of[k].top)
            PUT(p, "millrace_endpoint_rate_limit{" LABELS ",of=\"%s\"} %llu\n", NAMES(u), names[k],
                (unsigned long long)now.of[k].per_s);
}

static void tokens(struct page *p, const struct upstream *u)
{
    static const char *const names[LIMITER_BUCKETS] = {"requests", "units"};
    struct limiter_now now;

    limiter_look(&u->endpoint.limiter, loop_clock_us(p->w->loop), &now);
    for (unsigned k = 0; k < LIMITER_BUCKETS; k++)
        if (now.of[k].top)
            PUT(p, "millrace_endpoint_tokens{" LABELS ",of=\"%s\"} %llu\n", NAMES(u), names[k],
                (unsigned long long)now.of[k].tokens);
}

static void quota_left(struct page *p, const struct upstream *u)
{
    struct limiter_now now;

    limiter_look(&u->endpoint.limiter, loop_clock_us(p->w->loop), &now);
    if (now.requests_left != LIMITER_NO_END)
        PUT(p, "millrace_endpoint_quota_left{" LABELS ",of=\"requests\"} %llu\n", NAMES(u),
            (unsigned long long)now.requests_left);
    if (now.units_left != LIMITER_NO_END)
        PUT(p, "millrace_endpoint_quota_left{" LABELS ",of=\"units\"} %llu\n", NAMES(u),
            (unsigned long long)now.units_left);
}

static void paused(struct page *p, const struct upstream *u)
{
    struct limiter_now now;

    limiter_look(&u->endpoint.limiter, loop_clock_us(p->w->loop), &now);
    PUT(p, "millrace_endpoint_pause_seconds{" LABELS "} %.3f\n", NAMES(u), (double)now.pause_us / 1e6);
}

static void limited(struct page *p, const struct upstream *u)
{
    for (unsigned i = 0; i < LIMIT_KINDS; i++)
        PUT(p, "millrace_endpoint_limited_total{" LABELS ",limit=\"%s\"} %llu\n", NAMES(u),
            limit_kind_name((enum limit_kind)i), (unsigned long long)u->endpoint.stats.limited[i]);
}

static void waited(struct page *p, const struct upstream *u)
{
    for (unsigned i = LIMITER_FREE + 1; i < LIMITER_WHYS; i++)
        PUT(p, "millrace_endpoint_limit_waits_total{" LABELS ",why=\"%s\"} %llu\n", NAMES(u),
            limiter_why_name((enum limiter_why)i), (unsigned long long)u->endpoint.stats.waited[i]);
}

static void slowed(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_slowed_total{" LABELS "} %llu\n", NAMES(u), (unsigned long long)u->endpoint.stats.slowed);
}

static void bytes(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_bytes_total{" LABELS ",direction=\"in\"} %llu\n", NAMES(u),
        (unsigned long long)u->endpoint.stats.bytes_in);
    PUT(p, "millrace_endpoint_bytes_total{" LABELS ",direction=\"out\"} %llu\n", NAMES(u),
        (unsigned long long)u->endpoint.stats.bytes_out);
}

static void handshakes(struct page *p, const struct upstream *u)
{
    if (!u->tls)
        return;
    PUT(p, "millrace_endpoint_tls_handshakes_total{" LABELS ",kind=\"full\"} %llu\n", NAMES(u),
        (unsigned long long)u->endpoint.stats.tls_full);
    PUT(p, "millrace_endpoint_tls_handshakes_total{" LABELS ",kind=\"resumed\"} %llu\n", NAMES(u),
        (unsigned long long)u->endpoint.stats.tls_resumed);
}

/* Where the buckets of a histogram's lines end, and how many of h's units one of theirs is. */
struct scale {
    const uint64_t *le;
    size_t n;
    double unit;
};

#define SCALE(le_, unit_)                                                                                              \
    {                                                                                                                  \
        le_, sizeof le_ / sizeof le_[0], unit_                                                                         \
    }

static const uint64_t le_latency[] = {100,   250,    500,    1000,   2500,    5000,    10000,   25000,
                                      50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};
/* A call that departs in the turn it came in has waited 0. */
static const uint64_t le_boarding[] = {0,    10,    25,    50,    100,    250,    500,    1000,   2500,
                                       5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000};
/* Ends of struct hist's own buckets, so that these counts are exact: the round numbers 50, 100 and 200 lie within. */
static const uint64_t le_calls[] = {1, 2, 3, 5, 10, 20, 31, 51, 103, 207, 511, 1023};

static const struct scale scale_latency = SCALE(le_latency, 1e6), scale_boarding = SCALE(le_boarding, 1e6),
                          scale_calls = SCALE(le_calls, 1);

static void histogram(struct page *p, const char *name, const char *labels, const struct hist *h, const struct scale *s)
{
    for (size_t i = 0; i < s->n; i++)
        PUT(p, "millrace_%s_bucket{%s,le=\"%g\"} %llu\n", name, labels, (double)s->le[i] / s->unit,
            (unsigned long long)hist_count_le(h, s->le[i]));
    PUT(p, "millrace_%s_bucket{%s,le=\"+Inf\"} %llu\n", name, labels, (unsigned long long)h->count);
    PUT(p, "millrace_%s_sum{%s} %.6f\n", name, labels, (double)h->sum_us / s->unit);
    PUT(p, "millrace_%s_count{%s} %llu\n", name, labels, (unsigned long long)h->count);
}

static void latency(struct page *p, const struct upstream *u)
{
    char labels[256];

    snprintf(labels, sizeof labels, LABELS, NAMES(u));
    histogram(p, "endpoint_latency_seconds", labels, &u->endpoint.stats.latency, &scale_latency);
}

static void batch_calls(struct page *p, const struct upstream *u)
{
    char labels[256];

    snprintf(labels, sizeof labels, LABELS, NAMES(u));
    histogram(p, "endpoint_batch_calls", labels, &u->endpoint.stats.batch_calls, &scale_calls);
}

static void boarding_wait(struct page *p, const struct upstream *u)
{
    char labels[256];

    snprintf(labels, sizeof labels, LABELS, NAMES(u));
    histogram(p, "endpoint_boarding_wait_seconds", labels, &u->endpoint.stats.boarding_wait_us, &scale_boarding);
}

static void batches(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_batches_total{" LABELS "} %llu\n", NAMES(u),
        (unsigned long long)u->endpoint.stats.batches);
}

static void batches_refused(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_batches_refused_total{" LABELS "} %llu\n", NAMES(u),
        (unsigned long long)u->endpoint.stats.batch_refused);
}

static void batch_splits(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_batch_splits_total{" LABELS "} %llu\n", NAMES(u),
        (unsigned long long)u->endpoint.stats.batch_splits);
}

static struct batch_now learned(const struct page *p, const struct upstream *u)
{
    return batch_now(&u->endpoint.limits, &u->endpoint.conf->batch, worker_now_ms(p->w));
}

static void batch_on(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_batch_on{" LABELS "} %d\n", NAMES(u), learned(p, u).shares ? 1 : 0);
}

static void batch_max_calls(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_batch_max_calls{" LABELS "} %u\n", NAMES(u), learned(p, u).calls);
}

static void batch_max_bytes(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_batch_max_bytes{" LABELS "} %zu\n", NAMES(u), learned(p, u).bytes);
}

static void batch_barred(struct page *p, const struct upstream *u)
{
    PUT(p, "millrace_endpoint_batch_barred_methods{" LABELS "} %u\n", NAMES(u), learned(p, u).barred);
}

static void broadcasts(struct page *p, const struct upstream *u)
{
    static const struct {
        enum broadcast_outcome outcome;
        const char *name;
    } rows[] = {{BROADCAST_LEG_ACCEPTED, "accepted"},
                {BROADCAST_LEG_KNOWN, "known"},
                {BROADCAST_LEG_REFUSED, "refused"},
                {BROADCAST_LEG_FAILED, "failed"}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        PUT(p, "millrace_endpoint_broadcasts_total{" LABELS ",outcome=\"%s\"} %llu\n", NAMES(u), rows[i].name,
            (unsigned long long)u->endpoint.stats.broadcasts[rows[i].outcome]);
}

static void broadcast_time(struct page *p, const struct upstream *u)
{
    char labels[256];

    snprintf(labels, sizeof labels, LABELS, NAMES(u));
    histogram(p, "endpoint_broadcast_seconds", labels, &u->endpoint.stats.broadcast_us, &scale_latency);
}

typedef void method_fn(struct page *p, const char *labels, const struct method_stats *s);

static void each_method(struct page *p, method_fn *fn)
{
    char labels[256];

    for (size_t i = 0; i < p->w->n_chains; i++)
        for (unsigned m = 0; m < method_slots(); m++) {
            const struct method_stats *s = p->w->chains[i]->methods[m];

            if (!s)
                continue;
            snprintf(labels, sizeof labels, "chain=\"%s\",method=\"%s\"", p->w->chains[i]->conf->name,
                     method_at(m)->name);
            fn(p, labels, s);
        }
}

static void method_calls(struct page *p, const char *labels, const struct method_stats *s)
{
    PUT(p, "millrace_method_calls_total{%s,answer=\"result\"} %llu\n", labels,
        (unsigned long long)(s->calls - s->rpc_errors));
    PUT(p, "millrace_method_calls_total{%s,answer=\"error\"} %llu\n", labels, (unsigned long long)s->rpc_errors);
    PUT(p, "millrace_method_calls_total{%s,answer=\"failed\"} %llu\n", labels, (unsigned long long)s->failures);
}

static void method_coalesced(struct page *p, const char *labels, const struct method_stats *s)
{
    PUT(p, "millrace_method_coalesced_total{%s} %llu\n", labels, (unsigned long long)s->coalesced);
}

static void method_latency(struct page *p, const char *labels, const struct method_stats *s)
{
    histogram(p, "method_latency_seconds", labels, &s->latency, &scale_latency);
}

static void cache_hits(struct page *p, const struct chain *c)
{
    const struct cache_counts *n = c->cache ? cache_counts(c->cache) : NULL;

    for (unsigned i = 0; n && i < CACHE_RULE_COUNT; i++)
        if (n->hits[i])
            PUT(p, "millrace_cache_hits_total{chain=\"%s\",rule=\"%s\"} %llu\n", c->conf->name,
                cache_rule_name((enum cache_rule_kind)i), (unsigned long long)n->hits[i]);
    if (c->answered_itself)
        PUT(p, "millrace_cache_hits_total{chain=\"%s\",rule=\"config\"} %llu\n", c->conf->name,
            (unsigned long long)c->answered_itself);
}

static void cache_misses(struct page *p, const char *chain, const struct cache_counts *n)
{
    PUT(p, "millrace_cache_misses_total{chain=\"%s\"} %llu\n", chain, (unsigned long long)n->misses);
}

static void cache_dropped(struct page *p, const char *chain, const struct cache_counts *n)
{
    PUT(p, "millrace_cache_dropped_total{chain=\"%s\",why=\"room\"} %llu\n", chain, (unsigned long long)n->evictions);
    PUT(p, "millrace_cache_dropped_total{chain=\"%s\",why=\"head\"} %llu\n", chain, (unsigned long long)n->voided);
}

static void cache_bytes(struct page *p, const char *chain, const struct cache_counts *n)
{
    PUT(p, "millrace_cache_bytes{chain=\"%s\"} %zu\n", chain, n->bytes);
}

static void cache_answers(struct page *p, const char *chain, const struct cache_counts *n)
{
    PUT(p, "millrace_cache_answers{chain=\"%s\"} %zu\n", chain, n->entries);
}

static void caches(struct page *p)
{
    static const struct {
        const char *name, *type, *help;
        void (*fn)(struct page *p, const char *chain, const struct cache_counts *n);
    } families[] = {
        {"cache_misses_total", "counter", "answers that could have been kept and were not there", cache_misses},
        {"cache_dropped_total", "counter", "kept answers let go: for want of room, or because the head moved",
         cache_dropped},
        {"cache_bytes", "gauge", "memory that kept answers take", cache_bytes},
        {"cache_answers", "gauge", "answers kept now", cache_answers},
    };

    head(p, "cache_hits_total", "counter", "calls answered from kept answers, by the rule that kept them");
    for (size_t i = 0; i < p->w->n_chains; i++)
        cache_hits(p, p->w->chains[i]);
    for (size_t k = 0; k < sizeof families / sizeof families[0]; k++) {
        head(p, families[k].name, families[k].type, families[k].help);
        for (size_t i = 0; i < p->w->n_chains; i++)
            if (p->w->chains[i]->cache)
                families[k].fn(p, p->w->chains[i]->conf->name, cache_counts(p->w->chains[i]->cache));
    }
}

static void methods(struct page *p)
{
    head(p, "method_calls_total", "counter", "calls by method and how they ended");
    each_method(p, method_calls);
    head(p, "method_coalesced_total", "counter", "calls that joined a flight that was in the air already, by method");
    each_method(p, method_coalesced);
    head(p, "method_latency_seconds", "histogram", "time from a client's request to the endpoint's answer");
    each_method(p, method_latency);
}

static void worker_numbers(struct page *p)
{
    const struct worker *w = p->w;
    struct stats_row rows[STATS_ROWS];
    char reason[ERROR_REASON_CAP];

    stats_rows(&w->stats, rows);
    for (unsigned i = 0; i < STATS_ROWS; i++) {
        PUT(p, "# HELP millrace_%s_total %s\n# TYPE millrace_%s_total counter\nmillrace_%s_total %llu\n", rows[i].name,
            rows[i].text, rows[i].name, rows[i].name, (unsigned long long)rows[i].value);
    }
    head(p, "refused_total", "counter", "answers of the gateway's own, by reason");
    for (unsigned i = 1; i < FAIL_COUNT; i++)
        if (w->failures[i])
            PUT(p, "millrace_refused_total{reason=\"%s\"} %llu\n", error_reason((enum fail)i, reason),
                (unsigned long long)w->failures[i]);
    head(p, "clients", "gauge", "client connections now");
    PUT(p, "millrace_clients %u\n", w->n_sessions);
    head(p, "inflight_calls", "gauge", "calls under way now");
    PUT(p, "millrace_inflight_calls %u\n", w->n_flights);
    head(p, "upstream_sockets", "gauge", "upstream connections now, dialling ones included");
    PUT(p, "millrace_upstream_sockets %u\n", w->n_sockets);
    head(p, "uptime_seconds", "gauge", "time since the start");
    PUT(p, "millrace_uptime_seconds %.3f\n", (double)(loop_now_ms(w->loop) - w->started_ms) / 1e3);
    head(p, "build_info", "gauge", "version and libraries of this program; always 1");
    PUT(p, "millrace_build_info{version=\"%s\",libuv=\"%s\",mbedtls=\"%s\",llhttp=\"%s\"} 1\n", version_text(),
        version_libuv(), version_mbedtls(), version_llhttp());
}

int metrics_write(const struct worker *w, struct buf *out)
{
    static const struct {
        const char *name, *type, *help;
        endpoint_fn *fn;
    } families[] = {
        {"endpoint_up", "gauge",
         "0 while it gets no calls: no connection could be made, several in a row had no usable answer, or its "
         "credential was refused",
         up},
        {"endpoint_refused", "gauge", "1 while nothing goes to the endpoint, because it is on another chain", refused},
        {"endpoint_verified", "gauge", "1 once the endpoint has said that it is on its chain, where that is asked",
         verified},
        {"endpoint_head", "gauge", "the block or slot that the endpoint told last", head_number},
        {"endpoint_head_lag", "gauge", "blocks or slots that it was behind the chain's head then", head_lag},
        {"endpoint_head_doubted", "gauge", "1 while the head that it tells is one that the chain cannot have come to",
         head_doubted},
        {"endpoint_shred_lag", "gauge",
         "Solana: slots that it has received (getMaxShredInsertSlot) beyond those that it has processed", shred_lag},
        {"endpoint_sockets", "gauge", "connections by state", sockets},
        {"endpoint_waiting", "gauge", "calls that wait for a connection", waiting},
        {"endpoint_inflight", "gauge", "calls on connections now", inflight},
        {"endpoint_inflight_limit", "gauge", "the most of these, now, where there is a limit", inflight_limit},
        {"endpoint_rate_limit", "gauge",
         "requests or compute units a second that may leave now, as configured or as learned", allowed},
        {"endpoint_tokens", "gauge", "requests or compute units that may leave at once", tokens},
        {"endpoint_quota_left", "gauge", "requests or compute units that are left of the day", quota_left},
        {"endpoint_pause_seconds", "gauge",
         "for how long the endpoint is left alone, because it refused calls for their number", paused},
        {"endpoint_limited_total", "counter", "calls that the endpoint refused for their number", limited},
        {"endpoint_limit_waits_total", "counter", "calls that the endpoint's limit held back", waited},
        {"endpoint_slowed_total", "counter", "times the endpoint was found to take less than was sent", slowed},
        {"endpoint_requests_total", "counter", "requests sent, on a new connection or a reused one", carried},
        {"endpoint_calls_total", "counter", "calls answered by the endpoint", calls},
        {"endpoint_failures_total", "counter", "tries that ended without an answer, by reason", endpoint_failures},
        {"endpoint_moved_total", "counter", "calls that moved on to another connection or endpoint", moved},
        {"endpoint_bytes_total", "counter", "HTTP bytes exchanged, TLS not counted", bytes},
        {"endpoint_tls_handshakes_total", "counter", "TLS handshakes completed", handshakes},
        {"endpoint_latency_seconds", "histogram", "time from sending a request to its answer", latency},
        {"endpoint_batches_total", "counter", "requests with more than one call", batches},
        {"endpoint_batches_refused_total", "counter", "batches that were refused as a whole", batches_refused},
        {"endpoint_batch_splits_total", "counter", "calls of batches that were not answered there and set out again",
         batch_splits},
        {"endpoint_batch_calls", "histogram", "calls in a request", batch_calls},
        {"endpoint_boarding_wait_seconds", "histogram", "time from a call's queue to its request", boarding_wait},
        {"endpoint_batch_on", "gauge", "0 while calls share no requests, as configured or as learned", batch_on},
        {"endpoint_batch_max_calls", "gauge", "calls that a request may carry now, as configured or as learned",
         batch_max_calls},
        {"endpoint_batch_max_bytes", "gauge", "bytes that a batch may have now, as configured or as learned",
         batch_max_bytes},
        {"endpoint_batch_barred_methods", "gauge", "methods learned to go alone now", batch_barred},
        {"endpoint_broadcasts_total", "counter", "transactions sent to the endpoint, by what became of them there",
         broadcasts},
        {"endpoint_broadcast_seconds", "histogram", "time from a client's transaction to what this endpoint said of it",
         broadcast_time},
    };
    struct page p = {w, out, 0};

    worker_numbers(&p);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        head(&p, families[i].name, families[i].type, families[i].help);
        each_endpoint(&p, families[i].fn);
    }
    caches(&p);
    methods(&p);
    return p.r;
}
