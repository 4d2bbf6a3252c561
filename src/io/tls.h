/* tls.h - the TLS client of one endpoint: trust, identity, and the session to resume.  Heap; owned by its endpoint.
 * mbedTLS 2.28 and 3.6; its headers stay in .c files. */
#ifndef MILLRACE_IO_TLS_H
#define MILLRACE_IO_TLS_H

#include <stdbool.h>
#include <stddef.h>

struct tls_conf {
    bool verify;         /* default true: chain and name must hold */
    const char *ca_file; /* PEM bundle; "" : the system's (SSL_CERT_FILE, else /etc/ssl/certs/ca-certificates.crt and
                            its kin) */
    const char *server_name; /* name for SNI and verification; "" : the URL's host */
    const char *client_cert; /* PEM chain; "" : none */
    const char *client_key;  /* PEM key */
};

struct tls; /* trust anchors, own certificate, last session */

/* Loads the files. 0, or <0 with a sentence in err: which file, what is wrong. */
int tls_new(struct tls **out, const struct tls_conf *conf, const char *url_host, char *err, size_t err_cap);
struct tls *tls_free(struct tls *t); /* streams that use it must be closed */

#endif
