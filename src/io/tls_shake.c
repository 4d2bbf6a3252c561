#include "io/tls_shake.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/loop_priv.h"
#include "io/tls_conn.h"
#include "io/tls_stream.h"

/* A full handshake is milliseconds of arithmetic.  One at a time leaves the other cores to the loops and to the
 * machine's other work, and costs a dial less than the network does. */
enum { STEPS_AT_A_TIME = 1 };

struct tls_runner {
    struct loop *loop;
    unsigned refs; /* the dialer's, and one for each step on the pool */
    struct list waiting;
    unsigned running;
};

enum shake_state {
    SHAKE_WAITING,   /* for the peer */
    SHAKE_QUEUED,    /* for the runner */
    SHAKE_COMPUTING, /* conn belongs to the pool's thread */
    SHAKE_ABANDONED, /* the same, and nobody waits for the result */
};

struct tls_shake {
    uv_work_t work;
    struct list node; /* in runner.waiting */
    struct tls_runner *runner;
    struct tls_conn *conn;
    struct stream *s;
    enum shake_state state;
    struct buf late; /* what arrived while the step computed */
    int ended;       /* what on_end said; 0: nothing yet */
    int result;      /* of the last step */
    tls_shake_done *done;
    void *owner;
};

struct tls_runner *tls_runner_new(struct loop *l)
{
    struct tls_runner *r = mem_zero(sizeof *r);

    r->loop = l;
    r->refs = 1;
    list_init(&r->waiting);
    return r;
}

struct tls_runner *tls_runner_unref(struct tls_runner *r)
{
    if (r && --r->refs == 0)
        free(r);
    return NULL;
}

static void shake_free(struct tls_shake *k)
{
    list_remove(&k->node);
    tls_conn_free(k->conn);
    buf_deinit(&k->late);
    free(k);
}

/* The stream is its owner's again, plain unless the handshake has succeeded. */
static void shake_end(struct tls_shake *k, int status, const char *text)
{
    char why[160] = "";

    for (size_t i = 0; text[i] && i + 1 < sizeof why; i++)
        why[i] = text[i];
    stream_read_stop(k->s);
    stream_own(k->s, NULL, NULL);
    if (status == 0) {
        tls_stream_attach(k->s, k->conn);
        k->conn = NULL;
    }
    loop_touch(k->runner->loop);
    k->done(k->owner, status, why);
    shake_free(k);
}

static void on_step(uv_work_t *work)
{
    struct tls_shake *k = container_of(work, struct tls_shake, work);

    k->result = tls_conn_step(k->conn);
}

static void on_stepped(uv_work_t *work, int status);

static void runner_go(struct tls_runner *r)
{
    while (r->running < STEPS_AT_A_TIME && !list_empty(&r->waiting)) {
        struct tls_shake *k = container_of(list_pop(&r->waiting), struct tls_shake, node);

        k->state = SHAKE_COMPUTING;
        r->running++;
        r->refs++;
        uv_queue_work(&r->loop->uv, &k->work, on_step, on_stepped); /* fails only without a callback */
    }
}

static void shake_queue(struct tls_shake *k)
{
    k->state = SHAKE_QUEUED;
    list_push(&k->runner->waiting, &k->node);
    runner_go(k->runner);
}

static void shake_ended(struct tls_shake *k)
{
    shake_end(k, k->ended, "server closed the connection during the TLS handshake");
}

static void shake_stepped(struct tls_shake *k)
{
    struct buf *out = tls_conn_out(k->conn);
    bool more = k->late.n > 0;
    int r = 0;

    if (tls_conn_feed(k->conn, k->late.p, k->late.n))
        k->ended = UV_EPROTO;
    buf_deinit(&k->late);
    k->state = SHAKE_WAITING;
    if (out->n)
        r = stream_write(k->s, &(struct chunk){buf_get(out), NULL}, 1);
    buf_clear(out);
    if (k->result < 0)
        tls_conn_learn(k->conn);
    if (k->result < 0)
        shake_end(k, k->result, tls_conn_text(k->conn));
    else if (k->result == TLS_CONN_MORE && more)
        shake_queue(k);
    else if (k->ended)
        shake_ended(k);
    else if (r < 0)
        shake_end(k, r, uv_strerror(r));
    else if (k->result == 0)
        shake_end(k, 0, "");
}

static void on_stepped(uv_work_t *work, int status)
{
    struct tls_shake *k = container_of(work, struct tls_shake, work);
    struct tls_runner *r = k->runner;

    (void)status; /* never cancelled */
    r->running--;
    if (k->state == SHAKE_ABANDONED)
        shake_free(k);
    else
        shake_stepped(k);
    runner_go(r);
    tls_runner_unref(r);
}

static void on_read(void *owner, char *p, size_t n)
{
    struct tls_shake *k = owner;

    if (k->state == SHAKE_COMPUTING ? buf_append(&k->late, p, n) : tls_conn_feed(k->conn, p, n)) {
        if (k->state == SHAKE_COMPUTING)
            k->ended = UV_EPROTO;
        else
            shake_end(k, UV_EPROTO, "server sent more than a TLS handshake has");
    } else if (k->state == SHAKE_WAITING) {
        shake_queue(k);
    }
}

static void on_end(void *owner, int status)
{
    struct tls_shake *k = owner;

    k->ended = status < 0 ? status : UV_ECONNRESET;
    /* A step that is still to come may find the alert that says why. */
    if (k->state == SHAKE_WAITING)
        shake_ended(k);
}

int tls_shake_start(struct tls_shake **out, struct tls_runner *r, struct stream *s, struct tls *tls,
                    tls_shake_done *done, void *owner)
{
    static const struct stream_ops ops = {.on_read = on_read, .on_end = on_end};
    struct tls_shake *k = mem_zero(sizeof *k);
    int status;

    list_init(&k->node);
    buf_init(&k->late, TLS_CONN_IN_BYTES);
    k->runner = r;
    k->s = s;
    k->done = done;
    k->owner = owner;
    status = tls_conn_new(&k->conn, tls);
    if (status == 0) {
        stream_own(s, &ops, k);
        status = stream_read_start(s);
    }
    if (status) {
        stream_own(s, NULL, NULL);
        shake_free(k);
        return status;
    }
    *out = k;
    shake_queue(k);
    return 0;
}

struct tls_shake *tls_shake_cancel(struct tls_shake *k)
{
    if (!k)
        return NULL;
    stream_read_stop(k->s);
    stream_own(k->s, NULL, NULL);
    if (k->state == SHAKE_COMPUTING)
        k->state = SHAKE_ABANDONED;
    else
        shake_free(k);
    return NULL;
}
