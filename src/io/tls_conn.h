/* tls_conn.h - one TLS client connection over memory: ciphertext in, ciphertext out, no socket.  Heap; owned by the
 * handshake that made it (tls_shake), then by its stream.
 *
 * One thread at a time: while a handshake step runs on its thread the loop keeps its hands off. */
#ifndef MILLRACE_IO_TLS_CONN_H
#define MILLRACE_IO_TLS_CONN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

struct tls;
struct tls_conn;

enum {
    TLS_CONN_MORE = 1,           /* needs more ciphertext */
    TLS_CONN_CLOSED = 2,         /* the peer said close_notify */
    TLS_CONN_IN_BYTES = 1 << 18, /* ciphertext that waits: a socket's worth and a record */
};

/* Where the ciphertext goes once the handshake is over; 0 or <0. */
typedef int tls_conn_sink(void *arg, const char *p, size_t n);

int tls_conn_new(struct tls_conn **out, struct tls *t); /* takes a reference of t; offers its session */
struct tls_conn *tls_conn_free(struct tls_conn *c);

/* Ciphertext that the connection keeps until it is read; BUF_FULL, or 0. */
int tls_conn_feed(struct tls_conn *c, const char *p, size_t n);
/* The same without a copy: good until tls_conn_lend_end, which keeps what was not used. */
void tls_conn_lend(struct tls_conn *c, const char *p, size_t n);
int tls_conn_lend_end(struct tls_conn *c);
bool tls_conn_has_input(const struct tls_conn *c); /* ciphertext or plaintext that needs no socket to go on */

/* One step of the handshake: the CPU-heavy part, any thread.  0 done, TLS_CONN_MORE, or <0 with tls_conn_text. What the
 * peer must get is in tls_conn_out, also after a failure (the alert). */
int tls_conn_step(struct tls_conn *c);
struct buf *tls_conn_out(struct tls_conn *c);
void tls_conn_learn(struct tls_conn *c); /* on the loop, after a failed step: what the next dial shall do otherwise */
const char *tls_conn_text(const struct tls_conn *c);                    /* why it failed, for people */
void tls_conn_done(struct tls_conn *c, tls_conn_sink *sink, void *arg); /* on the loop, after the last step */

/* >0 bytes of plaintext in *n with 0; TLS_CONN_MORE, TLS_CONN_CLOSED, or <0. */
int tls_conn_read(struct tls_conn *c, char *p, size_t cap, size_t *n);
int tls_conn_write(struct tls_conn *c, const char *p, size_t n); /* one record per 16 KiB; all of it, or <0 */
size_t tls_conn_record_bytes(const struct tls_conn *c);          /* plaintext that fits one record */
void tls_conn_notify(struct tls_conn *c);

const char *tls_conn_version(const struct tls_conn *c);
bool tls_conn_resumed(const struct tls_conn *c); /* the server took the session that was offered */

#endif
