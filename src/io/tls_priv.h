/* tls_priv.h - the inside of struct tls for its connections, and the differences between mbedTLS 2.28 and 3.6. */
#ifndef MILLRACE_IO_TLS_PRIV_H
#define MILLRACE_IO_TLS_PRIV_H

#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>
#include <stdbool.h>
#include <stdint.h>

#include "io/tls.h"

#define TLS_MBED3 (MBEDTLS_VERSION_NUMBER >= 0x03000000)

struct tls_trust;

/* mbedTLS 3.6.6 (and no other) cannot take an RSA-PSS signature in TLS 1.2, though TLS 1.3 obliges it to offer them
 * (Mbed-TLS pull request 10674).  A server that has shown to be of the kind gets an offer of TLS 1.2 without them. */
enum tls_offer {
    TLS_OFFER_ALL,
#if TLS_MBED3
    TLS_OFFER_OLD,
#endif
    TLS_OFFERS
};

struct tls {
    unsigned refs; /* its owner's, and one for each connection: a handshake step may outlive the endpoint */
    mbedtls_ssl_config conf[TLS_OFFERS];
    enum tls_offer offer;
    struct tls_trust *trust; /* NULL without verification */
    mbedtls_x509_crt own;
    mbedtls_pk_context key;
    char *name;     /* for SNI and verification, or an address in text form */
    uint8_t ip[16]; /* the address, when it is one */
    unsigned ip_bytes;
    bool verify;
    bool has_session;
    mbedtls_ssl_session session; /* of the last handshake or ticket */
    uint64_t session_ms;
};

struct tls *tls_ref(struct tls *t);

/* Keeps *session (moved) for the next dial; verified: its connection saw the certificate, so its age starts anew.  On
 * the loop. */
void tls_session_save(struct tls *t, mbedtls_ssl_session *session, bool verified);
bool tls_session_offer(struct tls *t, mbedtls_ssl_context *ssl); /* whether there was one that is still good */

/* The shape mbedTLS wants: bytes of the kernel's generator.  Thread-safe, no state, nothing to seed. */
int tls_random(void *unused, unsigned char *p, size_t n);

#endif
