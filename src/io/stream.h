/* stream.h - one byte stream: TCP or unix socket, plain or (outgoing) TLS.  Heap; owned by one session or link.
 * Callbacks come from the loop only, never from inside a call into the stream (a failing write reports by its return
 * value; the one exception is named below).  After stream_close no callback comes. */
#ifndef MILLRACE_IO_STREAM_H
#define MILLRACE_IO_STREAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/blob.h"

struct loop;
struct stream;

struct stream_ops {
    /* Where to read to; may be NULL, or set *p = NULL, for the loop's shared buffer. A buffer given here is passed back
     * in on_read. */
    void (*on_alloc)(void *owner, char **p, size_t *cap);
    void (*on_read)(void *owner, char *p, size_t n); /* n > 0; bytes are good only until it returns (shared buffer) */
    void (*on_end)(void *owner, int status); /* 0: the peer ended its side (TLS: close_notify); <0: the stream failed.
                                                Said once; the owner must still stream_close. */
    void (*on_drain)(void *owner);           /* everything that was queued has been handed to the kernel; may be NULL */
};

void stream_own(struct stream *s, const struct stream_ops *ops, void *owner);
int stream_read_start(struct stream *s); /* 0 or <0 */
void stream_read_stop(struct stream *s); /* bytes stay in the kernel; also stops on_end, but for a queued write that
                                            failed */

/* Writes all chunks in order: at once as far as the kernel takes them (one writev), the rest is queued (chunks without
 * ref copied) and goes out by itself.  0 or <0 (the stream is broken: close it).  Never calls back. */
int stream_write(struct stream *s, const struct chunk *v, unsigned n);
size_t stream_queued_bytes(const struct stream *s); /* not yet taken by the kernel */
int stream_shutdown(struct stream *s);              /* end our side after what is queued */

/* Two steps: unlinks from the owner now, frees when libuv lets go.  Queued bytes are dropped. Returns NULL. */
struct stream *stream_close(struct stream *s);
/* The same with a reset (RST) instead of FIN, where the transport has one. */
struct stream *stream_abort(struct stream *s);
/* Hand-off of a finished conversation: sends what is queued, ends our side, then reads and drops what the peer still
 * sends until it closes or linger_ms pass (so that our last answer is not destroyed by a reset), then closes.  The
 * owner is free to go. Returns NULL. */
struct stream *stream_linger(struct stream *s, unsigned linger_ms);

/* Peer as "127.0.0.1:1234", "[::1]:1234" or "unix"; returns out. */
char *stream_peer(const struct stream *s, char *out, size_t cap);
const char *stream_tls_version(const struct stream *s); /* "TLSv1.3", or NULL on a plain stream */
bool stream_tls_resumed(const struct stream *s);

#endif
