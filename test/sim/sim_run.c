#include "sim_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/plant.h"
#include "config/config.h"
#include "gateway/worker.h"
#include "io/dial.h"
#include "sim_ask.h"
#include "sim_client.h"
#include "sim_conn.h"
#include "sim_loop.h"
#include "sim_main.h"
#include "sim_node.h"
#include "sim_stray.h"
#include "sim_weather.h"

enum {
    STEPS_MAX = 3000000,
    AFTER_US = 120 * 1000000, /* from the last client's end to the last flight's */
    LINGER_US = 3 * 1000000,  /* last goodbyes of streams */
    DRAIN_MS = 500,
    CONF_MAX = 65536,
    FIRST_HEAD = 1000,
    FIRST_HIGH = 5000, /* where the chain may be rolled back far */
    FAULTS_MANY = 400  /* permille */
};

static unsigned one_of(struct world *w, unsigned a, unsigned b, unsigned c)
{
    uint64_t r = sim_rnd(w, 3);

    return r == 0 ? a : r == 1 ? b : c;
}

static void draw_profile(struct world *w)
{
    struct sim_profile *p = &w->p;

    *p = (struct sim_profile){
        .calm = sim_chance(w, 350),
        .roomy = sim_chance(w, 400),
        .lag = sim_chance(w, 250),
        .mixed = sim_chance(w, 250),
        .coalesce = sim_chance(w, 800),
        .cache = sim_chance(w, 400),
        .scoped = sim_chance(w, 200),
        .named = sim_chance(w, 200),
        .swarm = sim_chance(w, 200),
        .weather = sim_chance(w, 400),
        .jumps = sim_chance(w, 400),
        .unknown_retried = sim_chance(w, 300),
        .deaf = sim_chance(w, 150),
        .usual = sim_chance(w, 150),
        .fault_permille = one_of(w, 20, 100, FAULTS_MANY),
        .clients = 1 + (unsigned)sim_rnd(w, 12),
        .posts = 1 + (unsigned)sim_rnd(w, 12),
        .call_timeout_ms = one_of(w, 50, 300, 3000),
        .max_inflight_calls = 20000,
        .max_batch_calls = one_of(w, 10, 25, 60),
        .max_upstream_sockets = one_of(w, 3, 12, 1000),
        .max_client_buffer_bytes = one_of(w, 65536, 200000, 2000000),
    };
    p->pruned = (w->seed * UINT64_C(0x9e3779b97f4a7c15) >> 40) % 4 == 0; /* not drawn: other runs stay as they were */
    if (p->usual)
        p->posts += 20 + (unsigned)sim_rnd(w, 40);
    p->weather &= !p->calm;
    p->jumps &= p->weather;
    p->spells = p->weather;
    p->astray = p->weather && sim_chance(w, 300);
    if (p->astray) {
        p->spells = sim_chance(w, 250);
        p->lag = p->mixed = p->jumps = false;
    }
    p->deaf &= !p->weather;
    if (p->roomy)
        p->max_upstream_sockets = 1000;
    if (p->roomy && sim_chance(w, 500))
        p->max_client_buffer_bytes = 65536;
    if (p->deaf) {
        p->roomy = false;
        p->max_upstream_sockets = one_of(w, 1, 3, 1000);
        p->max_client_buffer_bytes = one_of(w, 65536, 65536, 200000);
    }
    if (p->calm)
        p->call_timeout_ms =
            one_of(w, 4000, 4000, 60000); /* the shorter: less than a deaf client has before it is cut off */
    else if (p->weather)
        p->call_timeout_ms = one_of(w, 1000, 2000, 4000);
    else if (sim_chance(w, 150))
        p->max_inflight_calls = 4 + (unsigned)sim_rnd(w, 30);
    p->limited = !p->weather && sim_chance(w, 350);
    if (!p->weather && sim_chance(w, 250)) {
        p->end = sim_chance(w, 500) ? END_DRAIN : END_CLOSE;
        p->end_us = sim_rnd(w, 60000);
    }
}

