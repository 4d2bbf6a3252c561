#include "rpc/block_ref.h"

#include "base/hex.h"
#include "json/jtok.h"

enum { HASH_TEXT = 2 + 64, QUANTITY_MAX = 2 + 16 };

/* The text of a string without escapes; n = 0: it is none. */
static struct slice plain(const struct jval *v)
{
    return v->type == J_STRING && !v->escaped ? slice_of(v->raw.p + 1, v->raw.n - 2) : slice_of(NULL, 0);
}

/* "0x0", or without leading zeros (execution-apis schemas/base-types.yaml: uint). */
static bool quantity(struct slice s, uint64_t *out)
{
    uint64_t n = 0;

    if (s.n < 3 || s.n > QUANTITY_MAX || s.p[0] != '0' || s.p[1] != 'x' || (s.p[2] == '0' && s.n > 3))
        return false;
    for (size_t i = 2; i < s.n; i++) {
        int digit = hex_digit(s.p[i]);

        if (digit < 0)
            return false;
        n = n << 4 | (unsigned)digit;
    }
    *out = n;
    return true;
}

static bool is_hash(struct slice s)
{
    if (s.n != HASH_TEXT || s.p[0] != '0' || s.p[1] != 'x')
        return false;
    for (size_t i = 2; i < s.n; i++)
        if (hex_digit(s.p[i]) < 0)
            return false;
    return true;
}

