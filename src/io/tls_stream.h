/* tls_stream.h - a stream's bytes through its TLS connection.  Called by stream.c alone, on the loop; and by the
 * handshake, once. */
#ifndef MILLRACE_IO_TLS_STREAM_H
#define MILLRACE_IO_TLS_STREAM_H

#include "io/stream_priv.h"

struct tls_conn;

/* After the handshake; the stream now owns c. */
void tls_stream_attach(struct stream *s, struct tls_conn *c);
void tls_stream_input(struct stream *s, const char *p, size_t n);
void tls_stream_eof(struct stream *s); /* the transport ended */
/* Reading starts (again): first what is already here, then from the socket. */
int tls_stream_resume(struct stream *s);
int tls_stream_write(struct stream *s, const struct chunk *v, unsigned n);
void tls_stream_notify(struct stream *s); /* close_notify */
void tls_stream_detach(struct stream *s); /* nothing of it runs after */
void tls_stream_free(struct stream *s);

#endif
