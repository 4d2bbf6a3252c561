#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "config/config_walk.h"

enum { MAX_FILE_BYTES = 8 << 20 };

struct snapshot {
    struct config config; /* first: what callers hold is a pointer to it */
    struct config_arena arena;
};

struct config *config_free(struct config *c)
{
    struct snapshot *s = (struct snapshot *)c;

    if (s) {
        config_arena_deinit(&s->arena);
        free(s);
    }
    return NULL;
}

/* jansson ends many of its texts with the bytes it stumbled over, which may be a piece of a key: only the name in
 * front of them goes out, and for a repeated name, which is a member's name and no value, the name itself. */
static void syntax_error(struct config_report *r, const json_error_t *e)
{
    const char *near = strstr(e->text, " near '");
    int n = near ? (int)(near - e->text) : (int)strlen(e->text);

    if (json_error_code(e) == json_error_duplicate_key)
        config_error(r, NULL, "line %d, column %d: duplicate key %.*s", e->line, e->column,
                     near ? (int)strcspn(near + 7, "'") : 0, near ? near + 7 : "");
    else if (json_error_code(e) == json_error_null_character)
        config_error(r, NULL, "line %d, column %d: \\u0000 is not allowed", e->line, e->column);
    else if (json_error_code(e) == json_error_numeric_overflow)
        config_error(r, NULL, "line %d, column %d: the number is too large", e->line, e->column);
    else
        config_error(r, NULL, "line %d, column %d: not JSON: %.*s", e->line, e->column, n, e->text);
}

int config_parse(struct config **out, struct slice text, const char *file, struct buf *report)
{
    struct snapshot *s = mem_zero(sizeof *s);
    const char *slash = strrchr(file, '/');
    struct config_walk w = {.report = {.file = file, .report = report}, .arena = &s->arena};
    json_error_t e;
    json_t *root = json_loadb(text.p ? text.p : "", text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);

    w.folder = config_arena_str(&s->arena, file, slash ? (size_t)(slash - file) + 1 : 0);
    if (!root)
        syntax_error(&w.report, &e);
    else if (!json_is_object(root))
        config_error(&w.report, NULL, "must be a JSON object");
    else
        config_walk_object(&w, NULL, CONFIG_SHAPE_ROOT, root, &s->config);
    json_decref(root);
    if (w.report.errors) {
        config_free(&s->config);
        return -EINVAL;
    }
    *out = &s->config;
    return 0;
}

/* 0, or <0. */
static int read_all(int fd, struct buf *b)
{
    for (;;) {
        ssize_t n;
        int r = buf_reserve(b, 4096);

        if (r)
            return r < 0 ? r : -EFBIG;
        n = read(fd, b->p + b->n, 4096);
        if (n < 0 && errno != EINTR)
            return -errno;
        if (n == 0)
            return 0;
        if (n > 0)
            b->n += (size_t)n;
    }
}

int config_load(struct config **out, const char *file, struct buf *report)
{
    struct config_report failed = {.file = file, .report = report};
    int fd = open(file, O_RDONLY | O_CLOEXEC), r = fd < 0 ? -errno : 0;
    struct buf b;

    buf_init(&b, MAX_FILE_BYTES);
    if (r == 0)
        r = read_all(fd, &b);
    if (fd >= 0)
        close(fd);
    if (r)
        config_error(&failed, NULL, "cannot be read: %s", strerror(-r));
    else
        r = config_parse(out, buf_get(&b), file, report);
    buf_deinit(&b);
    return r ? -EINVAL : 0;
}
