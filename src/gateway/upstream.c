#include "gateway/upstream.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "gateway/auth.h"
#include "gateway/boarding.h"
#include "gateway/chain.h"
#include "gateway/flow.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/prober.h"
#include "gateway/proxy_env.h"
#include "gateway/room.h"
#include "gateway/route.h"
#include "gateway/route_move.h"
#include "gateway/session.h"
#include "gateway/standing.h"
#include "gateway/vigil.h"
#include "gateway/worker.h"

enum { WARM_PAUSE_MS = 1000, MAX_DIALLING = 32 };

/* Where its connections go: straight, or through an HTTP proxy. */
static bool target_build(struct upstream *u)
{
    const struct endpoint_conf *conf = u->endpoint.conf;
    const struct url *url = &u->endpoint.url;

    u->target = (struct dial_target){
        .host = url->host,
        .port = url->port,
        .family = conf->dns_family,
        .dns_ttl_ms = conf->dns_ttl_ms,
        .tls = u->tls,
        .timeout_ms = conf->connect_timeout_ms,
    };
    switch (proxy_resolve(&u->proxy, conf->proxy, url)) {
    case PROXY_DIRECT:
        return true;
    case PROXY_BAD:
        /* One of the configuration was checked with it. */
        log_event(LOG_ERROR, "proxy_bad_url", LOG_S("endpoint", conf->name),
                  LOG_S("why", "HTTPS_PROXY, HTTP_PROXY or ALL_PROXY of the environment is no http:// URL"));
        return false;
    case PROXY_USED:
        break;
    }
    u->target.proxy_host = u->proxy.host;
    u->target.proxy_port = u->proxy.port;
    u->proxy_auth = proxy_authorization(&u->proxy);
    u->target.proxy_auth = u->proxy_auth;
    u->connect_target = proxy_connect_target(url);
    u->target.connect_target = u->connect_target;
    return true;
}

struct upstream *upstream_new(struct chain *c, unsigned index, const struct endpoint_conf *conf)
{
    struct upstream *u = mem_zero(sizeof *u);
    char err[256];
    bool good;

    u->chain = c;
    u->worker = c->worker;
    u->index = index;
    priority_init(&u->waiting);
    list_init(&u->ready);
    list_init(&u->starved);
    probe_init(&u->probe, &c->expect);
    good = endpoint_init(&u->endpoint, conf) == 0;
    u->endpoint.http.spare = c->worker->spare;
    if (good && u->endpoint.url.tls && tls_new(&u->tls, &conf->tls, u->endpoint.url.host, err, sizeof err) < 0) {
        log_event(LOG_ERROR, "tls_setup_failed", LOG_S("endpoint", conf->name), LOG_S("why", err));
        good = false;
    }
    limits_init(u);
    if (good)
        flow_init(u);
    u->auth = auth_new(u);
    return good && target_build(u) ? u : upstream_free(u);
}

struct upstream *upstream_free(struct upstream *u)
{
    if (!u)
        return NULL;
    assert(u->n_waiting == 0);
    list_remove(&u->ready);
    list_remove(&u->starved);
    auth_free(u->auth);
    limits_deinit(u);
    endpoint_deinit(&u->endpoint);
    url_deinit(&u->proxy);
    tls_free(u->tls);
    free(u->proxy_auth);
    free(u->connect_target);
    free(u);
    return NULL;
}

void upstream_start(struct upstream *u)
{
    auth_start(u->auth);
    upstream_mark(u);
}

/* How many calls could depart without waiting for others: those that queue for no longer than this turn, or one dial.
 */
static unsigned seats(const struct upstream *u)
{
    const struct pool *p = &u->endpoint.pool;
    unsigned busy = p->n_busy, free_seats = busy < p->conf->max_sockets ? p->conf->max_sockets - busy : 0;

    if (p->max_busy && free_seats > (p->max_busy > busy ? p->max_busy - busy : 0))
        free_seats = p->max_busy > busy ? p->max_busy - busy : 0;
    return free_seats;
}

bool upstream_is_full(const struct upstream *u)
{
    return u->n_waiting >= u->endpoint.conf->pool.max_waiting + seats(u);
}

