#include "cache/cache_rule.h"

#include "json/jtok.h"

enum {
    WALK_MAX = 65536, /* bytes of a result that are read at most: what lies behind them stays unknown */
    WALK_DEPTH = 64
};

const char *cache_rule_name(enum cache_rule_kind rule)
{
#define NAME(name, text) text,
    static const char *const names[] = {CACHE_RULES(NAME)};
#undef NAME

    return (unsigned)rule < CACHE_RULE_COUNT ? names[rule] : "never";
}

/* Before the answer is there. */

static bool is_final(const struct cache_question *q, uint64_t number)
{
    return q->finalized_known && number <= q->finalized;
}

static enum cache_scope head_scope(const struct cache_question *q)
{
    return q->head_wanted ? CACHE_UNTIL_HEAD : CACHE_NOT_KEPT;
}

/* Of a block, however it is named; `last` is the highest block that the answer depends on. */
static enum cache_scope block_scope(const struct cache_question *q, uint64_t last)
{
    switch (q->ref) {
    case CACHE_REF_HASH:
        return CACHE_FOREVER;
    case CACHE_REF_NUMBER:
    case CACHE_REF_RANGE:
        return is_final(q, last) ? CACHE_FOREVER : head_scope(q);
    case CACHE_REF_TAG:
    case CACHE_REF_MISSING:
        return head_scope(q);
    case CACHE_REF_NONE:
    case CACHE_REF_PENDING:
    case CACHE_REF_SLOT:
    case CACHE_REF_UNCLEAR:
        break;
    }
    return CACHE_NOT_KEPT;
}

static enum cache_scope forever_if(bool yes)
{
    return yes ? CACHE_FOREVER : CACHE_NOT_KEPT;
}

enum cache_scope cache_rule_scope(const struct cache_question *q)
{
    if (q->ref == CACHE_REF_UNCLEAR || q->ref == CACHE_REF_PENDING)
        return CACHE_NOT_KEPT;
    switch (q->rule) {
    case CACHE_RULE_STATIC:
        return CACHE_FOREVER;
    case CACHE_RULE_BY_HASH:
        return forever_if(q->ref == CACHE_REF_HASH);
    case CACHE_RULE_BY_NUMBER:
        return q->ref == CACHE_REF_RANGE ? CACHE_NOT_KEPT : block_scope(q, q->number);
    case CACHE_RULE_BY_TX:
        return forever_if(q->finalized_known);
    case CACHE_RULE_RANGE:
        if (q->ref == CACHE_REF_NUMBER || (q->ref == CACHE_REF_RANGE && q->number > q->to_number))
            return CACHE_NOT_KEPT;
        return block_scope(q, q->to_number);
    case CACHE_RULE_SLOT:
        return forever_if(q->finalized_commitment);
    case CACHE_RULE_SETTLED:
        return forever_if(q->finalized_commitment);
    case CACHE_RULE_HEAD:
        return head_scope(q);
    case CACHE_RULE_NEVER:
    case CACHE_RULE_COUNT:
        break;
    }
    return CACHE_NOT_KEPT;
}

