/* tls_stream.h - a stream's bytes through its TLS connection.  Called by stream.c alone, on the loop. */
#ifndef MILLRACE_IO_TLS_STREAM_H
#define MILLRACE_IO_TLS_STREAM_H

#include "io/stream_priv.h"

void tls_stream_attach(struct stream *s, struct tls_conn *c); /* after the handshake; the stream now owns c */
void tls_stream_input(struct stream *s, const char *p, size_t n);
void tls_stream_eof(struct stream *s);    /* the transport ended */
void tls_stream_resume(struct stream *s); /* reading starts again: what is already here must not wait for the socket */
int tls_stream_write(struct stream *s, const struct chunk *v, unsigned n);
void tls_stream_notify(struct stream *s); /* close_notify, if it still makes sense */
void tls_stream_detach(struct stream *s); /* no task of it runs after */

#endif
