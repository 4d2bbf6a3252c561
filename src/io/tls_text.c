#include "io/tls_text.h"

#include <mbedtls/error.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>
#include <stdio.h>

void tls_text_verify(char *out, size_t cap, uint32_t flags, const char *name)
{
    static const struct {
        uint32_t flags;
        const char *text;
    } rows[] = {
        {MBEDTLS_X509_BADCERT_MISSING, "server sent no certificate"},
        {MBEDTLS_X509_BADCERT_REVOKED, "certificate has been revoked"},
        {MBEDTLS_X509_BADCERT_EXPIRED, "certificate has expired"},
        {MBEDTLS_X509_BADCERT_FUTURE, "certificate is not valid yet"},
        {MBEDTLS_X509_BADCERT_CN_MISMATCH, "certificate is not for "},
        {MBEDTLS_X509_BADCERT_NOT_TRUSTED, "certificate is not signed by a known authority"},
        {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
         "certificate may not be used for a server"},
        {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK, "certificate has a weak signature"},
        {MBEDTLS_X509_BADCERT_BAD_KEY, "certificate has a weak key"},
    };
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0] && n < cap; i++)
        if (flags & rows[i].flags)
            n += (size_t)snprintf(out + n, cap - n, "%s%s%s", n ? "; " : "", rows[i].text,
                                  rows[i].flags == MBEDTLS_X509_BADCERT_CN_MISMATCH ? name : "");
    if (n == 0)
        snprintf(out, cap, "certificate could not be verified (flags 0x%x)", (unsigned)flags);
}

void tls_text_alert(char *out, size_t cap, unsigned description)
{
    static const struct {
        unsigned description;
        const char *text;
    } rows[] = {
        /* RFC 8446 section 6 */
        {40, "no cipher or parameter in common, or a client certificate is wanted"},
        {42, "it does not accept the client certificate"},
        {43, "it does not accept this kind of client certificate"},
        {44, "the client certificate is revoked"},
        {45, "the client certificate has expired"},
        {46, "it does not accept the client certificate"},
        {48, "it does not know the client certificate's authority"},
        {49, "the client certificate has no access"},
        {70, "no protocol version in common"},
        {71, "it wants stronger parameters"},
        {80, "internal error"},
        {112, "it does not know this name"},
        {116, "it wants a client certificate"},
        {120, "it does not speak http/1.1"},
    };

    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (rows[i].description == description) {
            snprintf(out, cap, "server refused the handshake: %s", rows[i].text);
            return;
        }
    snprintf(out, cap, "server refused the handshake (TLS alert %u)", description);
}

void tls_text_error(char *out, size_t cap, int mbed)
{
    char why[160];

    mbedtls_strerror(mbed, why, sizeof why);
    snprintf(out, cap, "TLS handshake failed: %s", why);
}
