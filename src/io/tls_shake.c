#include "io/tls_shake.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/loop_priv.h"
#include "io/tls_conn.h"
#include "io/tls_runner.h"
#include "io/tls_stream.h"

enum shake_state {
    SHAKE_WAITING,   /* for the peer */
    SHAKE_STEPPING,  /* the runner has its job; once that computes, conn belongs to the runner's thread */
    SHAKE_ABANDONED, /* its job computes, and nobody waits for the result */
};

struct tls_shake {
    struct tls_job job;
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

static void shake_free(struct tls_shake *k)
{
    list_remove(&k->job.node);
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
    loop_touch(k->s->loop);
    k->done(k->owner, status, why);
    shake_free(k);
}

static void on_compute(struct tls_job *job)
{
    struct tls_shake *k = container_of(job, struct tls_shake, job);

    k->result = tls_conn_step(k->conn);
}

static void shake_queue(struct tls_shake *k)
{
    k->state = SHAKE_STEPPING;
    tls_runner_push(k->runner, &k->job);
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

static void on_computed(struct tls_job *job)
{
    struct tls_shake *k = container_of(job, struct tls_shake, job);

    if (k->state == SHAKE_ABANDONED)
        shake_free(k);
    else
        shake_stepped(k);
}

static bool is_computing(const struct tls_shake *k)
{
    return k->state == SHAKE_STEPPING && !tls_job_waits(&k->job);
}

static void on_read(void *owner, char *p, size_t n)
{
    struct tls_shake *k = owner;

    if (is_computing(k) ? buf_append(&k->late, p, n) : tls_conn_feed(k->conn, p, n)) {
        if (is_computing(k))
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

    list_init(&k->job.node);
    k->job.compute = on_compute;
    k->job.computed = on_computed;
    buf_init(&k->late, TLS_CONN_IN_BYTES);
    k->runner = r;
    k->s = s;
    k->done = done;
    k->owner = owner;
    status = tls_runner_ready(r);
    if (status == 0)
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
    if (is_computing(k))
        k->state = SHAKE_ABANDONED;
    else
        shake_free(k);
    return NULL;
}
