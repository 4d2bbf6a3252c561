#include "io/watch.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/loop_priv.h"

struct watch {
    uv_fs_event_t event;
    struct loop *loop;
    void (*changed)(void *owner);
    void *owner;
};

static void on_event(uv_fs_event_t *e, const char *name, int events, int status)
{
    struct watch *w = e->data;

    (void)name;
    (void)events;
    (void)status; /* a failure too is worth a look */
    if (!w->changed)
        return;
    loop_touch(w->loop);
    w->changed(w->owner);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

int watch_new(struct watch **out, struct loop *l, const char *path, void (*changed)(void *owner), void *owner)
{
    const char *slash = strrchr(path, '/');
    struct watch *w = mem_zero(sizeof *w);
    char *folder;
    int r = uv_fs_event_init(&l->uv, &w->event);

    if (r < 0) {
        free(w);
        return r;
    }
    w->loop = l;
    w->changed = changed;
    w->owner = owner;
    w->event.data = w;
    folder = slash == path ? strdup("/") : slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
    r = folder ? uv_fs_event_start(&w->event, on_event, folder, 0) : UV_ENOMEM;
    free(folder);
    if (r < 0)
        watch_close(w);
    else
        *out = w;
    return r;
}

struct watch *watch_close(struct watch *w)
{
    if (!w)
        return NULL;
    w->changed = NULL;
    uv_close((uv_handle_t *)&w->event, on_closed);
    return NULL;
}
