#include "io/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "base/mem.h"
#include "io/tls_priv.h"
#include "io/tls_trust.h"

#if TLS_MBED3
#include <psa/crypto.h>
#endif

/* A resumed session is not verified again: so often at least the server has to show its certificate. */
enum { SESSION_MAX_MS = 2 * 3600 * 1000 };

/* Authenticated ciphers with forward secrecy, the cheapest with AES instructions first; for old private nodes also CBC.
 */
static const int suites[] = {
#if TLS_MBED3
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
#endif
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
    0,
};

/* The cheap two first: x25519 costs the client half of what P-384 does.  The list also says which certificates' keys
 * are taken, so the larger ones are in it. */
#if TLS_MBED3
static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

/* PSS last: a TLS 1.2 server that goes by the client's order then takes what every mbedTLS 3 can check. */
static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,    MBEDTLS_TLS1_3_SIG_NONE,
};
static const uint16_t signatures_old[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_NONE,
};
#else
static const mbedtls_ecp_group_id curves[] = {
    MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1,
    MBEDTLS_ECP_DP_SECP521R1,  MBEDTLS_ECP_DP_NONE,
};
#endif

int tls_random(void *unused, unsigned char *p, size_t n)
{
    (void)unused;
    while (n > 0) {
        ssize_t r = getrandom(p, n, 0);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return MBEDTLS_ERR_SSL_INTERNAL_ERROR;
        p += r;
        n -= (size_t)r;
    }
    return 0;
}

/* The name without what belongs to URLs: brackets, the root's dot. */
static void set_name(struct tls *t, const char *name)
{
    size_t n = strlen(name);

    if (n >= 2 && name[0] == '[' && name[n - 1] == ']') {
        name++;
        n -= 2;
    } else if (n > 1 && name[n - 1] == '.') {
        n--;
    }
    t->name = mem_strndup(name, n);
    if (inet_pton(AF_INET, t->name, t->ip) == 1)
        t->ip_bytes = 4;
    else if (inet_pton(AF_INET6, t->name, t->ip) == 1)
        t->ip_bytes = 16;
}

static bool is_set(const char *s)
{
    return s && *s;
}

static int load_identity(struct tls *t, const struct tls_conf *conf, char *err, size_t err_cap)
{
    int r;

    if (!is_set(conf->client_cert) && !is_set(conf->client_key))
        return 0;
    if (!is_set(conf->client_cert) || !is_set(conf->client_key)) {
        snprintf(err, err_cap, "client_cert and client_key go together");
        return -EINVAL;
    }
    r = mbedtls_x509_crt_parse_file(&t->own, conf->client_cert);
    if (r)
        return tls_file_error(err, err_cap, "client_cert", conf->client_cert, r);
#if TLS_MBED3
    r = mbedtls_pk_parse_keyfile(&t->key, conf->client_key, NULL, tls_random, NULL);
#else
    r = mbedtls_pk_parse_keyfile(&t->key, conf->client_key, NULL);
#endif
    if (r)
        return tls_file_error(err, err_cap, "client_key", conf->client_key, r);
#if TLS_MBED3
    r = mbedtls_pk_check_pair(&t->own.pk, &t->key, tls_random, NULL);
#else
    r = mbedtls_pk_check_pair(&t->own.pk, &t->key);
#endif
    for (unsigned i = 0; i < TLS_OFFERS && r == 0; i++)
        r = mbedtls_ssl_conf_own_cert(&t->conf[i], &t->own, &t->key);
    if (r) {
        snprintf(err, err_cap, "client_key %s is not the key of client_cert %s", conf->client_key, conf->client_cert);
        return -EINVAL;
    }
    return 0;
}

static int set_up(mbedtls_ssl_config *conf, enum tls_offer offer, bool verify)
{
    static const char *alpn[] = {"http/1.1", NULL};
    int r = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                        MBEDTLS_SSL_PRESET_DEFAULT);

    if (r == 0)
        r = mbedtls_ssl_conf_alpn_protocols(conf, alpn);
    if (r)
        return r;
    mbedtls_ssl_conf_rng(conf, tls_random, NULL);
    mbedtls_ssl_conf_ciphersuites(conf, suites);
    mbedtls_ssl_conf_session_tickets(conf, MBEDTLS_SSL_SESSION_TICKETS_ENABLED);
