#include "rpc/message.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/plant.h"

void message_body_init(struct message_body *b)
{
    *b = (struct message_body){0};
}

void message_body_deinit(struct message_body *b)
{
    free(b->requests);
    message_body_init(b);
}

enum member { MEMBER_JSONRPC, MEMBER_ID, MEMBER_METHOD, MEMBER_PARAMS, MEMBER_RESULT, MEMBER_ERROR, MEMBER_OTHER };

/* Which member a key names.  By length first: the keys of a well-formed message differ in it, or in their first letter.
 */
static enum member member_of(const struct jval *key)
{
    static const char *const names[] = {
        [MEMBER_JSONRPC] = "jsonrpc", [MEMBER_ID] = "id",         [MEMBER_METHOD] = "method",
        [MEMBER_PARAMS] = "params",   [MEMBER_RESULT] = "result", [MEMBER_ERROR] = "error",
    };

    if (!key->escaped) {
        const char *p = key->raw.p + 1;

        switch (key->raw.n - 2) {
        case 2:
            return memcmp(p, "id", 2) == 0 ? MEMBER_ID : MEMBER_OTHER;
        case 5:
            return memcmp(p, "error", 5) == 0 ? MEMBER_ERROR : MEMBER_OTHER;
        case 6:
            if (*p == 'm')
                return memcmp(p, "method", 6) == 0 ? MEMBER_METHOD : MEMBER_OTHER;
            if (*p == 'p')
                return memcmp(p, "params", 6) == 0 ? MEMBER_PARAMS : MEMBER_OTHER;
            return memcmp(p, "result", 6) == 0 ? MEMBER_RESULT : MEMBER_OTHER;
        case 7:
            return memcmp(p, "jsonrpc", 7) == 0 ? MEMBER_JSONRPC : MEMBER_OTHER;
        default:
            return MEMBER_OTHER;
        }
    }
    for (unsigned i = 0; i < MEMBER_OTHER; i++)
        if (jtok_text_eq(key, slice_str(names[i])))
            return (enum member)i;
    return MEMBER_OTHER;
}

/* `word` comes next in t, and is passed. */
#define PASS(t, word) pass(t, word, sizeof(word) - 1)
static inline bool pass(struct jtok *t, const char *word, size_t n)
{
    if ((size_t)(t->end - t->p) < n || memcmp(t->p, word, n) != 0)
        return false;
    t->p += n;
    return true;
}

/* One element of a body: 0, or JTOK_BAD when the text itself is broken.  An invalid request is not an error here. */
static int request_scan(struct jtok *t, enum jtype type, struct message_request *q)
{
    struct jval key, v, id = {0};
    unsigned seen = 0;
    const char *invalid = NULL;
    int r;

    *q = (struct message_request){0};
    if (type != J_OBJECT) {
        q->invalid = "a request must be an object";
        return jtok_value(t, &v);
    }
    r = jtok_object(t);
    if (r)
        return r;
    while ((r = jtok_member(t, &key)) == 0) {
        enum member m = member_of(&key);

        r = jtok_value(t, &v);
        if (r)
            return r;
        if (m == MEMBER_OTHER)
            continue;
        if (seen & 1u << m)
            invalid = m == MEMBER_ID ? "duplicate member id" : "duplicate member";
        seen |= 1u << m;
        switch (m) {
        case MEMBER_JSONRPC:
            if (v.type != J_STRING || !jtok_text_eq(&v, SLICE("2.0")))
                invalid = "jsonrpc must be \"2.0\"";
            break;
        case MEMBER_ID:
            id = v;
            break;
        case MEMBER_METHOD:
            q->method = v;
            if (v.type != J_STRING)
                invalid = "method must be a string";
            break;
        case MEMBER_PARAMS:
            if (v.type == J_ARRAY || v.type == J_OBJECT)
                q->params = v.raw;
            else if (v.type != J_NULL)
                invalid = "params must be an array or an object";
            break;
        default: /* result, error: not a request's; dropped like any unknown member */
            break;
        }
    }
    if (r != JTOK_END)
        return r;

    if (!(seen & 1u << MEMBER_METHOD))
        invalid = invalid ? invalid : "method is missing";
    if (!(seen & 1u << MEMBER_JSONRPC))
        invalid = invalid ? invalid : "jsonrpc is missing";
    if (seen & 1u << MEMBER_ID) {
        if (id.type == J_STRING || id.type == J_NUMBER || id.type == J_NULL)
            q->id = id.raw;
        else
            invalid = "id must be a string, a number or null";
    }
    /* Which of two ids was meant cannot be known. */
    if (invalid && strcmp(invalid, "duplicate member id") == 0)
        q->id = (struct slice){0};
    q->invalid = invalid;
    q->notification = !invalid && !(seen & 1u << MEMBER_ID) && !planted(PLANT_NOTIFICATION_ANSWERED);
    return 0;
}

