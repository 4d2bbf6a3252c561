/* sim_outside.c - what of io/ has no part in the simulation: no file is watched, and no program is run. */
#include <errno.h>

#include "io/run.h"
#include "io/watch.h"

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

struct run *run_start(struct loop *l, const char *const *argv, size_t n, size_t max_bytes, uint64_t timeout_ms,
                      void (*done)(void *owner, const struct run_result *r), void *owner)
{
    (void)l;
    (void)argv;
    (void)n;
    (void)max_bytes;
    (void)timeout_ms;
    (void)done;
    (void)owner;
    return NULL;
}

struct run *run_cancel(struct run *r)
{
    (void)r;
    return NULL;
}