#if TLS_MBED3
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_min_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_sig_algs(conf, offer == TLS_OFFER_OLD ? signatures_old : signatures);
    if (offer == TLS_OFFER_OLD)
        mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_2);
#ifdef MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(conf,
                                                             MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
#endif
#else
    (void)offer;
    mbedtls_ssl_conf_curves(conf, curves);
    mbedtls_ssl_conf_min_version(conf, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
    /* Without verification the certificate is still looked at (the callback of the connection then forgives it): that
     * is how a full handshake is told from a resumed one. */
    mbedtls_ssl_conf_authmode(conf, verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
    return 0;
}

static int set_up_all(struct tls *t, char *err, size_t err_cap)
{
    int r = 0;

#if TLS_MBED3
    if (psa_crypto_init() != PSA_SUCCESS) {
        snprintf(err, err_cap, "the TLS library cannot start");
        return -EIO;
    }
#endif
    for (unsigned i = 0; i < TLS_OFFERS && r == 0; i++)
        r = set_up(&t->conf[i], (enum tls_offer)i, t->verify);
    if (r) {
        snprintf(err, err_cap, "the TLS library refuses its settings (-0x%04x)", (unsigned)-r);
        return -ENOMEM;
    }
    return 0;
}

int tls_new(struct tls **out, const struct tls_conf *conf, const char *url_host, char *err, size_t err_cap)
{
    struct tls *t = mem_zero(sizeof *t);
    int r;

    t->refs = 1;
    t->verify = conf->verify;
    for (unsigned i = 0; i < TLS_OFFERS; i++)
        mbedtls_ssl_config_init(&t->conf[i]);
    mbedtls_x509_crt_init(&t->own);
    mbedtls_pk_init(&t->key);
    mbedtls_ssl_session_init(&t->session);
    set_name(t, is_set(conf->server_name) ? conf->server_name : url_host);
    r = set_up_all(t, err, err_cap);
    if (r == 0 && t->verify) {
        r = tls_trust_get(&t->trust, is_set(conf->ca_file) ? conf->ca_file : "", err, err_cap);
        for (unsigned i = 0; i < TLS_OFFERS && r == 0; i++)
            mbedtls_ssl_conf_ca_chain(&t->conf[i], tls_trust_chain(t->trust), NULL);
    }
    if (r == 0)
        r = load_identity(t, conf, err, err_cap);
    if (r)
        tls_free(t);
    else
        *out = t;
    return r;
}

struct tls *tls_ref(struct tls *t)
{
    t->refs++;
    return t;
}

struct tls *tls_free(struct tls *t)
{
    if (!t || --t->refs > 0)
        return NULL;
    mbedtls_ssl_session_free(&t->session);
    for (unsigned i = 0; i < TLS_OFFERS; i++)
        mbedtls_ssl_config_free(&t->conf[i]);
    mbedtls_x509_crt_free(&t->own);
    mbedtls_pk_free(&t->key);
    tls_trust_unref(t->trust);
    free(t->name);
    free(t);
    return NULL;
}

void tls_session_save(struct tls *t, mbedtls_ssl_session *session, bool verified)
{
    mbedtls_ssl_session_free(&t->session);
    t->session = *session;
    mbedtls_ssl_session_init(session);
    t->has_session = true;
    if (verified)
        t->session_ms = uv_hrtime() / 1000000;
}

bool tls_session_offer(struct tls *t, mbedtls_ssl_context *ssl)
{
    if (t->has_session && uv_hrtime() / 1000000 - t->session_ms >= SESSION_MAX_MS) {
        mbedtls_ssl_session_free(&t->session);
        mbedtls_ssl_session_init(&t->session);
        t->has_session = false;
    }
    return t->has_session && mbedtls_ssl_set_session(ssl, &t->session) == 0;
}
