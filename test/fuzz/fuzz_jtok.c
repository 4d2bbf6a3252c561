/* Any bytes: both ways to read must agree, tokens must lie inside the text, decoding must stay inside its buffer, every
 * way to skip plain bytes must stop at the same one, and what jansson accepts must be accepted. */
#include "json/jtok.h"

#include <stdint.h>
#include <stdlib.h>

#include "../json/jansson_twin.h"
#include "../json/walk.h"
#include "json/jout.h"
#include "json/jstr.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(cond)                                                                                                     \
    do {                                                                                                               \
        if (!(cond))                                                                                                   \
            abort();                                                                                                   \
    } while (0)

/* Decoding fits its own length and no less, equals itself, and written again it reads back the same. */
static void check_string(const struct jval *v)
{
    char *text = malloc(v->raw.n), *again = malloc(v->raw.n);
    size_t n = jtok_text(v, text, v->raw.n);
    struct buf b;
    struct jtok t;
    struct jval w;

    MUST(n <= v->raw.n - 2);
    MUST(jtok_text_eq(v, slice_of(text, n)));
    MUST(n == 0 || jtok_text(v, again, n - 1) == (size_t)-1);
    buf_init(&b, 6 * v->raw.n);
    MUST(jout_string(&b, slice_of(text, n)) == 0);
    MUST(read_whole(&t, buf_get(&b), 0, &w) == 0);
    MUST(jtok_text(&w, again, n) == n && memcmp(again, text, n) == 0);
    buf_deinit(&b);
    free(text);
    free(again);
}

static void check_variants(struct slice text)
{
    size_t count;
    const struct jstr_variant *v = jstr_variants(&count);
    const char *end = text.p + text.n;

    for (const char *p = text.p; p < end; p += 1 + text.n / 64)
        for (size_t i = 1; i < count; i++)
            MUST(v[i].find(text.p, p, end) == v[0].find(text.p, p, end));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    /* The fuzzer's first byte chooses the depth limit, so that the limit itself is met. */
    unsigned depth = size ? data[0] % 2 ? JTOK_MAX_DEPTH : data[0] / 16 : 0;
    struct slice text = size ? slice_of((const char *)data + 1, size - 1) : slice_of(NULL, 0);
    struct jtok t, w;
    struct jval v;
    int r = read_whole(&t, text, depth, &v);
    json_t *j;

    MUST(r == read_walking(&w, text, depth));
    if (r) {
        MUST(r == JTOK_BAD && t.error && w.error);
        MUST(t.at <= text.n && t.at == w.at);
        MUST(jtok_value(&t, &v) == JTOK_BAD && jtok_finish(&t) == JTOK_BAD);
    } else {
        MUST(walk_inside(&v, text));
        if (v.type == J_STRING)
            check_string(&v);
    }
    if (text.n)
        check_variants(text);
    if (depth == JTOK_MAX_DEPTH && text.n) {
        switch (twin_load(text, &j)) {
        case TWIN_GOOD:
            /* jansson nests deeper than we allow. */
            MUST(r == 0 || strcmp(t.error, "nested too deeply") == 0);
            json_decref(j);
            break;
        case TWIN_BAD:
            MUST(r != 0);
            break;
        case TWIN_UNABLE:
            break;
        }
    }
    return 0;
}
