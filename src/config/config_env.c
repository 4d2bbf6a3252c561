#include "config/config_env.h"

#include <ctype.h>
#include <stdlib.h>

enum { MAX_TEXT_BYTES = 1 << 20, MAX_NAME = 256 };

/* Bytes of a variable's name at p, 0 when there is none. */
static size_t name_length(const char *p)
{
    size_t n = 0;

    if (isdigit((unsigned char)*p))
        return 0;
    while (isalnum((unsigned char)p[n]) || p[n] == '_')
        n++;
    return n;
}

/* Appends the value of the variable at p, which stands right after "${"; returns what follows its "}". */
static const char *expand_one(struct buf *b, struct config_report *r, const struct config_path *at, const char *p)
{
    char name[MAX_NAME];
    size_t n = name_length(p);
    const char *value;

    if (n == 0 || n >= sizeof name || p[n] != '}') {
        /* What stands there may be a secret in the wrong place: it is not shown. */
        config_error(r, at,
                     "\"${\" must be followed by the name of an environment variable and \"}\"; "
                     "\"$${\" stands for \"${\" itself");
        return p;
    }
    memcpy(name, p, n);
    name[n] = '\0';
    value = getenv(name);
    if (!value)
        config_error(r, at, "environment variable %s is not set", name);
    else if (buf_str(b, value))
        config_error(r, at, "the value of environment variable %s is too long", name);
    return p + n + 1;
}

const char *config_env_expand(struct config_arena *a, struct config_report *r, const struct config_path *at,
                              const char *text)
{
    unsigned errors = r->errors;
    const char *out = NULL, *p = text;
    struct buf b;

    buf_init(&b, MAX_TEXT_BYTES);
    while (*p) {
        const char *dollar = strchr(p, '$');
        size_t n = dollar ? (size_t)(dollar - p) : strlen(p);

        if (buf_append(&b, p, n))
            config_error(r, at, "is too long");
        p += n;
        if (strncmp(p, "$${", 3) == 0) {
            buf_str(&b, "${");
            p += 3;
        } else if (strncmp(p, "${", 2) == 0) {
            p = expand_one(&b, r, at, p + 2);
        } else if (*p) {
            buf_append(&b, p++, 1);
        }
    }
    if (r->errors == errors)
        out = config_arena_str(a, b.p, b.n);
    buf_deinit(&b);
    return out;
}
