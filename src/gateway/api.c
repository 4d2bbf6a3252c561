/* The library's contract (include/millrace) on top of the inside. */
#include <stdlib.h>

#include "admin/metrics.h"
#include "admin/status.h"
#include "config/config.h"
#include "gateway/gateway.h"
#include "millrace/config.h"
#include "millrace/gateway.h"
#include "millrace/stats.h"

enum { TEXT_MAX = 16 * 1024 * 1024 };

/* The text so far, terminated, now the caller's; NULL when there is none. */
static char *text_take(struct buf *b)
{
    char *p;

    if (b->n == 0 || buf_append(b, "", 1)) {
        buf_deinit(b);
        return NULL;
    }
    p = b->p;
    buf_init(b, b->max_bytes);
    return p;
}

static int load(struct config **out, const char *file, const struct slice *text, char **report)
{
    struct buf said;
    int r;

    buf_init(&said, TEXT_MAX);
    r = text ? config_parse(out, *text, file, &said) : config_load(out, file, &said);
    if (report)
        *report = text_take(&said);
    buf_deinit(&said);
    return r;
}

int millrace_config_load(struct config **out, const char *file, char **report)
{
    return load(out, file, NULL, report);
}

int millrace_config_parse(struct config **out, const char *text, size_t n, const char *name, char **report)
{
    struct slice s = slice_of(text, n);

    return load(out, name, &s, report);
}

void millrace_config_free(struct config *c)
{
    config_free(c);
}

int millrace_gateway_new(struct gateway **out, const struct config *c)
{
    return gateway_new(out, c);
}

int millrace_gateway_run(struct gateway *g)
{
    int r = gateway_run(g);

    return r == GATEWAY_STUCK ? 0 : r;
}

void millrace_gateway_free(struct gateway *g)
{
    gateway_free(g);
}

const char *millrace_gateway_address(const struct gateway *g, unsigned i)
{
    return gateway_address(g, i);
}

const char *millrace_gateway_admin_address(const struct gateway *g, unsigned i)
{
    return gateway_admin_address(g, i);
}

char *millrace_stats_json(const struct gateway *g)
{
    struct buf b;

    buf_init(&b, TEXT_MAX);
    status_write(gateway_worker(g), false, &b);
    return text_take(&b);
}

char *millrace_stats_metrics(const struct gateway *g)
{
    struct buf b;

    buf_init(&b, TEXT_MAX);
    metrics_write(gateway_worker(g), &b);
    return text_take(&b);
}
