#include "io/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "io/loop_priv.h"

enum { LAST_WORDS_MS = 200 }; /* for what others, who hold its outputs open, may still say once it has ended */

enum { OUT, ERR, PIPES };

struct run {
    uv_process_t process;
    uv_pipe_t pipes[PIPES];
    struct loop *loop;
    struct loop_timer timer;
    void (*done)(void *owner, const struct run_result *r); /* NULL: nobody waits any more */
    void *owner;
    struct run_result result;
    bool exited;
    unsigned reading; /* pipes that have not ended */
    unsigned handles; /* not closed yet */
    struct buf out, said;
    char piece[4096];
};

static void on_closed(uv_handle_t *h)
{
    struct run *r = h->data;

    if (--r->handles)
        return;
    if (r->out.p)
        explicit_bzero(r->out.p, r->out.n);
    if (r->said.p)
        explicit_bzero(r->said.p, r->said.n);
    explicit_bzero(r->piece, sizeof r->piece);
    buf_deinit(&r->out);
    buf_deinit(&r->said);
    free(r);
}

/* The whole group: a script's own children too. */
static void end_group(struct run *r)
{
    if (r->result.status == 0 && r->process.pid > 0)
        kill(-r->process.pid, SIGKILL);
}

static void close_all(struct run *r)
{
    loop_timer_clear(r->loop, &r->timer);
    uv_close((uv_handle_t *)&r->process, on_closed);
    for (unsigned i = 0; i < PIPES; i++)
        uv_close((uv_handle_t *)&r->pipes[i], on_closed);
}

static void finish(struct run *r)
{
    void (*done)(void *, const struct run_result *) = r->done;

    r->done = NULL;
    r->result.out = buf_get(&r->out);
    r->result.said = buf_get(&r->said);
    if (done) {
        loop_touch(r->loop);
        done(r->owner, &r->result);
    }
    close_all(r);
}

static void on_timer(struct loop_timer *t)
{
    struct run *r = container_of(t, struct run, timer);

    if (r->exited || r->result.status < 0) {
        finish(r);
        return;
    }
    r->result.too_late = true;
    end_group(r); /* on_exit follows */
}

static void on_exit_(uv_process_t *p, int64_t code, int number)
{
    struct run *r = p->data;

    r->exited = true;
    r->result.exit_code = code;
    r->result.signal = number;
    if (!r->reading)
        finish(r);
    else
        loop_timer_set(r->loop, &r->timer, loop_now_ms(r->loop) + LAST_WORDS_MS);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct run *r = h->data;

    (void)hint;
    *b = uv_buf_init(r->piece, sizeof r->piece);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct run *r = s->data;
    bool is_out = s == (uv_stream_t *)&r->pipes[OUT];

    if (n < 0) {
        uv_read_stop(s);
        if (--r->reading == 0 && r->exited)
            finish(r);
    } else if (is_out && buf_append(&r->out, b->base, (size_t)n) && !r->result.too_long) {
        r->result.too_long = true;
        end_group(r);
    } else if (!is_out) {
        size_t room = RUN_MAX_SAID - r->said.n;

        buf_append(&r->said, b->base, (size_t)n < room ? (size_t)n : room);
    }
}

static int spawn(struct run *r, char **argv)
{
    uv_stdio_container_t io[3] = {{.flags = UV_IGNORE}};
    uv_process_options_t o = {
        .file = argv[0],
        .args = argv,
        .exit_cb = on_exit_,
        .stdio = io,
        .stdio_count = 3,
        .flags = UV_PROCESS_DETACHED, /* a session, and so a group, of its own */
    };
    int s;

    for (unsigned i = 0; i < PIPES; i++) {
        io[1 + i].flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE);
        io[1 + i].data.stream = (uv_stream_t *)&r->pipes[i];
    }
    s = uv_spawn(&r->loop->uv, &r->process, &o);
    for (unsigned i = 0; i < PIPES && s == 0; i++) {
        uv_read_start((uv_stream_t *)&r->pipes[i], on_alloc, on_read);
        r->reading++;
    }
    return s;
}

struct run *run_start(struct loop *l, const char *const *argv, size_t n, size_t max_bytes, uint64_t timeout_ms,
                      void (*done)(void *owner, const struct run_result *r), void *owner)
{
    struct run *r = mem_zero(sizeof *r);
    char **args = mem_array(n + 1, sizeof *args);

    for (size_t i = 0; i < n; i++)
        args[i] = (char *)argv[i]; /* libuv does not write to them */
    r->loop = l;
    r->done = done;
    r->owner = owner;
    r->timer.fire = on_timer;
    r->handles = 1 + PIPES;
    buf_init(&r->out, max_bytes);
    buf_init(&r->said, RUN_MAX_SAID);
    for (unsigned i = 0; i < PIPES; i++) {
        uv_pipe_init(&l->uv, &r->pipes[i], 0);
        r->pipes[i].data = r;
    }
    r->result.status = spawn(r, args);
    r->process.data = r;
    loop_timer_set(l, &r->timer, loop_now_ms(l) + (r->result.status < 0 ? 0 : timeout_ms));
    free(args);
    return r;
}

struct run *run_cancel(struct run *r)
{
    if (!r)
        return NULL;
    r->done = NULL;
    if (!r->exited)
        end_group(r);
    close_all(r);
    return NULL;
}
