#include "gateway/worker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>

#include "base/plant.h"
#include "base/spare.h"
#include "gateway/broadcast_lane.h"
#include "gateway/chain.h"
#include "gateway/hedge_lane.h"
#include "gateway/limits.h"
#include "gateway/link.h"
#include "gateway/request.h"
#include "gateway/room.h"
#include "gateway/route.h"
#include "gateway/session.h"
#include "gateway/standing.h"
#include "io/dial.h"
#include "io/loop.h"

enum { WALL_TOLD_MS = 60000 };
enum { MAX_HEAD_BYTES = 16384, MAX_FIELDS = 100, MAX_TARGET_BYTES = 8192, KEPT_FLIGHTS = 1024, KEPT_SESSIONS = 64 };

static void date_update(struct worker *w)
{
    struct timespec ts;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &ts);
    w->wall_ms = loop_wall_ms(w->loop);
    gmtime_r(&ts.tv_sec, &tm);
    w->date_n = strftime(w->date_line, sizeof w->date_line, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
    w->head_n =
        (size_t)snprintf(w->head_line, sizeof w->head_line,
                         "HTTP/1.1 200 OK\r\n%sContent-Type: application/json\r\nContent-Length: ", w->date_line);
    w->date_until_ms = worker_now_ms(w) + 1000 - (uint64_t)ts.tv_nsec / 1000000;
}

/* Without a secret a client could make keys that meet in one bucket. */
static void draw(struct hash_secret *secret)
{
    if (getrandom(secret, sizeof *secret, 0) != (ssize_t)sizeof *secret)
        abort();
}

struct worker *worker_new(const struct config *conf, struct loop *loop)
{
    struct worker *w = mem_zero(sizeof *w);
    struct hash_secret secret;
    struct rlimit rl;

    draw(&secret);

    w->conf = conf;
    w->loop = loop;
    w->dialer = dialer_new(loop);
    w->spare = spare_new();
    list_init(&w->sessions);
    list_init(&w->dirty);
    list_init(&w->ready);
    list_init(&w->torn);
    list_init(&w->starved);
    list_init(&w->lanes);
    list_init(&w->parked);
    list_init(&w->stalled);
    flight_table_init(&w->flights, &secret);
    scopes_init(&w->scopes, &secret);
    heap_init(&w->flights_due);
    heap_init(&w->sessions_due);
    heap_init(&w->upstreams_due);
    mem_pool_init(&w->flight_pool, sizeof(struct flight), KEPT_FLIGHTS);
    mem_pool_init(&w->exchange_pool, sizeof(struct exchange), KEPT_FLIGHTS);
    mem_pool_init(&w->session_pool, sizeof(struct session), KEPT_SESSIONS);
    mem_pool_init(&w->link_pool, sizeof(struct link), KEPT_SESSIONS);
    w->random = loop_clock_us(loop);
    message_body_init(&w->body);
    batch_answer_init(&w->batch_answer);
    access_init(&w->access, conf);
    w->http = (struct h1_server_conf){
        .max_body_bytes = conf->limits.max_body_bytes,
        .max_head_bytes = MAX_HEAD_BYTES,
        .max_fields = MAX_FIELDS,
        .max_target_bytes = MAX_TARGET_BYTES,
    };
    if (getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur < UINT32_MAX)
        w->max_descriptors = (unsigned)rl.rlim_cur;
    w->descriptors_low = w->max_descriptors ? (unsigned)(w->max_descriptors * UINT64_C(92) / 100) : UINT32_MAX;
    w->started_ms = worker_now_ms(w);
    w->started_unix_s = (int64_t)time(NULL);
    w->next_id = 1;
    date_update(w);

    w->chains = mem_array(conf->n_chains, sizeof(struct chain *));
    for (size_t i = 0; i < conf->n_chains; i++) {
        struct chain *c = chain_new(w, &conf->chains[i]);

        if (!c)
            return worker_free(w);
        c->index = (unsigned)w->n_chains;
        w->chains[w->n_chains++] = c;
        if (conf->chains[i].is_default || !w->default_chain)
            w->default_chain = c;
    }
    return w;
}

struct worker *worker_free(struct worker *w)
{
    if (!w)
        return NULL;
    assert(w->bodies_bytes == 0);
    assert(list_empty(&w->sessions) && list_empty(&w->dirty) && list_empty(&w->torn));
    for (size_t i = 0; i < w->n_chains; i++)
        chain_free(w->chains[i]);
    free(w->chains);
    assert(list_empty(&w->lanes) && list_empty(&w->parked) && list_empty(&w->stalled) && w->n_waiting == 0);
    flight_table_deinit(&w->flights);
    scopes_deinit(&w->scopes);
    assert(list_empty(&w->ready) && w->n_flights == 0 && w->n_sockets == 0);
    dialer_free(w->dialer);
    spare_free(w->spare);
    while (w->n_parsers)
        h1_server_free(w->parsers[--w->n_parsers]);
    message_body_deinit(&w->body);
    batch_answer_deinit(&w->batch_answer);
    free(w->batch_body);
    free(w->boarding);
    access_deinit(&w->access);
    heap_deinit(&w->flights_due);
    heap_deinit(&w->sessions_due);
    heap_deinit(&w->upstreams_due);
    mem_pool_deinit(&w->flight_pool);
    mem_pool_deinit(&w->exchange_pool);
    mem_pool_deinit(&w->session_pool);
    mem_pool_deinit(&w->link_pool);
    free(w);
    return NULL;
}

