/* tls_shake.h - the TLS handshake of one stream.  The arithmetic (milliseconds of CPU) runs on the runner's thread, the
 * bytes move on the loop.  Heap; owned by its dial. */
#ifndef MILLRACE_IO_TLS_SHAKE_H
#define MILLRACE_IO_TLS_SHAKE_H

#include "io/stream.h"
#include "io/tls.h"

struct tls_runner;
struct tls_shake;

/* done comes once, from the loop, never from inside the start; the shake is gone then.  status 0: the stream is TLS now
 * (without owner, not reading); else text says why, good inside the callback. */
typedef void tls_shake_done(void *owner, int status, const char *text);

/* 0, or <0: nothing was started. */
int tls_shake_start(struct tls_shake **out, struct tls_runner *r, struct stream *s, struct tls *tls,
                    tls_shake_done *done, void *owner);
/* NULL is fine; returns NULL.  The stream can be closed at once, a step that computes ends by itself. */
struct tls_shake *tls_shake_cancel(struct tls_shake *k);

#endif
