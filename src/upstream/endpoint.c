#include "upstream/endpoint.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/mem.h"

enum { TOKENS_KEPT = 8 }; /* credentials that answers under way may still repeat */
enum { MAX_HEAD_BYTES = 65536, MAX_RESPONSE_HEAD_BYTES = 65536, MAX_RESPONSE_FIELDS = 200, MAX_INFORMATIONAL = 8 };

static bool is_loopback(const char *host)
{
    return strcmp(host, "localhost") == 0 || strncmp(host, "127.", 4) == 0 || strcmp(host, "::1") == 0;
}

static const char *accept_encoding(const struct endpoint *e)
{
    switch (e->conf->accept_encoding) {
    case ENCODING_AUTO:
        return is_loopback(e->url.host) ? "identity" : "gzip";
    case ENCODING_IDENTITY:
        return "identity";
    case ENCODING_GZIP:
        return "gzip";
    case ENCODING_ALL:
        break;
    }
    return "gzip, deflate, br";
}

static bool needs_token(enum auth_kind kind)
{
    return kind == AUTH_BEARER_FILE || kind == AUTH_BEARER_COMMAND || kind == AUTH_JWT_SECRET_FILE;
}

/* password NULL: user is both already. */
static int put_basic(struct buf *b, const char *user, const char *password)
{
    size_t n = strlen(user) + (password ? strlen(password) : 0) + 2;
    char *pair = mem_zero(n), *code;
    int r;

    snprintf(pair, n, "%s%s%s", user, password ? ":" : "", password ? password : "");
    code = base64_encode(slice_str(pair));
    r = buf_printf(b, "Authorization: Basic %s\r\n", code);
    explicit_bzero(pair, n);
    free(pair);
    free(code);
    return r;
}

static int put_auth(struct buf *b, const struct auth_conf *a, struct slice token)
{
    switch (a->kind) {
    case AUTH_NONE:
    case AUTH_QUERY:
        return 0;
    case AUTH_BASIC:
        return put_basic(b, a->basic.user, a->basic.password);
    case AUTH_HEADER:
        return buf_printf(b, "%s: %s\r\n", a->header.name, a->header.value);
    case AUTH_BEARER:
        token = slice_str(a->bearer);
        break;
    case AUTH_BEARER_FILE:
    case AUTH_BEARER_COMMAND:
    case AUTH_JWT_SECRET_FILE:
        break;
    }
    return buf_printf(b, "Authorization: Bearer %.*s\r\n", (int)token.n, token.p);
}

/* The parameter of the query that is a credential, percent-encoded (RFC 3986 section 2.3). */
static int put_parameter(struct buf *b, const char *target, const struct header_conf *q)
{
    int r = buf_printf(b, "%s%s=", strchr(target, '?') ? "&" : "?", q->name);

    for (const char *p = q->value; *p && r == 0; p++)
        r = isalnum((unsigned char)*p) || strchr("-._~", *p) ? buf_append(b, p, 1)
                                                             : buf_printf(b, "%%%02X", (unsigned char)*p);
    return r;
}

/* Everything of a request that does not change from call to call. */
static int head_build(const struct endpoint *e, struct slice token, struct buf *b)
{
    int r = buf_printf(b, "POST %s", e->url.target);

    if (r == 0 && e->conf->auth.kind == AUTH_QUERY)
        r = put_parameter(b, e->url.target, &e->conf->auth.query);
    if (r == 0)
        r = buf_printf(b,
                       " HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
                       "Accept-Encoding: %s\r\n",
                       e->url.host_header, accept_encoding(e));
    if (r == 0 && e->url.userinfo)
        r = put_basic(b, e->url.userinfo, NULL);
    if (r == 0)
        r = put_auth(b, &e->conf->auth, token);
    for (size_t i = 0; r == 0 && i < e->conf->n_headers; i++)
        r = buf_printf(b, "%s: %s\r\n", e->conf->headers[i].name, e->conf->headers[i].value);
    return r ? r : buf_str(b, "Content-Length: ");
}

static void head_free(struct endpoint *e)
{
    if (e->head)
        explicit_bzero(e->head, e->head_n);
    free(e->head);
    e->head = NULL;
    e->head_n = 0;
}

static void secrets_find(struct endpoint *e, struct slice token)
{
    const char *colon = e->url.userinfo ? strchr(e->url.userinfo, ':') : NULL;

    secrets_clear(&e->secrets);
    secrets_add_head(&e->secrets, slice_of(e->head, e->head_n));
    if (e->tokens.n == TOKENS_KEPT)
        secrets_drop_oldest(&e->tokens);
    secrets_add(&e->tokens, token);
    secrets_add(&e->secrets, slice_str(e->url.userinfo));
    if (colon)
        secrets_add(&e->secrets, slice_str(colon + 1));
    secrets_add(&e->secrets, slice_str(e->conf->auth.header.value));
    secrets_add(&e->secrets, slice_str(e->conf->auth.basic.password));
    secrets_add(&e->secrets, slice_str(e->conf->auth.query.value));
}

int endpoint_authorize(struct endpoint *e, struct slice token, uint64_t generation)
{
    struct buf b;

    e->generation = generation;
    if (!token.p) {
        head_free(e);
        return 0;
    }
    buf_init(&b, MAX_HEAD_BYTES);
    if (head_build(e, token, &b)) {
        buf_deinit(&b);
        return ENDPOINT_BAD_URL;
    }
    head_free(e);
    e->head = b.p;
    e->head_n = b.n;
    secrets_find(e, token);
    return 0;
}

void endpoint_scrub(const struct endpoint *e, struct slice text)
{
    secrets_scrub(&e->secrets, text);
    secrets_scrub(&e->tokens, text);
}

int endpoint_init(struct endpoint *e, const struct endpoint_conf *conf)
{
    *e = (struct endpoint){.conf = conf};
    e->http = (struct h1_client_conf){
        .max_body_bytes = conf->max_response_bytes,
        .max_head_bytes = MAX_RESPONSE_HEAD_BYTES,
        .max_fields = MAX_RESPONSE_FIELDS,
        .max_informational = MAX_INFORMATIONAL,
    };
    pool_init(&e->pool, &conf->pool, conf->max_inflight);
    if (url_parse(&e->url, slice_str(conf->url)))
        return ENDPOINT_BAD_URL;
    url_redacted(&e->url, e->redacted, sizeof e->redacted);
    return needs_token(conf->auth.kind) ? 0 : endpoint_authorize(e, SLICE(""), 0);
}

void endpoint_deinit(struct endpoint *e)
{
    pool_deinit(&e->pool);
    url_deinit(&e->url);
    secrets_deinit(&e->secrets);
    secrets_deinit(&e->tokens);
    head_free(e);
}
