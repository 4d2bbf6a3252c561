#include "io/tls_stream.h"
void tls_stream_input(struct stream *s, const char *p, size_t n)
{
    (void)s;
    (void)p;
    (void)n;
}
void tls_stream_eof(struct stream *s)
{
    (void)s;
}
void tls_stream_resume(struct stream *s)
{
    (void)s;
}
int tls_stream_write(struct stream *s, const struct chunk *v, unsigned n)
{
    (void)s;
    (void)v;
    (void)n;
    return UV_ENOSYS;
}
void tls_stream_notify(struct stream *s)
{
    (void)s;
}
void tls_stream_detach(struct stream *s)
{
    (void)s;
}
