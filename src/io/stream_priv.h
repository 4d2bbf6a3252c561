/* stream_priv.h - the inside of a stream, for the modules that make streams (listener, dial) and the one that puts TLS
 * on them.  Not for use outside io/.
 *
 * What an idle stream costs is this struct alone: queued writes, TLS and lingering have memory only while they last. */
#ifndef MILLRACE_IO_STREAM_PRIV_H
#define MILLRACE_IO_STREAM_PRIV_H

#include <uv.h>

#include "io/stream.h"

struct tls_layer;
struct lingering;

enum stream_state {
    STREAM_OPEN,
    STREAM_ENDED,     /* the peer ended its side and the owner was told; writing goes on */
    STREAM_FAILED,    /* the owner was told, or got the error from a write */
    STREAM_LINGERING, /* without an owner */
    STREAM_CLOSING,   /* waits for libuv's close callback */
};

struct stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct loop *loop;
    const struct stream_ops *ops;
    void *owner;
    struct tls_layer *tls; /* NULL: plain */
    struct lingering *linger;
    unsigned writes; /* uv_write requests under way */
    enum stream_state state;
    bool reading; /* the owner wants on_read */
    bool shut;    /* our side is ended, or will be after the queue */
};

/* Not connected yet: connect uv.tcp, or open a descriptor.  Close it in any case. */
struct stream *stream_new_tcp(struct loop *l);
struct stream *stream_new_pipe(struct loop *l);

/* The transport below TLS. */
int stream_watch(struct stream *s); /* reads from the socket until uv_read_stop */
int stream_write_raw(struct stream *s, const struct chunk *v, unsigned n);

/* To the owner: memory for a read, and the one on_end (0 or <0). */
void stream_alloc(struct stream *s, char **p, size_t *cap);
void stream_end(struct stream *s, int status);

static inline bool stream_live(const struct stream *s)
{
    return s->state == STREAM_OPEN || s->state == STREAM_ENDED;
}

#endif
