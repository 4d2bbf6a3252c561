/* sim_outside.c - what of io/ the simulation has its own way with: no file is watched, and the only program that is run
 * prints the token of a node, a new one each time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/run.h"
#include "io/watch.h"
#include "sim_loop.h"
#include "sim_node.h"

struct run {
    struct sim_event end;
    struct loop *loop;
    struct node *node;
    void (*done)(void *owner, const struct run_result *r);
    void *owner;
};

int watch_new(struct watch **out, struct loop *l, const char *path, void (*changed)(void *owner), void *owner)
{
    (void)out;
    (void)l;
    (void)path;
    (void)changed;
    (void)owner;
    return -ENOTSUP;
}

struct watch *watch_close(struct watch *w)
{
    (void)w;
    return NULL;
}

static void on_run_end(struct sim_event *e)
{
    struct run *r = container_of(e, struct run, end);
    struct world *w = r->node->w;
    struct run_result result = {.status = 0};
    char token[32];

    if (!w->p.calm && (!w->p.weather || weather_is_rough(w)) && sim_chance(w, 100)) {
        result.exit_code = 1;
    } else {
        result.out = slice_of(token, (size_t)snprintf(token, sizeof token, "%s%u\n", NODE_TOKEN, ++r->node->issued));
        node_issued(r->node);
        sim_trace(w, "%s: its token is %.*s", r->node->name, (int)result.out.n - 1, token);
    }
    sim_loop_touch(r->loop);
    r->done(r->owner, &result);
    free(r);
}

struct run *run_start(struct loop *l, const char *const *argv, size_t n, size_t max_bytes, uint64_t timeout_ms,
                      void (*done)(void *owner, const struct run_result *r), void *owner)
{
    struct world *w = sim_loop_world(l);
    struct run *r = mem_zero(sizeof *r);

    (void)n;
    (void)max_bytes;
    (void)timeout_ms;
    *r = (struct run){{.fire = on_run_end}, l, w->nodes[atoi(argv[1])], done, owner};
    sim_soon(w, &r->end, sim_delay_us(w, 1000));
    return r;
}

struct run *run_cancel(struct run *r)
{
    if (r)
        sim_cancel(r->node->w, &r->end);
    free(r);
    return NULL;
}