/* -- the configuration, as a user would write it */

static unsigned timeout_ms(struct world *w)
{
    if (w->p.calm || sim_chance(w, 500))
        return 0;
    return w->p.weather ? 300 + (unsigned)sim_rnd(w, 700) : 20 + (unsigned)sim_rnd(w, 300);
}

/* The first node of each chain lacks nothing.  Where all calls must have a result it is said who does. */
static void put_archive(struct world *w, struct node *n, struct buf *b)
{
    bool first = !n->index || w->nodes[n->index - 1]->chain != n->chain;

    if (!w->p.pruned || !n->chain->evm)
        return;
    n->pruned = !first && sim_chance(w, 600);
    if (n->pruned ? w->p.calm || sim_chance(w, 200) : sim_chance(w, 200))
        buf_printf(b, "\"archive\":%s,", n->pruned ? "false" : "true");
}

static void put_endpoint(struct world *w, struct node *n, struct buf *b)
{
    static const char *const modes[] = {"auto", "auto", "always", "off"};
    bool calm = w->p.calm || w->p.weather;
    unsigned max_idle, warm;

    n->max_sockets = sim_chance(w, 300) ? 1 : 1 + (unsigned)sim_rnd(w, 8);
    n->max_inflight = sim_chance(w, 200) ? 1 + (unsigned)sim_rnd(w, 4) : 0;
    if (w->p.roomy) {
        n->max_sockets = 100;
        n->max_inflight = 0;
    }
    max_idle = (unsigned)sim_rnd(w, n->max_sockets + 1);
    warm = (unsigned)sim_rnd(w, (max_idle < 5 ? max_idle : 5) + 1);
    if (warm > w->warm_left)
        warm = w->warm_left;
    w->warm_left -= warm;
    buf_printf(b,
               "{\"name\":\"%s\",\"url\":\"http://127.0.0.1:%u/key\",\"weight\":%u,\"tier\":%u,\"timeout_ms\":%u,"
               "\"connect_timeout_ms\":%u,\"max_inflight\":%u,\"proxy\":\"none\",",
               n->name, NODE_PORT + n->index, 1 + (unsigned)sim_rnd(w, 3), (unsigned)sim_rnd(w, 2), timeout_ms(w),
               calm ? 5000 : 30 + (unsigned)sim_rnd(w, 100), n->max_inflight);
    if (!w->p.roomy && sim_chance(w, 300))
        buf_printf(b, "\"adaptive_inflight\":true,\"min_inflight\":%u,",
                   n->max_inflight ? 1 : 1 + (unsigned)sim_rnd(w, 8));
    limit_draw(n, b);
    put_archive(w, n, b);
    n->keyed = sim_chance(w, 300) && !(w->p.pruned && w->p.calm && !n->pruned);
    if (n->keyed)
        buf_printf(b, "\"auth\":{\"bearer_command\":[\"print-token\",\"%u\"]},", n->index);
    n->forwards = !n->keyed && w->p.scoped && sim_chance(w, 700);
    if (n->forwards)
        buf_str(b, "\"forward_authorization\":true,");
    buf_printf(b,
               "\"pool\":{\"max_sockets\":%u,\"max_idle\":%u,\"min_warm\":%u,\"idle_timeout_ms\":%u,\"order\":\"%s\","
               "\"max_requests_per_socket\":%u,\"max_waiting\":%u},",
               n->max_sockets, max_idle, warm, one_of(w, 20, 500, 30000), sim_chance(w, 500) ? "lifo" : "fifo",
               sim_chance(w, 150) ? 1 + (unsigned)sim_rnd(w, 5) : 0,
               calm || sim_chance(w, 800) ? 4096 : (unsigned)sim_rnd(w, 5));
    buf_printf(b, "\"batch\":{\"mode\":\"%s\",\"max_calls\":%u,\"max_bytes\":%u,\"window_us\":%u}}",
               modes[sim_rnd(w, 4)], one_of(w, 2, 10, 50), one_of(w, 600, 4000, 50000),
               sim_chance(w, 150) ? 1 + (unsigned)sim_rnd(w, 3000) : 0);
}