/* A member of the short way: eight bytes that tell it from the others. */
static inline uint64_t word_of(const char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof w);
    return w;
}

enum { REQUEST_USUAL, REQUEST_UNUSUAL, REQUEST_BAD };

/* What nearly every request is, in compact JSON and in any order: jsonrpc "2.0", method a string, params a container,
 * id a number or a string; each once at most, nothing else.  UNUSUAL: it takes a closer look; t must be put back then.
 */
static int usual_request(struct jtok *t, struct message_request *q)
{
    enum { JSONRPC = 1, ID = 2, METHOD = 4, PARAMS = 8 };
    unsigned seen = 0, m;
    struct jval id = {0}, params = {0};

    if (jtok_object(t))
        return REQUEST_BAD;
    do {
        ptrdiff_t left = t->end - t->p;
        uint64_t word = left >= 10 ? word_of(t->p) : 0;
        int r = 0;

        if (word == word_of("\"jsonrpc")) {
            m = JSONRPC;
            if (!PASS(t, "\"jsonrpc\":\"2.0\""))
                return REQUEST_UNUSUAL;
        } else if (word == word_of("\"method\"")) {
            m = METHOD;
            if (t->p[8] != ':' || t->p[9] != '"')
                return REQUEST_UNUSUAL;
            t->p += 9;
            r = jtok_value(t, &q->method);
        } else if (word == word_of("\"params\"")) {
            m = PARAMS;
            if (t->p[8] != ':' || (t->p[9] != '[' && t->p[9] != '{'))
                return REQUEST_UNUSUAL;
            t->p += 9;
            r = jtok_value(t, &params);
        } else if (left >= 6 && memcmp(t->p, "\"id\":", 5) == 0 &&
                   (t->p[5] == '"' || (unsigned char)(t->p[5] - '0') < 10)) {
            const char *p = t->p += 5;

            m = ID;
            while (p < t->end && (unsigned char)(*p - '0') < 10)
                p++;
            if (p > t->p && p < t->end && *t->p != '0' && (*p == ',' || *p == '}')) {
                id.raw = slice_of(t->p, (size_t)(p - t->p));
                t->p = p;
            } else {
                r = jtok_value(t, &id);
            }
        } else {
            return REQUEST_UNUSUAL;
        }
        if (r)
            return REQUEST_BAD;
        if (seen & m)
            return REQUEST_UNUSUAL;
        seen |= m;
    } while (PASS(t, ","));
    if (!PASS(t, "}") || (seen & (JSONRPC | METHOD)) != (JSONRPC | METHOD))
        return REQUEST_UNUSUAL;
    t->depth--;
    t->first = false;
    q->id = id.raw;
    q->params = params.raw;
    q->invalid = NULL;
    q->notification = !(seen & ID) && !planted(PLANT_NOTIFICATION_ANSWERED);
    return REQUEST_USUAL;
}

static int body_add(struct message_body *b, struct jtok *t, enum jtype type)
{
    struct message_request *q;
    struct jtok before = *t;

    if (b->n == b->cap) {
        b->cap = b->cap ? b->cap * 2 : 16;
        b->requests = mem_grow(b->requests, b->cap * sizeof *b->requests);
    }
    q = &b->requests[b->n++];
    if (type == J_OBJECT) {
        int r = usual_request(t, q);

        if (r != REQUEST_UNUSUAL)
            return r == REQUEST_USUAL ? 0 : JTOK_BAD;
        *t = before;
    }
    return request_scan(t, type, q);
}

void message_body_scan(struct message_body *b, struct slice text, unsigned max_calls, unsigned max_depth)
{
    struct jtok t;
    enum jtype type;
    int r;

    b->n = 0;
    b->fail = FAIL_NONE;
    b->array = false;
    jtok_init(&t, text, max_depth);
    r = jtok_peek(&t, &type);
    if (r == 0 && type != J_ARRAY) {
        r = body_add(b, &t, type);
    } else if (r == 0) {
        b->array = true;
        r = jtok_array(&t);
        while (r == 0 && (r = jtok_element(&t)) == 0) {
            if (b->n == max_calls) {
                b->fail = FAIL_BATCH_TOO_LARGE;
                return;
            }
            r = jtok_peek(&t, &type);
            if (r == 0)
                r = body_add(b, &t, type);
        }
        if (r == JTOK_END) {
            r = 0;
            if (b->n == 0)
                b->fail = FAIL_EMPTY_BATCH;
        }
    }
    if (r == 0)
        r = jtok_finish(&t);
    if (r) {
        b->fail = FAIL_PARSE_ERROR;
        b->why = t.error;
        b->at = t.at;
    }
}