/* A JSON number that is a u64. */
static bool whole(const struct jval *v, uint64_t *out)
{
    uint64_t n = 0;

    if (v->type != J_NUMBER)
        return false;
    for (size_t i = 0; i < v->raw.n; i++) {
        unsigned digit = (unsigned char)v->raw.p[i] - (unsigned)'0';

        if (digit > 9 || n > (UINT64_MAX - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

/* TAG_NONE: not a tag. */
static enum block_tag tag_of(struct slice s)
{
    static const struct {
        struct slice text;
        enum block_tag tag;
    } tags[] = {
        {{"latest", 6}, TAG_LATEST},       {{"pending", 7}, TAG_PENDING},   {{"safe", 4}, TAG_SAFE},
        {{"finalized", 9}, TAG_FINALIZED}, {{"earliest", 8}, TAG_EARLIEST},
    };

    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        if (slice_eq(s, tags[i].text))
            return tags[i].tag;
    return TAG_NONE;
}

static void unclear(struct block_ref *r)
{
    r->kind = BLOCK_REF_UNCLEAR;
}

/* A number or a tag, as a value of its own or a member; false: neither. */
static bool point(const struct jval *v, enum block_tag *tag, uint64_t *number)
{
    struct slice s = plain(v);

    *tag = TAG_NONE;
    if (quantity(s, number))
        return true;
    *tag = tag_of(s);
    return *tag != TAG_NONE;
}

static void set_point(struct block_ref *r, const struct jval *v)
{
    if (point(v, &r->tag, &r->number))
        r->kind = r->tag == TAG_NONE ? BLOCK_REF_NUMBER : BLOCK_REF_TAG;
    else
        unclear(r);
}

static void set_hash(struct block_ref *r, const struct jval *v)
{
    r->hash = plain(v);
    r->kind = is_hash(r->hash) ? BLOCK_REF_HASH : BLOCK_REF_UNCLEAR;
}

/* Go folds U+017F to s and U+212A to k when it looks for a member (encoding/json fold.go). */
static bool is_ascii(struct slice s)
{
    unsigned char all = 0;

    for (size_t i = 0; i < s.n; i++)
        all |= (unsigned char)s.p[i];
    return all < 0x80;
}

/* Members by name, each at most once.  *bad: one is doubled, or a name is nearly one of them, or may be. */
struct wanted {
    struct slice name;
    struct jval *value;
    bool seen;
};

static void members(struct jtok *t, struct wanted *w, size_t n, bool *other, bool *bad)
{
    struct jval key, value;

    jtok_object(t);
    while (jtok_member(t, &key) == 0) {
        struct slice name = plain(&key);
        bool known = false;

        if (jtok_value(t, &value))
            break;
        *bad = *bad || key.escaped || !is_ascii(name);
        for (size_t i = 0; i < n && !known; i++) {
            if (name.n != w[i].name.n || !slice_eq_nocase(name, w[i].name))
                continue;
            known = true;
            *bad = *bad || w[i].seen || !slice_eq(name, w[i].name);
            w[i].seen = true;
            *w[i].value = value;
        }
        *other = *other || !known;
    }
}

/* EIP-1898: {"blockNumber": ..} or {"blockHash": .., "requireCanonical": ..}.  With requireCanonical a reorganisation
 * turns the answer into an error, so that it is not fixed by the hash. */
static void read_1898(struct block_ref *r, struct jtok *t)
{
    struct jval number, hash, canonical;
    struct wanted w[] = {{SLICE("blockNumber"), &number, false},
                         {SLICE("blockHash"), &hash, false},
                         {SLICE("requireCanonical"), &canonical, false}};
    bool other = false, bad = false;

    members(t, w, 3, &other, &bad);
    if (other || bad || w[0].seen == w[1].seen || (w[2].seen && canonical.type != J_FALSE))
        unclear(r);
    else if (w[0].seen)
        set_point(r, &number);
    else
        set_hash(r, &hash);
}

/* A filter: {"fromBlock": .., "toBlock": ..} or {"blockHash": ..}, beside members that do not matter here. */
static void read_filter(struct block_ref *r, struct jtok *t)
{
    struct jval from, to, hash;
    struct wanted w[] = {
        {SLICE("fromBlock"), &from, false}, {SLICE("toBlock"), &to, false}, {SLICE("blockHash"), &hash, false}};
    bool other = false, bad = false;

    members(t, w, 3, &other, &bad);
    r->kind = BLOCK_REF_RANGE;
    r->from_tag = r->tag = TAG_ABSENT;
    if (bad || (w[2].seen && (w[0].seen || w[1].seen))) {
        unclear(r);
    } else if (w[2].seen) {
        set_hash(r, &hash);
    } else {
        if (w[0].seen && from.type != J_NULL && !point(&from, &r->from_tag, &r->from))
            unclear(r);
        if (w[1].seen && to.type != J_NULL && !point(&to, &r->tag, &r->number))
            unclear(r);
    }
}

/* Exactly: ["latest"..  for the first place, [{..},"latest"] and ["..","latest"] for
 * the second.  The first '}' or '"' of the text ends the first element when nothing but the tail follows it. */
bool block_ref_says_latest(const struct method *m, struct slice params)
{
    int ref = m->ref;
    static const char first[] = "[\"latest\"", tail[] = ",\"latest\"]";
    enum { FIRST = sizeof first - 1, TAIL = sizeof tail - 1 };
    const char *p = params.p, *end = p + params.n, *close;

    if (ref == 0)
        return params.n > FIRST && memcmp(p, first, FIRST) == 0;
    if (ref != 1 || params.n < 3 + TAIL || memcmp(end - TAIL, tail, TAIL) != 0 || (p[1] != '{' && p[1] != '"'))
        return false;
    close = memchr(p + 2, p[1] == '{' ? '}' : '"', params.n - 2);
    return close == end - TAIL - 1;
}

static void read_evm(struct block_ref *r, const struct method *m, struct jtok *t)
{
    struct jval v;
    enum jtype type;

    for (int i = 0; jtok_element(t) == 0; i++) {
        if (i < m->ref) {
            jtok_value(t, &v);
            continue;
        }
        jtok_peek(t, &type);
        if (type == J_OBJECT && m->class == CLASS_RANGE) {
            read_filter(r, t);
        } else if (type == J_OBJECT) {
            read_1898(r, t);
        } else if (jtok_value(t, &v) || type == J_NULL) {
            r->kind = BLOCK_REF_MISSING;
        } else if (is_hash(plain(&v)) && m->class != CLASS_RANGE) {
            set_hash(r, &v);
        } else if (m->class == CLASS_RANGE) {
            unclear(r);
        } else {
            set_point(r, &v);
        }
        return;
    }
    r->kind = BLOCK_REF_MISSING;
}

static enum commitment commitment_of(struct slice s)
{
    if (slice_eq(s, SLICE("finalized")))
        return COMMITMENT_FINALIZED;
    if (slice_eq(s, SLICE("confirmed")))
        return COMMITMENT_CONFIRMED;
    return slice_eq(s, SLICE("processed")) ? COMMITMENT_PROCESSED : COMMITMENT_NONE;
}

static void read_config(struct block_ref *r, const struct method *m, struct jtok *t)
{
    struct jval commitment, slot, epoch;
    struct wanted w[] = {{SLICE("commitment"), &commitment, false},
                         {SLICE("minContextSlot"), &slot, false},
                         {SLICE("epoch"), &epoch, false}};
    bool other = false, bad = false;

    members(t, w, 3, &other, &bad);
    if (w[0].seen) {
        r->kind = BLOCK_REF_TAG;
        r->commitment = commitment_of(plain(&commitment));
    }
    if (w[1].seen && slot.type != J_NULL)
        r->has_min_slot = whole(&slot, &r->min_slot);
    if (m->class == CLASS_EPOCH)
        r->kind = w[2].seen && whole(&epoch, &r->number) ? BLOCK_REF_EPOCH : BLOCK_REF_MISSING;
    if (bad || r->commitment == COMMITMENT_NONE || (w[1].seen && slot.type != J_NULL && !r->has_min_slot))
        unclear(r);
}

static void read_solana(struct block_ref *r, const struct method *m, struct jtok *t)
{
    bool config = false, has_slot = false;
    struct jval v;
    enum jtype type;

    r->kind = BLOCK_REF_MISSING;
    r->commitment = m->ref == METHOD_REF_NO ? COMMITMENT_NONE : COMMITMENT_FINALIZED;
    for (int i = 0; jtok_element(t) == 0; i++) {
        jtok_peek(t, &type);
        if (type == J_OBJECT && (i == m->ref || m->ref == METHOD_REF_ANY)) {
            read_config(r, m, t);
            if (config)
                unclear(r);
            config = true;
        } else {
            if (jtok_value(t, &v)) {
                unclear(r);
                break;
            }
            if (i == 0 && m->class == CLASS_SLOT)
                has_slot = whole(&v, &r->number);
            /* In the place of a configuration these take the name of an encoding too. */
            else if (i == m->ref && type != J_NULL &&
                     !(type == J_STRING && (m->class == CLASS_SLOT || m->class == CLASS_BY_TX)))
                unclear(r);
        }
        if (r->kind == BLOCK_REF_UNCLEAR || (m->ref != METHOD_REF_ANY && i >= m->ref))
            break;
    }
    if (m->class == CLASS_SLOT && r->kind != BLOCK_REF_UNCLEAR)
        r->kind = has_slot ? BLOCK_REF_SLOT : BLOCK_REF_UNCLEAR;
    else if (m->class == CLASS_BY_TX && r->kind != BLOCK_REF_UNCLEAR)
        r->kind = BLOCK_REF_NONE;
}

static bool moves(enum block_tag tag)
{
    return tag != TAG_NONE && tag != TAG_EARLIEST;
}

static bool is_head(const struct block_ref *r, const struct method *m)
{
    switch (m->class) {
    case CLASS_HEAD:
    case CLASS_BY_TX: /* null becomes an answer */
    case CLASS_LOCAL:
    case CLASS_UNKNOWN:
        return true;
    default:
        break;
    }
    switch (r->kind) {
    case BLOCK_REF_MISSING:
    case BLOCK_REF_UNCLEAR:
        return true;
    case BLOCK_REF_TAG:
        return moves(r->tag);
    case BLOCK_REF_RANGE:
        return moves(r->tag) || moves(r->from_tag);
    default:
        return false;
    }
}

void block_ref_read(struct block_ref *out, const struct method *m, enum chain_family family, struct slice params)
{
    struct jtok t;

    *out = (struct block_ref){.kind = BLOCK_REF_NONE};
    if (family == CHAIN_EVM && block_ref_says_latest(m, params)) {
        out->kind = m->class == CLASS_RANGE ? BLOCK_REF_UNCLEAR : BLOCK_REF_TAG;
        out->tag = TAG_LATEST;
    } else if (m->ref != METHOD_REF_NO || m->class == CLASS_SLOT) {
        jtok_init(&t, params.n ? params : SLICE("[]"), JTOK_MAX_DEPTH);
        if (jtok_array(&t))
            unclear(out);
        else if (family == CHAIN_SOLANA)
            read_solana(out, m, &t);
        else
            read_evm(out, m, &t);
        if (t.error)
            unclear(out);
    }
    out->head = is_head(out, m);
}