/* Who is asked, and how often. */
static void put_standing(struct world *w, const struct sim_chain *c, struct buf *b)
{
    static const char *const routings[] = {"weighted", "weighted", "fastest", "priority"};
    unsigned pause_ms = one_of(w, 10, 50, 100);

    buf_printf(b, "\"routing\":\"%s\",\"retry\":{\"max_attempts\":%u,\"budget_percent\":%u,\"pause_ms\":%u},",
               routings[sim_rnd(w, 4)], 1 + (unsigned)sim_rnd(w, 5), one_of(w, 20, 100, (unsigned)sim_rnd(w, 101)),
               one_of(w, 5, 50, 200));
    buf_printf(b, "\"breaker\":{\"failures\":%u,\"pause_ms\":%u,\"max_pause_ms\":%u,\"refused_pause_ms\":%u},",
               1 + (unsigned)sim_rnd(w, 5), pause_ms, pause_ms * (1 + (unsigned)sim_rnd(w, 30)),
               one_of(w, 100, 3000, 20000));
    if (w->p.unknown_retried)
        buf_printf(b, "\"methods\":{\"%s\":{\"retry\":true}},", c->evm ? "sim_unknown" : "simUnknown");
}

static void put_chain(struct world *w, struct sim_chain *c, unsigned n, struct buf *b)
{
    bool named = sim_chance(w, w->p.mixed ? 1000 : 500);

    buf_printf(
        b, "\"%s\":{\"family\":\"%s\",\"coalesce\":%s,\"cache\":{\"max_bytes\":%u,\"head\":%s,\"finalized_ms\":%u},",
        c->name, c->evm ? "evm" : "solana", w->p.coalesce ? "true" : "false",
        w->p.cache ? one_of(w, 3000, 100000, 1 << 20) : 0, w->p.cache && sim_chance(w, 300) ? "true" : "false",
        one_of(w, 0, 20, 12000));
    if (w->p.astray)
        stray_put_conf(c, b);
    else /* most of these chains are quicker than any that there is: the distance makes up for that */
        buf_printf(b, "\"block_time_ms\":10,\"max_lag_blocks\":%u,", c->block_us < 9000 ? 500 : 100);
    if (named)
        buf_printf(b, c->evm ? "\"chain_id\":1," : "\"genesis_hash\":\"" SIM_GENESIS_HASH "\",");
    if (named && sim_chance(w, 300))
        buf_str(b, "\"answer_chain_id\":false,");
    c->hedge_percent = one_of(w, 0, 5, 60);
    buf_printf(b, "\"hedge\":{\"quantile\":%s,\"min_delay_ms\":%u,\"budget_percent\":%u},",
               sim_chance(w, 500) ? "0.5" : "0.9", one_of(w, 0, 0, 5), c->hedge_percent);
    if (w->p.named)
        buf_str(b, "\"endpoint_header\":true,");
    put_standing(w, c, b);
    buf_str(b, "\"endpoints\":[");
    for (unsigned i = 0; i < n; i++) {
        struct node *node = node_new(w, c, w->n_nodes, i == 0);

        if (i)
            buf_str(b, ",");
        w->nodes[w->n_nodes++] = node;
        if (w->p.mixed && sim_chance(w, 400) &&
            (i || !(w->p.calm || w->p.weather))) /* in a calm run every call gets its result */
            node_make_foreign(node);
        put_endpoint(w, node, b);
    }
    buf_str(b, "]}");
}

static void on_tick(struct sim_event *e)
{
    struct sim_chain *c = container_of(e, struct sim_chain, tick);
    struct world *w = container_of(c - c->index, struct world, chains[0]);

    if (c->head + 1 < SIM_HEADS_MAX)
        c->head++;
    if (c->head > c->top)
        c->top = c->head;
    sim_soon(w, &c->tick, sim_delay_us(w, c->block_us) * (w->p.weather ? SIM_SLOWLY : 1));
}

