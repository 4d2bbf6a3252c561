#include "upstream/endpoint.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/buf.h"
#include "base/mem.h"

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

/* Everything of a request that does not change from call to call. */
static int head_build(struct endpoint *e)
{
    struct buf b;
    int r;

    buf_init(&b, MAX_HEAD_BYTES);
    r = buf_printf(&b,
                   "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAccept: application/json\r\n"
                   "Accept-Encoding: %s\r\n",
                   e->url.target, e->url.host_header, accept_encoding(e));
    if (r == 0 && e->url.userinfo) {
        char *code = base64_encode(slice_str(e->url.userinfo));

        r = buf_printf(&b, "Authorization: Basic %s\r\n", code);
        free(code);
    }
    for (size_t i = 0; r == 0 && i < e->conf->n_headers; i++)
        r = buf_printf(&b, "%s: %s\r\n", e->conf->headers[i].name, e->conf->headers[i].value);
    if (r == 0)
        r = buf_str(&b, "Content-Length: ");
    e->head = b.p;
    e->head_n = b.n;
    return r;
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
    return head_build(e) ? ENDPOINT_BAD_URL : 0;
}

void endpoint_deinit(struct endpoint *e)
{
    pool_deinit(&e->pool);
    url_deinit(&e->url);
    free(e->head);
    e->head = NULL;
}
