#include "io/tls_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "io/loop_priv.h"
#include "io/tls_conn.h"

enum { RECORD_BYTES = 16384 };

struct tls_layer {
    struct tls_conn *conn;
    struct stream *s;
    struct loop_task pump; /* delivers what came before reading started (again) */
    bool eof;              /* the transport has ended; told once all before it is read */
};

static int sink(void *arg, const char *p, size_t n)
{
    struct stream *s = arg;

    return stream_write_raw(s, &(struct chunk){slice_of(p, n), NULL}, 1);
}

/* Plaintext to the owner for as long as it wants to read. */
static void pump(struct stream *s)
{
    struct tls_layer *t = s->tls;

    while (s->reading) {
        char *p;
        size_t cap, n;
        int r;

        stream_alloc(s, &p, &cap);
        r = tls_conn_read(t->conn, p, cap, &n);
        if (r == 0) {
            loop_touch(s->loop);
            s->ops->on_read(s->owner, p, n);
        } else if (r == TLS_CONN_MORE) {
            /* No close_notify before the end: somebody may have cut the connection. */
            if (t->eof)
                stream_end(s, UV_ECONNRESET);
            break;
        } else {
            stream_end(s, r == TLS_CONN_CLOSED ? 0 : r);
        }
    }
}

static void on_pump(struct loop_task *task)
{
    struct stream *s = container_of(task, struct tls_layer, pump)->s;
    int r = 0;

    pump(s);
    if (s->reading)
        r = stream_watch(s);
    if (r)
        stream_end(s, r);
}

void tls_stream_attach(struct stream *s, struct tls_conn *c)
{
    struct tls_layer *t = mem_zero(sizeof *t);

    t->conn = c;
    t->s = s;
    loop_task_init(&t->pump, on_pump);
    s->tls = t;
    tls_conn_done(c, sink, s);
}

void tls_stream_input(struct stream *s, const char *p, size_t n)
{
    struct tls_layer *t = s->tls;

    tls_conn_lend(t->conn, p, n);
    pump(s);
    if (tls_conn_lend_end(t->conn))
        stream_end(s, UV_ENOBUFS);
}

void tls_stream_eof(struct stream *s)
{
    s->tls->eof = true;
    pump(s);
}

int tls_stream_resume(struct stream *s)
{
    /* Not from the socket yet: an owner that takes one piece a turn would let the rest pile up here. */
    if (s->tls->eof || tls_conn_has_input(s->tls->conn)) {
        loop_task_push(s->loop, &s->tls->pump);
        return 0;
    }
    return stream_watch(s);
}

/* Small chunks share a record: each costs 29 bytes and a round of the cipher's set-up, and head and body of a request
 * in one record are one packet. */
int tls_stream_write(struct stream *s, const struct chunk *v, unsigned n)
{
    struct tls_conn *c = s->tls->conn;
    size_t room = tls_conn_record_bytes(c), have = 0;
    char record[RECORD_BYTES];
    int r = 0;

    if (room > sizeof record)
        room = sizeof record;
    for (; n > 0 && r == 0; v++, n--) {
        struct slice left = v->s;

        while (left.n > 0 && r == 0) {
            size_t part = left.n < room - have ? left.n : room - have;

            if (have == 0 && part == room) { /* a whole record needs no gathering */
                r = tls_conn_write(c, left.p, part);
            } else {
                memcpy(record + have, left.p, part);
                have += part;
                if (have == room) {
                    r = tls_conn_write(c, record, have);
                    have = 0;
                }
            }
            left = slice_of(left.p + part, left.n - part);
        }
    }
    return r == 0 && have > 0 ? tls_conn_write(c, record, have) : r;
}

void tls_stream_notify(struct stream *s)
{
    tls_conn_notify(s->tls->conn);
}

void tls_stream_detach(struct stream *s)
{
    loop_task_clear(&s->tls->pump);
}

void tls_stream_free(struct stream *s)
{
    if (!s->tls)
        return;
    tls_conn_free(s->tls->conn);
    free(s->tls);
}

const char *stream_tls_version(const struct stream *s)
{
    return s->tls ? tls_conn_version(s->tls->conn) : NULL;
}

bool stream_tls_resumed(const struct stream *s)
{
    return s->tls && tls_conn_resumed(s->tls->conn);
}