/* Of the answer. */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct slice trim(struct slice s)
{
    while (s.n && is_space(s.p[0]))
        s.p++, s.n--;
    while (s.n && is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

static bool is_empty(struct slice v)
{
    v = trim(v);
    if (v.n >= 2 && ((v.p[0] == '[' && v.p[v.n - 1] == ']') || (v.p[0] == '{' && v.p[v.n - 1] == '}')))
        return trim(slice_of(v.p + 1, v.n - 2)).n == 0;
    return v.n == 0 || slice_eq(v, SLICE("null")) || slice_eq(v, SLICE("\"\"")) || slice_eq(v, SLICE("\"0x\"")) ||
           slice_eq(v, SLICE("\"0x0\""));
}

/* A scanner over the part of `v` that may be read.  It ends in JTOK_BAD where a longer text is cut off. */
static struct jtok walk_init(struct slice v)
{
    struct jtok t;

    jtok_init(&t, slice_of(v.p, v.n < WALK_MAX ? v.n : WALK_MAX), WALK_DEPTH);
    return t;
}

/* The member `name` of the object that comes next.  0: found, `t` is inside the object; JTOK_END: it has none. */
static int walk_member(struct jtok *t, struct slice name, struct jval *out)
{
    struct jval key;
    int r = jtok_object(t);

    while (r == 0 && (r = jtok_member(t, &key)) == 0 && (r = jtok_value(t, out)) == 0)
        if (jtok_text_eq(&key, name))
            return 0;
    return r;
}

/* A whole array without a null: of several things asked for, each is there. */
static bool is_array_without_null(struct slice v)
{
    struct jtok t = walk_init(v);
    struct jval item;
    int r = jtok_array(&t);

    while (r == 0 && (r = jtok_element(&t)) == 0 && (r = jtok_value(&t, &item)) == 0)
        if (item.type == J_NULL)
            return false;
    return r == JTOK_END;
}

static bool is_whole(struct slice v)
{
    v = trim(v);
    return !is_empty(v) && (v.p[0] != '[' || is_array_without_null(v));
}

/* getInflationReward answers with an array; without an epoch it is of the one before the current, and that moves. */
static bool is_settled(const struct cache_question *q, struct slice v)
{
    return is_whole(v) && (trim(v).p[0] != '[' || q->ref == CACHE_REF_NUMBER);
}

/* Solana wraps what it found: {"context":{"slot":1},"value":null}. */
static bool is_whole_within(struct slice v)
{
    struct jtok t;
    struct jval value;
    int r;

    v = trim(v);
    if (v.n == 0 || v.p[0] != '{')
        return is_whole(v);
    t = walk_init(v);
    r = walk_member(&t, SLICE("value"), &value);
    return r == JTOK_END || (r == 0 && is_whole(value.raw));
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

/* "0x1b4" of eth_, 436 of trace_. */
static bool block_number(const struct jval *v, uint64_t *out)
{
    struct slice s = v->raw;
    uint64_t base = 10, n = 0;

    if (v->type == J_STRING) {
        s = slice_of(s.p + 1, s.n - 2);
        if (!slice_starts(s, SLICE("0x")))
            return false;
        s = slice_of(s.p + 2, s.n - 2);
        base = 16;
    } else if (v->type != J_NUMBER) {
        return false;
    }
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        int d = digit_of(s.p[i]);

        if ((unsigned)d >= base || n > (UINT64_MAX - (uint64_t)d) / base)
            return false;
        n = n * base + (uint64_t)d;
    }
    *out = n;
    return true;
}

/* The block that the answer says it is from.  A trace is an array of objects that are all from one. */
static bool result_block(struct slice result, uint64_t *out)
{
    struct jtok t = walk_init(result);
    enum jtype type;
    struct jval v;

    if (jtok_peek(&t, &type))
        return false;
    if (type == J_ARRAY && (jtok_array(&t) || jtok_element(&t)))
        return false;
    return walk_member(&t, SLICE("blockNumber"), &v) == 0 && block_number(&v, out);
}

enum cache_scope cache_rule_judge(const struct cache_question *q, struct slice result)
{
    enum cache_scope scope = cache_rule_scope(q);
    uint64_t number;
    bool good = true;

    if (scope == CACHE_NOT_KEPT || is_empty(result))
        return CACHE_NOT_KEPT;
    if (q->rule == CACHE_RULE_BY_TX)
        good = result_block(result, &number) && is_final(q, number);
    else if (q->rule == CACHE_RULE_SETTLED)
        good = is_settled(q, result);
    else if (q->rule == CACHE_RULE_HEAD)
        good = is_whole_within(result);
    return good ? scope : CACHE_NOT_KEPT;
}