static void build_world(struct world *w)
{
    struct buf b, report;

    draw_profile(w);
    weather_draw(w);
    w->warm_left = w->p.max_upstream_sockets;
    buf_init(&b, CONF_MAX);
    buf_init(&report, CONF_MAX);
    buf_printf(&b,
               "{\"listen\":\"127.0.0.1:0\",\"limits\":{\"max_inflight_calls\":%u,\"max_batch_calls\":%u,"
               "\"max_upstream_sockets\":%u,\"max_client_buffer_bytes\":%u,\"call_timeout_ms\":%u,\"max_pipelined\":%u,"
               "\"write_timeout_ms\":10000},\"chains\":{",
               w->p.max_inflight_calls, w->p.max_batch_calls, w->p.max_upstream_sockets, w->p.max_client_buffer_bytes,
               w->p.call_timeout_ms, one_of(w, 1, 4, 100));
    w->n_chains = 1 + sim_chance(w, 500);
    for (unsigned i = 0; i < w->n_chains; i++) {
        struct sim_chain *c = &w->chains[i];

        c->index = i;
        c->evm = i == 0;
        c->name = c->evm ? "evm" : "sol";
        c->head = c->first_head = c->top = w->p.astray ? FIRST_HIGH : FIRST_HEAD;
        c->block_us = 500 + sim_rnd(w, sim_chance(w, 500) ? 2000 : 20000);
        if (w->p.astray)
            stray_draw_chain(w, c);
        c->tick.fire = on_tick;
        sim_soon(w, &c->tick, c->block_us);
        if (i)
            buf_str(&b, ",");
        put_chain(w, c, 1 + (unsigned)sim_rnd(w, i ? 2 : 4), &b);
    }
    buf_str(&b, "}}");
    sim_trace(w, "%s%.*s", w->p.calm ? "calm; " : "", (int)b.n, b.p);
    if (config_parse(&w->conf, buf_get(&b), "sim", &report))
        sim_fail(w, "the configuration: %.*s", (int)report.n, report.p);
    buf_deinit(&b);
    buf_deinit(&report);
}

/* -- the run */

static void on_turn(void *owner)
{
    struct world *w = owner;

    worker_drive(w->gateway);
    sim_check_turn(w);
    w->closed = w->ending && worker_closed(w->gateway); /* only the end of a turn is a moment to ask */
}

static void step(struct world *w)
{
    sim_check(w, sim_step(w), "nothing happens any more");
    sim_check(w, w->steps < STEPS_MAX, "it goes on without end");
}

static bool is_quiet(const struct world *w)
{
    return w->gateway->n_flights == 0 && list_empty(&w->gateway->sessions);
}

static void serve_all(struct world *w)
{
    uint64_t until_us;

    while (w->n_clients_done < w->n_clients && (w->p.end == END_QUIET || w->now_us < w->p.end_us))
        step(w);
    if (w->p.end != END_QUIET)
        return;
    until_us = w->now_us + AFTER_US;
    while (!is_quiet(w)) {
        step(w);
        sim_check(w, w->now_us < until_us, "all clients have left, and %u flights and %u sessions stay",
                  w->gateway->n_flights, w->gateway->n_sessions);
    }
    sim_check_quiet(w);
}

static void end_all(struct world *w)
{
    uint64_t until_us;

    w->ending = true;
    sim_loop_touch(w->loop);
    if (w->p.end == END_CLOSE) {
        sim_trace(w, "the gateway is closed now");
        worker_close(w->gateway);
    } else {
        sim_trace(w, "the gateway drains");
        worker_drain(w->gateway, loop_now_ms(w->loop) + DRAIN_MS);
    }
    until_us = w->now_us + (DRAIN_MS + 50) * UINT64_C(1000);
    while (!w->closed) {
        step(w);
        sim_check(w, w->now_us < until_us, "draining has no end: %u flights, %u sessions, %u sockets",
                  w->gateway->n_flights, w->gateway->n_sessions, w->gateway->n_sockets);
    }
    sim_check_quiet(w);
    until_us += LINGER_US;
    while (w->n_streams) {
        step(w);
        sim_check(w, w->now_us < until_us, "%u streams stay open after the end", w->n_streams);
    }
}