static void enqueue(struct upstream *u, struct flight *f, bool front)
{
    f->state = FLIGHT_QUEUED;
    f->upstream = u;
    f->link = NULL;
    f->http_status = 0;
    f->old_credential = false;
    if (upstream_is_down(u))
        standing_depart(u, f);
    f->queued_us = worker_clock_us(u->worker);
    f->solo = boarding_solo(u, f);
    priority_push(&u->waiting, f, front);
    u->n_waiting++;
    u->n_solo += f->solo;
    u->n_fresh += f->fresh_only;
    f->try_until_ms = UINT64_MAX; /* the endpoint's own time-out does not run while it waits */
    route_arm(u->worker, f);
    upstream_mark(u);
}

bool upstream_enqueue(struct upstream *u, struct flight *f, bool front)
{
    if (upstream_is_full(u))
        return false;
    enqueue(u, f, front);
    return true;
}

void upstream_enqueue_own(struct upstream *u, struct flight *f, bool front)
{
    enqueue(u, f, front);
}

void upstream_requeue(struct flight *f)
{
    upstream_dequeue(f);
    enqueue(f->upstream, f, true);
}

void upstream_requeue_last(struct flight *f)
{
    upstream_dequeue(f);
    enqueue(f->upstream, f, false);
}

void upstream_dequeue(struct flight *f)
{
    struct upstream *u = f->upstream;

    if (!list_linked(&f->queued))
        return;
    if (f->state == FLIGHT_PARKED) {
        list_remove(&f->queued);
        return;
    }
    priority_remove(&u->waiting, f);
    u->n_solo -= f->solo;
    u->n_fresh -= f->fresh_only;
    if (--u->n_waiting == 0)
        list_remove(&u->starved); /* a place in that line is for those who have calls waiting */
}

void upstream_mark(struct upstream *u)
{
    if (!list_linked(&u->ready))
        list_push(&u->worker->ready, &u->ready);
}

bool upstream_has_room(const struct upstream *u)
{
    return seats(u) > u->n_waiting && !probe_holds(&u->probe);
}

/* Closes the longest idle connection.  false: there is none. */
static bool close_idle(struct upstream *u)
{
    struct pool_member *m = pool_evict(&u->endpoint.pool);

    if (m)
        link_close(container_of(m, struct link, member));
    return m != NULL;
}

/* Makes room for a connection that is needed: the longest idle one of an upstream that has nobody waiting, else one of
 * its own that its waiting calls cannot use. */
static bool close_idle_somewhere(struct upstream *u)
{
    struct worker *w = u->worker;
    struct upstream *oldest = NULL;

    for (size_t i = 0; i < w->n_chains; i++)
        for (unsigned k = 0; k < w->chains[i]->n_upstreams; k++) {
            struct upstream *other = w->chains[i]->upstreams[k];

            if (other != u && !other->n_waiting && other->endpoint.pool.n_idle &&
                (!oldest || pool_idle_since(&other->endpoint.pool) < pool_idle_since(&oldest->endpoint.pool)))
                oldest = other;
        }
    return close_idle(oldest ? oldest : u);
}

static void dial(struct upstream *u, unsigned count)
{
    struct worker *w = u->worker;

    list_remove(&u->starved);
    while (count-- && u->endpoint.pool.n_dialling < MAX_DIALLING) {
        if (w->n_sockets >= w->conf->limits.max_upstream_sockets && !(u->n_waiting && close_idle_somewhere(u))) {
            if (u->n_waiting)
                list_push(&w->starved, &u->starved);
            return;
        }
        link_dial(u);
    }
}

void upstream_feed_starved(struct worker *w)
{
    if (!list_empty(&w->starved))
        upstream_mark(container_of(w->starved.next, struct upstream, starved));
}

bool upstream_must_yield(const struct upstream *u)
{
    const struct list *starved = &u->worker->starved;
    const struct upstream *first;

    if (list_empty(starved))
        return false;
    first = container_of(starved->next, struct upstream, starved);
    return first != u && pool_sockets(&first->endpoint.pool) == 0;
}

/* How many dials are wanted for those that need a connection that carried nothing: idle links do not count for them,
 * and make room if need be. */
static unsigned fresh_wanted(struct upstream *u)
{
    struct pool *p = &u->endpoint.pool;
    unsigned want = u->n_fresh, left;

    if (p->max_busy && want + p->n_busy > p->max_busy) /* more are busy than the limit is now, perhaps */
        want = p->max_busy > p->n_busy ? p->max_busy - p->n_busy : 0;
    want = want > p->n_dialling ? want - p->n_dialling : 0;
    while (pool_sockets(p) + want > p->conf->max_sockets && close_idle(u)) {
    }
    left = p->conf->max_sockets - pool_sockets(p);
    return want < left ? want : left;
}