void worker_start(struct worker *w)
{
    for (size_t i = 0; i < w->n_chains; i++)
        for (unsigned k = 0; k < w->chains[i]->n_upstreams; k++)
            upstream_start(w->chains[i]->upstreams[k]);
    worker_drive(w);
}

uint64_t worker_now_ms(const struct worker *w)
{
    return loop_now_ms(w->loop);
}

uint64_t worker_clock_us(struct worker *w)
{
    if (!w->clock_us)
        w->clock_us = loop_clock_us(w->loop);
    return w->clock_us;
}

uint32_t worker_random(struct worker *w)
{
    w->random = w->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407); /* Knuth, MMIX */
    return (uint32_t)(w->random >> 32);
}

struct flight *worker_flight_new(struct worker *w)
{
    w->n_flights++;
    return mem_pool_get(&w->flight_pool);
}

void worker_flight_free(struct worker *w, struct flight *f)
{
    heap_remove(&w->flights_due, &f->due);
    flight_table_remove(&w->flights, f);
    if (planted(PLANT_FLIGHT_LEAKED) && !f->wanted)
        return;
    if (f->twin)
        hedge_lane_part(w, f);
    standing_left(f);
    flight_deinit(f);
    assert(w->n_flights > 0);
    w->n_flights--;
    mem_pool_put(&w->flight_pool, f);
}

static void fire_due(struct worker *w, uint64_t now_ms)
{
    struct heap_node *n;

    while ((n = heap_first(&w->flights_due)) && n->key <= now_ms)
        route_due(w, container_of(n, struct flight, due));
    while ((n = heap_first(&w->sessions_due)) && n->key <= now_ms)
        session_due(container_of(n, struct session, due));
    while ((n = heap_first(&w->upstreams_due)) && n->key <= now_ms) {
        heap_remove(&w->upstreams_due, n);
        upstream_due(container_of(n, struct upstream, due));
    }
}

static uint64_t earliest(uint64_t t, const struct heap *h)
{
    const struct heap_node *n = heap_first(h);

    return n && n->key < t ? n->key : t;
}

static uint64_t next_due(const struct worker *w)
{
    return earliest(earliest(earliest(UINT64_MAX, &w->flights_due), &w->sessions_due), &w->upstreams_due);
}

/* Dispatching may fail flights, whose answers make sessions dirty; flushing may close sessions, which frees links. */
static void drain_lists(struct worker *w)
{
    struct list *n;

    do {
        while ((n = list_pop(&w->torn))) /* before anything of such an array is sent */
            request_ask_again(container_of(n, struct exchange, unit.torn));
        while ((n = list_pop(&w->ready)))
            upstream_dispatch(container_of(n, struct upstream, ready));
        while ((n = list_pop(&w->dirty)))
            session_flush(container_of(n, struct session, dirty));
    } while (!list_empty(&w->ready) || !list_empty(&w->torn));
}

/* Nothing is left that a client asked for: notifications have no client that waits. */
static bool is_drained(const struct worker *w)
{
    if (!list_empty(&w->sessions))
        return false;
    for (size_t i = 0; i < w->flights_due.n; i++) {
        const struct flight *f = container_of(w->flights_due.v[i], struct flight, due);

        /* A leg that has left has done its work; a client that waits for its answer waits for the lead.  What we ask
         * ourselves nobody waits for. */
        if (f->wanted && f->part != FLIGHT_PROBE && !(f->part == FLIGHT_LEG && f->state == FLIGHT_WIRE))
            return false;
    }
    return true;
}

void worker_drive(struct worker *w)
{
    uint64_t now_ms = worker_now_ms(w);

    if (now_ms >= w->date_until_ms) {
        date_update(w);
        if (now_ms - w->wall_told_ms >= WALL_TOLD_MS) {
            w->wall_told_ms = now_ms;
            limits_clock(w);
        }
    }
    if (now_ms >= w->due_ms)
        fire_due(w, now_ms);
    room_look_again(w);
    drain_lists(w);
    w->clock_us = 0;
    if (w->draining && (is_drained(w) || now_ms >= w->drain_until_ms))
        worker_close(w);
    w->due_ms = next_due(w);
    if (w->draining && w->drain_until_ms < w->due_ms)
        w->due_ms = w->drain_until_ms;
    loop_wake_at(w->loop, w->due_ms);
}

void worker_drain(struct worker *w, uint64_t deadline_ms)
{
    w->draining = true;
    w->drain_until_ms = deadline_ms;
    list_each_safe (it, nx, &w->sessions)
        session_drain(container_of(it, struct session, all));
    worker_drive(w);
}

void worker_close(struct worker *w)
{
    struct heap_node *n;

    w->draining = true;
    while (!list_empty(&w->sessions))
        session_close(container_of(w->sessions.next, struct session, all));
    lane_close_all(w);
    /* What is left has no waiter: notifications, and flights whose client went. */
    while ((n = heap_first(&w->flights_due))) {
        struct flight *f = container_of(n, struct flight, due);

        f->wanted = false;
        upstream_dequeue(f);
        if (f->link)
            link_abandon(f);
        worker_flight_free(w, f);
    }
    for (size_t i = 0; i < w->n_chains; i++)
        for (unsigned k = 0; k < w->chains[i]->n_upstreams; k++)
            upstream_close(w->chains[i]->upstreams[k]);
}

bool worker_closed(const struct worker *w)
{
    return list_empty(&w->sessions) && w->n_sockets == 0 && w->n_flights == 0;
}