static void free_world(struct world *w)
{
    weather_stop(w);
    stray_stop(w);
    w->gateway = worker_free(w->gateway);
    loop_free(w->loop);
    for (unsigned i = 0; i < w->n_clients; i++)
        client_free(w->clients[i]);
    for (unsigned i = 0; i < w->n_nodes; i++)
        node_free(w->nodes[i]);
    while (!list_empty(&w->conns))
        conn_free(container_of(w->conns.next, struct sim_conn, all));
    for (unsigned i = 0; i < w->n_chains; i++)
        sim_cancel(w, &w->chains[i].tick);
    heap_deinit(&w->queue);
    config_free(w->conf);
    free(w->clients);
    free(w->writes);
    free(w->tries);
    free(w->filters);
    free(w->given);
}

static void begin(struct world *w, uint64_t seed, bool trace)
{
    static struct sim_served the_served[SIM_SERVED_MAX];

    *w = (struct world){
        .seed = seed, .rng = seed * UINT64_C(0xd1342543de82ef95) + 1, .trace = trace, .served = the_served};
}

/* A planted fault that few kinds of worlds can show is looked for in those. */
static bool can_show_plant(struct world *w)
{
    const struct sim_profile *p = &w->p;

    draw_profile(w);
    if (planted(PLANT_FINAL_UNGATED))
        return p->astray && p->cache;
    return !planted(PLANT_WORST_SHOWN) || (!p->calm && p->fault_permille == FAULTS_MANY);
}

void sim_run(uint64_t seed, bool trace, struct sim_totals *t)
{
    static struct world the_world;
    static const struct loop_ops ops = {on_turn};
    struct world *w = &the_world;

    begin(w, seed, trace);
    if (!can_show_plant(w))
        return;
    begin(w, seed, trace);
    sim_main_running(w);
    heap_init(&w->queue);
    list_init(&w->conns);
    build_world(w);
    w->loop = sim_loop_new(w, &ops, w);
    w->gateway = worker_new(w->conf, w->loop);
    sim_check(w, w->gateway != NULL, "the worker cannot be set up");
    worker_start(w->gateway);
    for (unsigned i = 0; i < w->n_nodes; i++)
        if (w->nodes[i]->keyed)
            node_rotate(w->nodes[i]);
    weather_start(w);
    stray_start(w);
    w->n_clients = w->p.clients + (w->p.weather ? w->n_chains + 1 + (unsigned)sim_rnd(w, 3) : 0);
    w->clients = mem_array(w->n_clients, sizeof(struct client *));
    for (unsigned i = 0; i < w->n_clients; i++)
        w->clients[i] = client_new(w, i);
    serve_all(w);
    end_all(w);
    free_world(w);
    t->runs++;
    t->steps += w->steps;
    t->calls += w->calls;
    t->results += w->results;
    t->upstream += w->n_served;
    for (unsigned i = 0; i < w->n_chains; i++)
        t->hedged += w->chains[i].hedged;
}

uint64_t sim_run_new_write(struct world *w, const struct sim_chain *c)
{
    if (w->n_writes == w->cap_writes) {
        w->cap_writes = w->cap_writes ? w->cap_writes * 2 : 32;
        w->writes = mem_grow(w->writes, w->cap_writes * sizeof *w->writes);
    }
    w->writes[w->n_writes] = (struct sim_write){.chain = c, .drawn_us = w->now_us};
    return w->n_writes++;
}

struct sim_count *sim_run_count(struct world *w, uint64_t hash)
{
    for (unsigned i = 0; i < w->n_counts; i++)
        if (w->counts[i].hash == hash)
            return &w->counts[i];
    sim_check(w, w->n_counts < SIM_COUNTS_MAX, "too many different questions that must not be shared");
    w->counts[w->n_counts] = (struct sim_count){.hash = hash};
    return &w->counts[w->n_counts++];
}