/* Our ids are integers; "7" is taken for 7. */
static bool id_number(const struct jval *v, uint64_t *out)
{
    struct slice s = v->raw;
    uint64_t n = 0;

    if (v->type == J_STRING && !v->escaped)
        s = slice_of(s.p + 1, s.n - 2);
    else if (v->type != J_NUMBER)
        return false;
    if (s.n == 0 || s.n > 19)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(s.p[i] - '0');
    }
    *out = n;
    return true;
}

int message_response_take(struct jtok *t, struct message_response *m, enum fail *fail)
{
    struct jval key, v, result = {0}, error = {0};
    enum jtype type;
    unsigned seen = 0;
    bool doubled = false;
    int r;

    *m = (struct message_response){0};
    *fail = FAIL_UPSTREAM_NOT_RPC;
    r = jtok_peek(t, &type);
    if (r == 0 && type != J_OBJECT)
        return jtok_value(t, &v);
    if (r == 0)
        r = jtok_object(t);
    if (r)
        return r;
    while ((r = jtok_member(t, &key)) == 0) {
        enum member mem = member_of(&key);

        r = jtok_value(t, &v);
        if (r)
            return r;
        if (mem == MEMBER_OTHER)
            continue;
        doubled |= (seen & 1u << mem) != 0;
        seen |= 1u << mem;
        if (mem == MEMBER_ID) {
            m->id_null = v.type == J_NULL;
            m->id_known = id_number(&v, &m->id);
        } else if (mem == MEMBER_RESULT) {
            result = v;
        } else if (mem == MEMBER_ERROR) {
            error = v;
        }
    }
    if (r != JTOK_END)
        return r;
    if (doubled)
        return 0;
    /* JSON-RPC 1.0 servers send both, one of them null: an error that is not null decides. */
    if (error.raw.n && error.type != J_NULL) {
        m->kind = MESSAGE_ERROR;
        m->payload = error.raw;
    } else if (result.raw.n) {
        m->kind = MESSAGE_RESULT;
        m->payload = result.raw;
    } else {
        if (seen & (1u << MEMBER_ID | 1u << MEMBER_JSONRPC))
            *fail = FAIL_UPSTREAM_NO_RESULT;
        return 0;
    }
    *fail = seen & 1u << MEMBER_ID ? FAIL_NONE : FAIL_UPSTREAM_NO_ID;
    return 0;
}

static inline bool pass_id(struct jtok *t, uint64_t *out)
{
    const char *p = t->p;
    uint64_t n = 0;

    while (p < t->end && (unsigned char)(*p - '0') < 10 && p - t->p < 19)
        n = n * 10 + (uint64_t)(*p++ - '0');
    if (p == t->p || (*t->p == '0' && p - t->p > 1))
        return false;
    t->p = p;
    *out = n;
    return true;
}

/* What nearly every answer is, to the byte, but for the id and the result: geth, reth and Erigon put the id first,
 * agave and Nethermind the result.  false: it takes a closer look to know what it is. */
static bool is_usual_result(struct message_response *m, struct slice text, unsigned max_depth)
{
    struct jtok t;
    struct jval v;

    jtok_init(&t, text, max_depth);
    if (!t.max_depth || !PASS(&t, "{\"jsonrpc\":\"2.0\",\""))
        return false;
    t.depth = 1;
    if (PASS(&t, "id\":")) {
        if (!pass_id(&t, &m->id) || !PASS(&t, ",\"result\":") || jtok_value(&t, &v) || !PASS(&t, "}"))
            return false;
    } else if (!PASS(&t, "result\":") || jtok_value(&t, &v) || !PASS(&t, ",\"id\":") || !pass_id(&t, &m->id) ||
               !PASS(&t, "}")) {
        return false;
    }
    t.depth = 0;
    m->kind = MESSAGE_RESULT;
    m->payload = v.raw;
    m->id_null = false;
    m->id_known = true;
    return jtok_finish(&t) == 0;
}

enum fail message_response_scan(struct message_response *m, struct slice text, unsigned max_depth)
{
    struct jtok t;
    enum fail fail;

    if (is_usual_result(m, text, max_depth))
        return FAIL_NONE;
    jtok_init(&t, text, max_depth);
    if (message_response_take(&t, m, &fail) || jtok_finish(&t))
        return FAIL_UPSTREAM_NOT_JSON;
    return fail;
}
