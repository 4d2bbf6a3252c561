/* walk.h - takes a whole document from a scanner member by member and element by element, down to the scalars:
 * what jtok_value does by itself must come out the same.  Recursive, as depth is bounded by the scanner. */
#ifndef MILLRACE_TEST_JSON_WALK_H
#define MILLRACE_TEST_JSON_WALK_H

#include "json/jtok.h"

static int walk_value(struct jtok *t, struct slice text);

/* Whether a token lies inside the text and looks like what its type says. */
static inline bool walk_inside(const struct jval *v, struct slice text)
{
    const char *s = v->raw.p;

    if (v->raw.n == 0 || s < text.p || v->raw.n > text.n - (size_t)(s - text.p))
        return false;
    switch (v->type) {
    case J_STRING:
        return v->raw.n >= 2 && s[0] == '"' && s[v->raw.n - 1] == '"' &&
               v->escaped == (memchr(s, '\\', v->raw.n) != NULL);
    case J_OBJECT:
        return s[0] == '{' && s[v->raw.n - 1] == '}';
    case J_ARRAY:
        return s[0] == '[' && s[v->raw.n - 1] == ']';
    case J_NUMBER:
        return (s[v->raw.n - 1] >= '0' && s[v->raw.n - 1] <= '9') && (*s == '-' || (*s >= '0' && *s <= '9'));
    default:
        return v->raw.n == (v->type == J_FALSE ? 5 : 4);
    }
}

static inline int walk_object(struct jtok *t, struct slice text)
{
    struct jval key;
    int r = jtok_object(t);

    while (r == 0) {
        r = jtok_member(t, &key);
        if (r)
            break;
        r = walk_inside(&key, text) && key.type == J_STRING ? walk_value(t, text) : -1;
    }
    return r == JTOK_END ? 0 : r;
}

static inline int walk_array(struct jtok *t, struct slice text)
{
    int r = jtok_array(t);

    while (r == 0) {
        r = jtok_element(t);
        if (r)
            break;
        r = walk_value(t, text);
    }
    return r == JTOK_END ? 0 : r;
}

/* 0, JTOK_BAD, or -1 when the scanner broke its word. */
static int walk_value(struct jtok *t, struct slice text)
{
    struct jval v;
    enum jtype type;
    int r = jtok_peek(t, &type);

    if (r)
        return r;
    if (type == J_OBJECT)
        return walk_object(t, text);
    if (type == J_ARRAY)
        return walk_array(t, text);
    r = jtok_value(t, &v);
    if (r)
        return r;
    return v.type == type && walk_inside(&v, text) ? 0 : -1;
}

/* The two ways to read a document: 0 or JTOK_BAD; the scanner keeps the error. */
static inline int read_walking(struct jtok *t, struct slice text, unsigned max_depth)
{
    int r;

    jtok_init(t, text, max_depth);
    r = walk_value(t, text);
    return r ? r : jtok_finish(t);
}

static inline int read_whole(struct jtok *t, struct slice text, unsigned max_depth, struct jval *v)
{
    int r;

    jtok_init(t, text, max_depth);
    r = jtok_value(t, v);
    return r ? r : jtok_finish(t);
}

#endif
