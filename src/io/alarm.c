#include "io/alarm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#include "base/mem.h"
#include "io/loop.h"
#include "io/loop_priv.h"

enum { US_PER_S = 1000000, NS_PER_US = 1000 };

struct alarm {
    struct loop *loop;
    void (*fire)(void *owner);
    void *owner;
    uint64_t at_us; /* UINT64_MAX: not set */
    int fd;
    uv_poll_t poll;
};

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct alarm *a = poll->data;
    uint64_t times;

    (void)events;
    /* A reading that fails: it was moved after the poll had seen it. */
    if (status < 0 || read(a->fd, &times, sizeof times) != (ssize_t)sizeof times)
        return;
    a->at_us = UINT64_MAX;
    loop_touch(a->loop);
    a->fire(a->owner);
}

static void on_closed(uv_handle_t *h)
{
    struct alarm *a = h->data;

    close(a->fd);
    free(a);
}

int alarm_new(struct alarm **out, struct loop *loop, void (*fire)(void *owner), void *owner)
{
    struct alarm *a = mem_zero(sizeof *a);
    int r;

    a->loop = loop;
    a->fire = fire;
    a->owner = owner;
    a->at_us = UINT64_MAX;
    a->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (a->fd < 0) {
        r = -errno;
        free(a);
        return r;
    }
    r = uv_poll_init(loop_uv(loop), &a->poll, a->fd);
    if (r) {
        close(a->fd);
        free(a);
        return r;
    }
    a->poll.data = a;
    r = uv_poll_start(&a->poll, UV_READABLE, on_readable);
    if (r)
        alarm_close(a);
    else
        *out = a;
    return r;
}

void alarm_set(struct alarm *a, uint64_t at_us)
{
    struct itimerspec when = {0};

    if (at_us == a->at_us)
        return;
    a->at_us = at_us;
    if (at_us != UINT64_MAX) {
        /* All zero would clear it. */
        at_us = at_us ? at_us : 1;
        when.it_value.tv_sec = (time_t)(at_us / US_PER_S);
        when.it_value.tv_nsec = (long)(at_us % US_PER_S * NS_PER_US);
    }
    timerfd_settime(a->fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void alarm_unref(struct alarm *a)
{
    uv_unref((uv_handle_t *)&a->poll);
}

struct alarm *alarm_close(struct alarm *a)
{
    if (a) {
        uv_poll_stop(&a->poll);
        uv_close((uv_handle_t *)&a->poll, on_closed);
    }
    return NULL;
}
