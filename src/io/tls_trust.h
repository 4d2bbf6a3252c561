/* tls_trust.h - CA bundles, parsed once a file for the whole process (a system's bundle is a megabyte and some
 * milliseconds).  Shared between endpoints and workers; locked. */
#ifndef MILLRACE_IO_TLS_TRUST_H
#define MILLRACE_IO_TLS_TRUST_H

#include <mbedtls/x509_crt.h>
#include <stddef.h>

struct tls_trust;

/* ca_file "": the system's.  0, or <0 with a sentence in err. */
int tls_trust_get(struct tls_trust **out, const char *ca_file, char *err, size_t err_cap);
struct tls_trust *tls_trust_unref(struct tls_trust *t); /* NULL is fine; returns NULL */
mbedtls_x509_crt *tls_trust_chain(struct tls_trust *t);

/* For any PEM file: why it cannot be used, in words. */
int tls_file_error(char *err, size_t err_cap, const char *what, const char *path, int mbed);

#endif
