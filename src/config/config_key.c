#include "config/config_key.h"

#include "config/config.h"
#include "config/config_check.h"

#define LIVE     CONFIG_LIVE
#define REQUIRED CONFIG_REQUIRED
#define SECRET   CONFIG_SECRET
#define IS_FILE  CONFIG_FILE
#define MAY_LACK CONFIG_MAY_LACK
#define NONE     NULL

#define AT(type, m)                                                                                                    \
    {                                                                                                                  \
        .at = offsetof(struct type, m), .size = sizeof(((struct type *)0)->m)                                          \
    }
#define MANY(type, m, n)                                                                                               \
    {                                                                                                                  \
        .at = offsetof(struct type, m), .count_at = offsetof(struct type, n)                                           \
    }
#define SAME                                                                                                           \
    {                                                                                                                  \
        .at = 0                                                                                                        \
    }
#define NOWHERE                                                                                                        \
    {                                                                                                                  \
        .at = CONFIG_NOWHERE                                                                                           \
    }

/* Each shorthand gives the initialiser itself: a place holds commas, and would fall apart as an argument passed on. */
#define ROW(s, k, t, f, d)             .shape = CONFIG_SHAPE_##s, .name = (k), .type = CONFIG_##t, .flags = (f), .doc = (d)
#define UINT(s, k, p, v, lo, hi, f, d) {ROW(s, k, UINT, f, d), .place = p, .value = (v), .min = (lo), .max = (hi)},
#define REAL(s, k, p, v, lo, hi, f, d) {ROW(s, k, REAL, f, d), .place = p, .value = (v), .min = (lo), .max = (hi)},
#define BOOL(s, k, p, v, f, d)         {ROW(s, k, BOOL, f, d), .place = p, .value = (v)},
#define ENUM(s, k, p, v, c, f, d)      {ROW(s, k, ENUM, f, d), .place = p, .value = (v), .choices = (c)},
#define TEXT(s, k, p, v, lo, hi, c, f, d)                                                                              \
    {ROW(s, k, TEXT, f, d), .place = p, .value = (v), .min = (lo), .max = (hi), .check = (c)},
#define TEXTS(s, k, p, v, lo, hi, c, f, d)                                                                             \
    {ROW(s, k, TEXTS, f, d), .place = p, .value = (v), .min = (lo), .max = (hi), .check = (c)},
#define HEADERS(s, k, p, hi, f, d) {ROW(s, k, HEADERS, f, d), .place = p, .max = (hi)},
#define OBJECT(s, k, p, i, f, d)   {ROW(s, k, OBJECT, f, d), .place = p, .inner = CONFIG_SHAPE_##i},
#define LIST(s, k, p, i, lo, hi, f, d)                                                                                 \
    {ROW(s, k, LIST, f, d), .place = p, .inner = CONFIG_SHAPE_##i, .min = (lo), .max = (hi)},
#define MAP(s, k, p, i, lo, hi, f, d)                                                                                  \
    {ROW(s, k, MAP, f, d), .place = p, .inner = CONFIG_SHAPE_##i, .min = (lo), .max = (hi)},

const struct config_key config_keys[] = {
#include "config/config.def"
};
const size_t config_keys_n = sizeof config_keys / sizeof config_keys[0];

/* Maps put the member's name into the struct's first member. */
_Static_assert(offsetof(struct chain_conf, name) == 0, "the name of a chain comes first");
_Static_assert(offsetof(struct method_conf, pattern) == 0, "the pattern of a method comes first");

const struct config_shape_info config_shapes[CONFIG_SHAPE_COUNT] = {
    [CONFIG_SHAPE_CHAIN] = {sizeof(struct chain_conf), config_check_chain_name, "^[a-z0-9_-]{1,32}$", "NAME"},
    [CONFIG_SHAPE_METHOD] = {sizeof(struct method_conf), config_check_method,
                             "^([A-Za-z0-9_.-]{1,128}|[A-Za-z0-9_.-]{0,127}\\*)$", "METHOD"},
    [CONFIG_SHAPE_CLASSIFY] = {.size = sizeof(struct classify_entry)},
    [CONFIG_SHAPE_ENDPOINT] = {.size = sizeof(struct endpoint_conf)},
};

const struct config_key *config_key_find(enum config_shape shape, const char *name)
{
    for (size_t i = 0; i < config_keys_n; i++)
        if (config_keys[i].shape == shape && strcmp(config_keys[i].name, name) == 0)
            return &config_keys[i];
    return NULL;
}

enum { MAX_NAME = 40 };

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Edits between two words; neighbours that changed places count as one, the commonest slip of all. */
static unsigned distance(const char *a, const char *b)
{
    unsigned d[MAX_NAME + 1][MAX_NAME + 1];
    unsigned n = (unsigned)strlen(a), m = (unsigned)strlen(b);

    if (n > MAX_NAME || m > MAX_NAME)
        return n + m;
    for (unsigned i = 0; i <= n; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= m; j++)
        d[0][j] = j;
    for (unsigned i = 1; i <= n; i++)
        for (unsigned j = 1; j <= m; j++) {
            unsigned same = strncasecmp(&a[i - 1], &b[j - 1], 1) == 0;

            d[i][j] = least(least(d[i - 1][j], d[i][j - 1]) + 1, d[i - 1][j - 1] + !same);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[n][m];
}

/* "timeout" for "timeout_ms": one is the other's beginning, and long enough to mean it. */
static bool is_beginning(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);

    return n >= 4 && m >= 4 && strncasecmp(a, b, n < m ? n : m) == 0;
}

unsigned config_key_distance(const char *name, const char *known)
{
    unsigned d = distance(name, known);

    if (d <= 1 + strlen(known) / 5)
        return d;
    /* A slip of the finger is the likelier reason. */
    return is_beginning(name, known) ? MAX_NAME + d : CONFIG_KEY_FAR;
}

const struct config_key *config_key_nearest(enum config_shape shape, const char *name)
{
    const struct config_key *best = NULL;
    unsigned best_d = 0;

    for (size_t i = 0; i < config_keys_n; i++) {
        const struct config_key *k = &config_keys[i];
        unsigned d;

        if (k->shape != shape)
            continue;
        d = config_key_distance(name, k->name);
        if (d != CONFIG_KEY_FAR && (!best || d < best_d)) {
            best = k;
            best_d = d;
        }
    }
    return best;
}

struct slice config_key_choice(const struct config_key *k, unsigned i)
{
    const char *p = k->choices;

    for (; i && p; i--) {
        p = strchr(p, '|');
        if (p)
            p++;
    }
    return p ? slice_of(p, strcspn(p, "|")) : slice_of(NULL, 0);
}
