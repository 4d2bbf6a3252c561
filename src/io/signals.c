#include "io/signals.h"

#include <assert.h>
#include <stdlib.h>
#include <uv.h>

#include "base/mem.h"
#include "io/loop.h"

enum { SIGNALS_MAX = 8 };

struct signals {
    void (*on_signal)(void *owner, int number);
    void *owner;
    unsigned n, open;
    uv_signal_t handles[SIGNALS_MAX];
};

static void on_uv_signal(uv_signal_t *h, int number)
{
    struct signals *s = h->data;

    if (s->on_signal)
        s->on_signal(s->owner, number);
}

static void on_closed(uv_handle_t *h)
{
    struct signals *s = h->data;

    if (--s->open == 0)
        free(s);
}

int signals_new(struct signals **out, struct loop *loop, const int *numbers, unsigned n,
                void (*on_signal)(void *owner, int number), void *owner)
{
    struct signals *s = mem_zero(sizeof *s);
    int r = 0;

    assert(n > 0 && n <= SIGNALS_MAX);
    s->on_signal = on_signal;
    s->owner = owner;
    for (unsigned i = 0; i < n && r == 0; i++) {
        r = uv_signal_init(loop_uv(loop), &s->handles[i]);
        if (r)
            break;
        s->handles[i].data = s;
        s->n = ++s->open;
        r = uv_signal_start(&s->handles[i], on_uv_signal, numbers[i]);
    }
    if (r == 0)
        *out = s;
    else if (s->n)
        signals_close(s);
    else
        free(s);
    return r;
}

struct signals *signals_close(struct signals *s)
{
    if (!s)
        return NULL;
    s->on_signal = NULL;
    for (unsigned i = 0; i < s->n; i++)
        uv_close((uv_handle_t *)&s->handles[i], on_closed);
    return NULL;
}
