/* tls_text.h - why a handshake failed, in a sentence for people.  Pure. */
#ifndef MILLRACE_IO_TLS_TEXT_H
#define MILLRACE_IO_TLS_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* flags: MBEDTLS_X509_BADCERT_*. */
void tls_text_verify(char *out, size_t cap, uint32_t flags, const char *name);
void tls_text_alert(char *out, size_t cap, unsigned description);
void tls_text_error(char *out, size_t cap, int mbed);

#endif
