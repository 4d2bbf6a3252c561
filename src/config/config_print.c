#include <errno.h>
#include <stdio.h>

#include "config/config.h"
#include "http/url.h"

enum { COLUMNS = 9, CELL_CAP = 320 };

struct row {
    char cell[COLUMNS][CELL_CAP];
};

static const char *redacted(const char *text, char out[CELL_CAP])
{
    struct url u;

    if (url_parse(&u, slice_str(text)))
        return "?"; /* the check lets none through */
    url_redacted(&u, out, CELL_CAP);
    url_deinit(&u);
    return out;
}

static void fill(struct row *row, const struct chain_conf *c, const struct endpoint_conf *e)
{
    char text[CELL_CAP];

    snprintf(row->cell[0], CELL_CAP, "%s%s", c->name, c->is_default ? "*" : "");
    snprintf(row->cell[1], CELL_CAP, "%s", c->family == CHAIN_EVM ? "evm" : "solana");
    snprintf(row->cell[2], CELL_CAP, "%s", e->name);
    snprintf(row->cell[3], CELL_CAP, "%u", e->tier);
    snprintf(row->cell[4], CELL_CAP, "%u", e->weight);
    snprintf(row->cell[5], CELL_CAP, "%u", e->pool.max_sockets);
    snprintf(row->cell[6], CELL_CAP, "%u", e->pool.min_warm);
    if (!*e->proxy)
        snprintf(row->cell[7], CELL_CAP, "environment");
    else if (strcmp(e->proxy, "none") == 0)
        snprintf(row->cell[7], CELL_CAP, "none");
    else
        snprintf(row->cell[7], CELL_CAP, "%s", redacted(e->proxy, text));
    snprintf(row->cell[8], CELL_CAP, "%.*s%s", CELL_CAP - 32, redacted(e->url, text),
             e->tls.verify ? "" : " (not verified)");
}

static int put_row(struct buf *out, const struct row *row, const size_t *width)
{
    int r = 0;

    for (unsigned i = 0; i < COLUMNS && r == 0; i++)
        if (i + 1 < COLUMNS)
            r = buf_printf(out, "%-*s  ", (int)width[i], row->cell[i]);
        else
            r = buf_printf(out, "%s\n", row->cell[i]);
    return r;
}

static int put_addresses(struct buf *out, const char *what, const char *const *v, size_t n)
{
    int r = buf_printf(out, "%s", what);

    for (size_t i = 0; i < n && r == 0; i++)
        r = buf_printf(out, " %s", v[i]);
    if (r == 0)
        r = buf_str(out, n ? "\n" : " nowhere\n");
    return r;
}

int config_print(const struct config *c, struct buf *out)
{
    static const struct row head = {
        {"CHAIN", "FAMILY", "ENDPOINT", "TIER", "WEIGHT", "SOCKETS", "WARM", "PROXY", "URL"}};
    size_t width[COLUMNS];
    struct row row;
    int r = put_addresses(out, "listen", c->listen, c->n_listen);

    if (r == 0)
        r = put_addresses(out, "admin ", c->admin, c->n_admin);
    for (unsigned i = 0; i < COLUMNS; i++)
        width[i] = strlen(head.cell[i]);
    /* Twice over the endpoints: once for the widths, once for the lines. */
    for (unsigned pass = 0; pass < 2 && r == 0; pass++) {
        if (pass)
            r = put_row(out, &head, width);
        for (size_t i = 0; i < c->n_chains; i++)
            for (size_t j = 0; j < c->chains[i].n_endpoints && r == 0; j++) {
                fill(&row, &c->chains[i], &c->chains[i].endpoints[j]);
                for (unsigned k = 0; k < COLUMNS; k++)
                    if (strlen(row.cell[k]) > width[k])
                        width[k] = strlen(row.cell[k]);
                if (pass)
                    r = put_row(out, &row, width);
            }
    }
    if (r == 0)
        r = buf_str(out, "* answers POST /\n");
    return r > 0 ? -ENOBUFS : r;
}
