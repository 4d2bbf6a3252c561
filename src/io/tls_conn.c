#include "io/tls_conn.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "base/mem.h"
#include "io/tls_priv.h"
#include "io/tls_text.h"

enum { OUT_BYTES = 1 << 18 }; /* what one handshake may want to send; a client certificate chain is 10 KiB */
enum { RECORD_HEAD = 5, RECORD_ALERT = 21 };
enum { SAN_IP = 0x87 }; /* GeneralName iPAddress: context-specific, [7] (RFC 5280 section 4.2.1.6) */

/* mbedTLS below 3 keeps precomputed points in a key's curve at first use, without a lock; the CA keys are shared. */
#if !TLS_MBED3
static pthread_mutex_t step_lock = PTHREAD_MUTEX_INITIALIZER;
#endif

enum conn_state { CONN_SHAKING, CONN_OPEN, CONN_FAILED };

struct tls_conn {
    mbedtls_ssl_context ssl;
    struct tls *tls;
    enum conn_state state;
    struct slice lent; /* ciphertext to use first ... but after what is kept */
    struct buf kept;
    size_t kept_used;
    struct buf out;      /* while shaking */
    tls_conn_sink *sink; /* after */
    void *sink_arg;
    int sink_status;
    bool offered, saw_certificate;
#if TLS_MBED3
    bool needs_old_offer;
#endif
    mbedtls_ssl_session session; /* between the last step and tls_conn_done: the session may only be touched there */
    bool has_session;
    unsigned char record_type; /* of the record that is being read */
    int alert;                 /* description of an alert that came in the clear; -1: none */
    char text[160];
};

static int bio_send(void *arg, const unsigned char *p, size_t n)
{
    struct tls_conn *c = arg;

    if (c->state == CONN_SHAKING)
        return buf_append(&c->out, p, n) ? MBEDTLS_ERR_SSL_ALLOC_FAILED : (int)n;
    c->sink_status = c->sink(c->sink_arg, (const char *)p, n);
    return c->sink_status < 0 ? MBEDTLS_ERR_SSL_INTERNAL_ERROR : (int)n;
}

/* The library asks for a record's head, then for its body: enough to see an alert that is not encrypted, whose number
 * it does not tell. */
static void watch_for_alert(struct tls_conn *c, const unsigned char *p, size_t n)
{
    if (n == RECORD_HEAD)
        c->record_type = p[0];
    else if (n == 2 && c->record_type == RECORD_ALERT)
        c->alert = p[1];
}

static size_t bio_bytes(const struct tls_conn *c)
{
    return c->kept.n - c->kept_used + c->lent.n;
}

static int bio_recv(void *arg, unsigned char *p, size_t n)
{
    struct tls_conn *c = arg;
    size_t have = c->kept.n - c->kept_used;

    if (have > 0) {
        n = n < have ? n : have;
        memcpy(p, c->kept.p + c->kept_used, n);
        c->kept_used += n;
        if (c->kept_used == c->kept.n) {
            c->kept_used = 0;
            buf_deinit(&c->kept);
        }
    } else if (c->lent.n > 0) {
        n = n < c->lent.n ? n : c->lent.n;
        memcpy(p, c->lent.p, n);
        c->lent = slice_of(c->lent.p + n, c->lent.n - n);
    } else {
        return MBEDTLS_ERR_SSL_WANT_READ;
    }
    if (c->state == CONN_SHAKING)
        watch_for_alert(c, p, n);
    return (int)n;
}

/* mbedTLS 2.28 matches no addresses, and either version would send one as SNI if it knew it (RFC 6066 section 3 forbids
 * that).  So addresses are matched here. */
static bool certificate_has_ip(const mbedtls_x509_crt *crt, const struct tls *t)
{
    for (const mbedtls_x509_sequence *san = &crt->subject_alt_names; san; san = san->next)
        if (san->buf.tag == SAN_IP && san->buf.len == t->ip_bytes && memcmp(san->buf.p, t->ip, t->ip_bytes) == 0)
            return true;
    return false;
}

/* Only a full handshake comes here. */
static int on_verify(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
    struct tls_conn *c = arg;

    c->saw_certificate = true;
    if (!c->tls->verify)
        *flags = 0;
    else if (depth == 0 && c->tls->ip_bytes && !certificate_has_ip(crt, c->tls))
        *flags |= MBEDTLS_X509_BADCERT_CN_MISMATCH;
    return 0;
}

int tls_conn_new(struct tls_conn **out, struct tls *t)
{
    struct tls_conn *c = mem_zero(sizeof *c);
    int r;

    c->tls = tls_ref(t);
    c->alert = -1;
    buf_init(&c->kept, TLS_CONN_IN_BYTES);
    buf_init(&c->out, OUT_BYTES);
    mbedtls_ssl_init(&c->ssl);
    mbedtls_ssl_session_init(&c->session);
    r = mbedtls_ssl_setup(&c->ssl, &t->conf[t->offer]);
    if (r == 0)
        r = mbedtls_ssl_set_hostname(&c->ssl, t->ip_bytes ? NULL : t->name);
    if (r) {
        tls_conn_free(c);
        return r == MBEDTLS_ERR_SSL_ALLOC_FAILED ? UV_ENOMEM : UV_EINVAL;
    }
    mbedtls_ssl_set_bio(&c->ssl, c, bio_send, bio_recv, NULL);
    mbedtls_ssl_set_verify(&c->ssl, on_verify, c);
    c->offered = tls_session_offer(t, &c->ssl);
    *out = c;
    return 0;
}

