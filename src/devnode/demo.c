#include "devnode/demo.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "devnode/devnode.h"
#include "io/loop.h"

enum { NODES = 6, STOP_POLL_MS = 50, CONFIG_MAX = 8192 };

/* One quick, one slower, one that fails now and then. */
static const struct {
    const char *chain, *name;
    bool solana;
    uint64_t delay_us, jitter_us, block_time_ms, head_lag;
    double error_rate, reset_rate;
    unsigned weight;
} nodes[NODES] = {
    {"ethereum", "quick", false, 0, 0, 12000, 0, 0, 0, 3},
    {"ethereum", "slower", false, 8000, 4000, 12000, 0, 0, 0, 2},
    {"ethereum", "shaky", false, 2000, 1000, 12000, 0, 0.02, 0.01, 1},
    {"solana", "quick", true, 0, 0, 400, 0, 0, 0, 3},
    {"solana", "slower", true, 8000, 4000, 400, 0, 0, 0, 2},
    {"solana", "shaky", true, 2000, 1000, 400, 0, 0.02, 0.01, 1},
};

struct demo {
    struct loop *loop;
    struct devnode *node[NODES];
    struct loop_timer timer;
    struct buf config;
    pthread_t thread;
    bool running;
    atomic_bool stop;
};

static void on_turn(void *owner)
{
    (void)owner;
}

static void close_nodes(struct demo *d)
{
    for (unsigned i = 0; i < NODES; i++)
        if (d->node[i])
            d->node[i] = devnode_close(d->node[i]);
    loop_timer_clear(d->loop, &d->timer);
    loop_finish(d->loop);
}

/* Looks from time to time whether the gateway has ended: the two threads share nothing else. */
static void on_timer(struct loop_timer *t)
{
    struct demo *d = (struct demo *)((char *)t - offsetof(struct demo, timer));

    if (atomic_load(&d->stop))
        close_nodes(d);
    else
        loop_timer_set(d->loop, &d->timer, loop_now_ms(d->loop) + STOP_POLL_MS);
}

static void *run(void *owner)
{
    struct demo *d = owner;

    loop_run(d->loop);
    return NULL;
}

static int start_node(struct demo *d, unsigned i)
{
    struct devnode_conf c;

    devnode_conf_default(&c);
    c.solana = nodes[i].solana;
    c.delay_us = nodes[i].delay_us;
    c.jitter_us = nodes[i].jitter_us;
    c.block_time_ms = nodes[i].block_time_ms;
    c.error_rate = nodes[i].error_rate;
    c.reset_rate = nodes[i].reset_rate;
    c.seed = 1; /* the same chain for all three of a family */
    return devnode_new(&d->node[i], d->loop, &c);
}

static void write_config(struct demo *d)
{
    struct buf *b = &d->config;

    buf_str(b, "{\"listen\":\"127.0.0.1:8545\",\"admin\":\"127.0.0.1:8546\",\"chains\":{");
    for (unsigned i = 0; i < NODES; i++) {
        if (i % 3 == 0)
            buf_printf(b, "%s\"%s\":{\"family\":\"%s\"%s,\"endpoints\":[", i ? "]}," : "", nodes[i].chain,
                       nodes[i].solana ? "solana" : "evm", nodes[i].solana ? "" : ",\"chain_id\":1,\"default\":true");
        buf_printf(b, "%s{\"name\":\"%s\",\"url\":\"http://%s\",\"weight\":%u,\"proxy\":\"none\"}", i % 3 ? "," : "",
                   nodes[i].name, devnode_address(d->node[i]), nodes[i].weight);
    }
    buf_str(b, "]}}}");
}

int demo_new(struct demo **out)
{
    static const struct loop_ops ops = {on_turn};
    struct demo *d = mem_zero(sizeof *d);
    int r;

    buf_init(&d->config, CONFIG_MAX);
    d->timer.fire = on_timer;
    r = loop_new(&d->loop, &ops, d);
    for (unsigned i = 0; i < NODES && r == 0; i++)
        r = start_node(d, i);
    if (r == 0) {
        write_config(d);
        loop_timer_set(d->loop, &d->timer, loop_now_ms(d->loop) + STOP_POLL_MS);
        r = -pthread_create(&d->thread, NULL, run, d);
        d->running = r == 0;
    }
    if (r) {
        demo_free(d);
        return r;
    }
    *out = d;
    return 0;
}

struct demo *demo_free(struct demo *d)
{
    if (!d)
        return NULL;
    if (d->running) {
        atomic_store(&d->stop, true);
        pthread_join(d->thread, NULL);
    } else if (d->loop) {
        close_nodes(d);
        loop_run(d->loop);
    }
    if (d->loop)
        loop_free(d->loop);
    buf_deinit(&d->config);
    free(d);
    return NULL;
}

struct slice demo_config(const struct demo *d)
{
    return buf_get(&d->config);
}

void demo_announce(const struct demo *d, const char *service, const char *admin)
{
    (void)d;
    fprintf(stderr,
            "\nEthereum (default)  http://%s   and http://%s/ethereum\n"
            "Solana              http://%s/solana\n",
            service, service, service);
    if (admin)
        fprintf(stderr, "status              http://%s/status   metrics http://%s/metrics\n", admin, admin);
    fprintf(stderr,
            "\nTry:\n  curl -s http://%s -H 'content-type: application/json' \\\n"
            "    -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_blockNumber\"}'\n"
            "  curl -s http://%s/solana -H 'content-type: application/json' \\\n"
            "    -d '{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"getSlot\"}'\n"
            "Ctrl-C ends it.\n",
            service, service);
}