static void dial_wanted(struct upstream *u, uint64_t now_ms)
{
    struct pool *p = &u->endpoint.pool;
    unsigned fresh = fresh_wanted(u), want = pool_dials_wanted(p, boarding_links_wanted(u));

    if (!u->n_waiting && now_ms < u->warm_after_ms)
        want = 0;
    if (want < fresh)
        want = fresh;
    if (u->shut) /* what is there carries what may leave */
        want = pool_dials_wanted(p, 0);
    /* While it is left alone, those who wait have its other sockets; when there are none, one attempt at a time. */
    if (breaker_pausing(&u->endpoint.breaker, now_ms))
        want = u->n_waiting && pool_sockets(p) == 0 && want ? 1 : 0;
    dial(u, want);
}

/* When it next wants attention by itself. */
static void arm(struct upstream *u, uint64_t now_ms)
{
    const struct pool *p = &u->endpoint.pool;
    uint64_t at_ms = pool_next_expiry(p);

    if (pool_sockets(p) < p->conf->min_warm && u->probe.state != PROBE_REFUSED) {
        uint64_t warm_ms =
            u->warm_after_ms > u->endpoint.breaker.until_ms ? u->warm_after_ms : u->endpoint.breaker.until_ms;

        if (warm_ms > now_ms && warm_ms < at_ms)
            at_ms = warm_ms;
    }
    if (u->n_waiting && breaker_pausing(&u->endpoint.breaker, now_ms) && u->endpoint.breaker.until_ms < at_ms)
        at_ms = u->endpoint.breaker.until_ms;
    if (u->n_waiting && u->again_us != UINT64_MAX && now_ms + u->again_us / 1000 + 1 < at_ms)
        at_ms = now_ms + u->again_us / 1000 + 1;
    if (u->probe.at_ms < at_ms && u->endpoint.head && !u->worker->draining)
        at_ms = u->probe.at_ms;
    if (u->n_wire && u->chain->n_upstreams > 1 && now_ms + VIGIL_MS < at_ms)
        at_ms = now_ms + VIGIL_MS;
    if (u->watch.look_ms < at_ms)
        at_ms = u->watch.look_ms;
    if (at_ms == UINT64_MAX)
        heap_remove(&u->worker->upstreams_due, &u->due);
    else if (!heap_linked(&u->due) || u->due.key > at_ms)
        heap_set(&u->worker->upstreams_due, &u->due, at_ms);
}

void upstream_dispatch(struct upstream *u)
{
    struct worker *w = u->worker;
    uint64_t now_ms = worker_now_ms(w);

    if (u->endpoint.head) {
        if (!probe_settled(&u->probe))
            prober_look(u);
        if (watch_is_due(&u->watch, upstream_is_down(u), now_ms))
            watch_look(u);
        boarding_run(u);
        if (u->shut)
            limits_offer(u);
    } else if (auth_failed(u->auth)) {
        upstream_release_waiting(
            u,
            &(struct route_failure){.fail = FAIL_UPSTREAM_CREDENTIAL, .detail = auth_why(u->auth), .never_sent = true});
    }
    if (u->n_waiting || (pool_sockets(&u->endpoint.pool) < u->endpoint.conf->pool.min_warm && !w->draining &&
                         u->probe.state != PROBE_REFUSED))
        dial_wanted(u, now_ms);
    if (u->n_waiting && w->n_stalled)
        room_make_way(u);
    arm(u, now_ms);
    /* What this one leaves is for the next in line: it may have been woken for more than it needed. */
    if (w->n_sockets < w->conf->limits.max_upstream_sockets || (!u->n_waiting && u->endpoint.pool.n_idle))
        upstream_feed_starved(w);
}

void upstream_due(struct upstream *u)
{
    uint64_t now_ms = worker_now_ms(u->worker);
    struct pool_member *m;

    while ((m = pool_expire(&u->endpoint.pool, now_ms)))
        link_close(container_of(m, struct link, member));
    if (u->n_wire && u->chain->n_upstreams > 1)
        vigil_look(u->chain);
    upstream_mark(u);
}