struct tls_conn *tls_conn_free(struct tls_conn *c)
{
    if (!c)
        return NULL;
    mbedtls_ssl_free(&c->ssl);
    mbedtls_ssl_session_free(&c->session);
    buf_deinit(&c->kept);
    buf_deinit(&c->out);
    tls_free(c->tls);
    free(c);
    return NULL;
}

int tls_conn_feed(struct tls_conn *c, const char *p, size_t n)
{
    if (c->kept_used) {
        buf_consume(&c->kept, c->kept_used);
        c->kept_used = 0;
    }
    return buf_append(&c->kept, p, n);
}

void tls_conn_lend(struct tls_conn *c, const char *p, size_t n)
{
    c->lent = slice_of(p, n);
}

int tls_conn_lend_end(struct tls_conn *c)
{
    struct slice rest = c->lent;

    c->lent = slice_of(NULL, 0);
    return rest.n ? tls_conn_feed(c, rest.p, rest.n) : 0;
}

bool tls_conn_has_input(const struct tls_conn *c)
{
    return c->kept.n > c->kept_used || mbedtls_ssl_check_pending(&c->ssl);
}

static int step_failed(struct tls_conn *c, int mbed)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(&c->ssl);

#if TLS_MBED3
    c->needs_old_offer = mbed == MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER && strcmp(tls_conn_version(c), "TLSv1.2") == 0;
#endif
    c->state = CONN_FAILED;
    if (c->tls->verify && c->saw_certificate && flags != 0 && flags != UINT32_MAX)
        tls_text_verify(c->text, sizeof c->text, flags, c->tls->name);
    else if (mbed == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE && c->alert >= 0)
        tls_text_alert(c->text, sizeof c->text, (unsigned)c->alert);
    else
        tls_text_error(c->text, sizeof c->text, mbed);
    return UV_EPROTO;
}

int tls_conn_step(struct tls_conn *c)
{
    int r;

#if !TLS_MBED3
    pthread_mutex_lock(&step_lock);
#endif
    r = mbedtls_ssl_handshake(&c->ssl);
#if !TLS_MBED3
    pthread_mutex_unlock(&step_lock);
#endif
    if (r == MBEDTLS_ERR_SSL_WANT_READ)
        return TLS_CONN_MORE;
    if (r)
        return step_failed(c, r);
    /* TLS 1.3 gives its tickets later. */
    c->has_session = strcmp(tls_conn_version(c), "TLSv1.3") != 0 && mbedtls_ssl_get_session(&c->ssl, &c->session) == 0;
    return 0;
}

struct buf *tls_conn_out(struct tls_conn *c)
{
    return &c->out;
}

void tls_conn_learn(struct tls_conn *c)
{
#if TLS_MBED3
    if (c->needs_old_offer)
        c->tls->offer = TLS_OFFER_OLD;
#else
    (void)c;
#endif
}

const char *tls_conn_text(const struct tls_conn *c)
{
    return c->text;
}

void tls_conn_done(struct tls_conn *c, tls_conn_sink *sink, void *arg)
{
    c->state = CONN_OPEN;
    c->sink = sink;
    c->sink_arg = arg;
    buf_deinit(&c->out);
    if (c->has_session)
        tls_session_save(c->tls, &c->session, c->saw_certificate);
    c->has_session = false;
}

#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
static void keep_ticket(struct tls_conn *c)
{
    mbedtls_ssl_session session;

    mbedtls_ssl_session_init(&session);
    if (mbedtls_ssl_get_session(&c->ssl, &session) == 0)
        tls_session_save(c->tls, &session, c->saw_certificate);
    mbedtls_ssl_session_free(&session);
}
#endif

int tls_conn_read(struct tls_conn *c, char *p, size_t cap, size_t *n)
{
    if (c->state == CONN_FAILED)
        return UV_EPROTO;
    for (;;) {
        size_t before = bio_bytes(c);
        int r = mbedtls_ssl_read(&c->ssl, (unsigned char *)p, cap);

        if (r > 0) {
            *n = (size_t)r;
            return 0;
        }
        /* Said after each message that is not data (a ticket): it is only looked at in the next round, and until then
         * nothing can be written. */
        if (r == MBEDTLS_ERR_SSL_WANT_READ && bio_bytes(c) < before)
            continue;
        if (r == MBEDTLS_ERR_SSL_WANT_READ)
            return TLS_CONN_MORE;
        if (r == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY)
            return TLS_CONN_CLOSED;
#ifdef MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET
        if (r == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
            keep_ticket(c);
            continue;
        }
#endif
        c->state = CONN_FAILED;
        return UV_EPROTO;
    }
}

int tls_conn_write(struct tls_conn *c, const char *p, size_t n)
{
    if (c->state != CONN_OPEN)
        return UV_EPIPE;
    while (n > 0) {
        int r = mbedtls_ssl_write(&c->ssl, (const unsigned char *)p, n);

        if (r <= 0) {
            c->state = CONN_FAILED;
            return c->sink_status < 0 ? c->sink_status : UV_EPROTO;
        }
        p += r;
        n -= (size_t)r;
    }
    return 0;
}

size_t tls_conn_record_bytes(const struct tls_conn *c)
{
    int r = mbedtls_ssl_get_max_out_record_payload(&c->ssl);

    return r > 0 ? (size_t)r : 1024;
}

void tls_conn_notify(struct tls_conn *c)
{
    if (c->state == CONN_OPEN)
        mbedtls_ssl_close_notify(&c->ssl);
}

const char *tls_conn_version(const struct tls_conn *c)
{
    return mbedtls_ssl_get_version(&c->ssl);
}

bool tls_conn_resumed(const struct tls_conn *c)
{
    return c->offered && !c->saw_certificate;
}