static enum fail dial_fail(enum dial_phase phase)
{
    switch (phase) {
    case DIAL_DNS:
        return FAIL_UPSTREAM_DNS;
    case DIAL_CONNECT:
        return FAIL_UPSTREAM_CONNECT;
    case DIAL_PROXY:
        return FAIL_UPSTREAM_PROXY;
    case DIAL_TLS:
        break;
    }
    return FAIL_UPSTREAM_TLS;
}

/* Nobody here can serve those who wait: let each find another upstream, or fail with what went wrong.  The last one
 * first: they keep their order, as each goes to the front of its new queue. */
void upstream_release_waiting(struct upstream *u, const struct route_failure *why)
{
    while (u->n_waiting) {
        struct flight *f = priority_back(&u->waiting);

        upstream_dequeue(f);
        route_failed(u->worker, f, why);
    }
}

void upstream_offer_waiting(struct upstream *u)
{
    struct flight *f = priority_back(&u->waiting), *before;

    for (; f; f = before) {
        before = priority_before(&u->waiting, f);
        route_elsewhere(f);
    }
}

void upstream_dialled(struct upstream *u, const struct dial_result *r)
{
    struct endpoint *e = &u->endpoint;

    if (r->status == 0) {
        standing_dialled(u);
        if (!upstream_is_down(u)) /* else it is why no calls go there */
            e->last_fail = FAIL_NONE;
        u->dial_us = (3 * u->dial_us + r->dns_us + r->connect_us + r->tls_us) / (u->dial_us ? 4 : 1);
        if (u->tls) {
            e->stats.tls_full += !r->tls_resumed;
            e->stats.tls_resumed += r->tls_resumed;
        }
        probe_connected(&u->probe, worker_now_ms(u->worker));
        upstream_mark(u);
        return;
    }
    e->last_fail = dial_fail(r->phase);
    memcpy(e->last_text, r->text, sizeof e->last_text);
    e->last_text[sizeof e->last_text - 1] = '\0';
    u->worker->stats.dials_failed++;
    standing_not_dialled(u);
    if (pool_sockets(&e->pool) == 0)
        upstream_release_waiting(
            u, &(struct route_failure){.fail = e->last_fail, .detail = e->last_text, .never_sent = true});
    else /* they could be served by the sockets that are left, but sooner where one can connect */
        upstream_offer_waiting(u);
    upstream_mark(u);
}

void upstream_reauthorized(struct upstream *u)
{
    struct list *it = u->endpoint.pool.idle.next;

    while (it != &u->endpoint.pool.idle) {
        struct pool_member *m = container_of(it, struct pool_member, node);

        it = it->next;
        if (m->carried)
            link_close(container_of(m, struct link, member));
    }
    if (u->endpoint.head)
        probe_authorized(&u->probe, worker_now_ms(u->worker));
    upstream_mark(u);
    standing_reauthorized(u);
}

void upstream_link_lost(struct upstream *u, bool never_used)
{
    if (never_used)
        u->warm_after_ms = worker_now_ms(u->worker) + WARM_PAUSE_MS;
    upstream_mark(u);
}

const char *upstream_state(const struct upstream *u)
{
    return u->probe.state == PROBE_REFUSED ? "refused" : upstream_is_down(u) || !u->endpoint.head ? "down" : "up";
}

enum fail upstream_why(const struct upstream *u, char text[UPSTREAM_WHY_CAP])
{
    const struct endpoint *e = &u->endpoint;

    *text = '\0';
    if (u->probe.state == PROBE_REFUSED) {
        probe_text(&u->probe, &u->chain->expect, text);
        return FAIL_UPSTREAM_WRONG_CHAIN;
    }
    if (e->head && !upstream_is_down(u))
        return FAIL_NONE;
    snprintf(text, UPSTREAM_WHY_CAP, "%s", e->head ? e->last_text : auth_why(u->auth));
    return e->head ? e->last_fail : FAIL_UPSTREAM_CREDENTIAL;
}

static void close_all(struct list *members)
{
    while (!list_empty(members))
        link_close(container_of(container_of(members->next, struct pool_member, node), struct link, member));
}

void upstream_close(struct upstream *u)
{
    assert(u->n_waiting == 0);
    auth_close(u->auth);
    close_all(&u->endpoint.pool.idle);
    close_all(&u->endpoint.pool.dialling);
    close_all(&u->endpoint.pool.busy);
    list_remove(&u->ready);
    list_remove(&u->starved);
    heap_remove(&u->worker->upstreams_due, &u->due);
}
