#include "rpc/classify.h"

#include "base/phrases.h"
#include "rpc/broadcast_verdict.h"

enum { FAMILY_EVM = CHAIN_EVM, FAMILY_SOLANA = CHAIN_SOLANA, FAMILY_ANY };
enum row_kind { ROW_TEXT, ROW_TRACE, ROW_LIMIT, ROW_CODES, ROW_STATUS, ROW_PAGE };
enum { PARSE_ERROR = -32700, INVALID_REQUEST = -32600, INVALID_PARAMS = -32602 };

static const struct answer_meaning meanings[ANSWER_CLASSES] = {
#define CLASS(id, elsewhere, again, harm, park, learn, refused, rank, text)                                            \
    [ANSWER_##id] = {#id, ELSEWHERE_##elsewhere, again, HARM_##harm, PARK_##park, LEARN_##learn, refused, rank, text},
#include "rpc/classify.def"
};

/* What a row asks but its words, which are in `words` at twice its place, and behind that. */
static const struct row {
    uint8_t family, kind, class;
    bool also;
    int first, last;
} rows[] = {
#define WORDED(family, kind, also, class)         {FAMILY_##family, ROW_##kind, ANSWER_##class, sizeof(also) > 1, 0, 0},
#define TEXT(family, words, also, class, source)  WORDED(family, TEXT, also, class)
#define TRACE(family, words, also, class, source) WORDED(family, TRACE, also, class)
#define LIMIT(family, words, also, class, source) WORDED(family, LIMIT, also, class)
#define CODES(family, first, last, class, source) {FAMILY_##family, ROW_CODES, ANSWER_##class, false, first, last},
#define STATUS(first, last, class, source)        {FAMILY_ANY, ROW_STATUS, ANSWER_##class, false, first, last},
#define PAGE(first, last, class, source)          {FAMILY_ANY, ROW_PAGE, ANSWER_##class, false, first, last},
#include "rpc/classify.def"
};

enum { ROWS = sizeof rows / sizeof rows[0] };
_Static_assert(ROWS * 2 <= PHRASES_MAX, "more phrases than a set holds");
_Static_assert((int)ROWS < (int)CLASSIFY_BY_VERDICT, "rows are told apart from rules");

static const struct slice words[ROWS * 2] = {
#define PAIR(a, b)                                {(a), sizeof(a) - 1}, {(b), sizeof(b) - 1},
#define TEXT(family, words, also, class, source)  PAIR(words, also)
#define TRACE(family, words, also, class, source) PAIR(words, also)
#define LIMIT(family, words, also, class, source) PAIR(words, also)
#define CODES(family, first, last, class, source) PAIR("", "")
#define STATUS(first, last, class, source)        PAIR("", "")
#define PAGE(first, last, class, source)          PAIR("", "")
#include "rpc/classify.def"
};

/* Made once before main: the words are constant, and every worker reads the same set. */
static struct phrases phrases;
static char names[ANSWER_CLASSES][32];
static struct answer_meaning named[ANSWER_CLASSES];

static __attribute__((constructor)) void make_tables(void)
{
    phrases_init(&phrases, words, ROWS * 2, PHRASES_AT_WORDS);
    for (unsigned i = 0; i < ANSWER_CLASSES; i++) {
        size_t n = strlen(meanings[i].name);

        memcpy(names[i], meanings[i].name, n < sizeof names[i] ? n : sizeof names[i] - 1);
        phrases_lower(names[i], n);
        named[i] = meanings[i];
        named[i].name = names[i];
    }
}

const struct answer_meaning *answer_meaning(enum answer_class c)
{
    return &named[c];
}

enum answer_class answer_class_named(struct slice name)
{
    for (unsigned i = 0; i < ANSWER_CLASSES; i++)
        if (slice_eq(name, slice_str(names[i])))
            return (enum answer_class)i;
    return ANSWER_CLASSES;
}

unsigned classify_rows(void)
{
    return ROWS;
}

/* What is looked at. */
struct look {
    enum chain_family family;
    unsigned status;
    bool error;    /* there is a JSON-RPC error */
    bool has_code; /* with this code */
    bool quotes;   /* it may quote what the client sent */
    bool trace;
    int64_t code;
    struct slice text;
};

static bool is_trace(const struct method *m)
{
    struct slice name = slice_str(m->name);

    return slice_starts(name, SLICE("debug_")) || slice_starts(name, SLICE("trace_")) ||
           slice_starts(name, SLICE("arbtrace_"));
}

static bool rule_fits(const struct classify_rule *r, const struct look *l)
{
    return (r->any_family || r->family == l->family) && (r->status == 0 || r->status == l->status) &&
           (r->code == 0 || (l->has_code && r->code == l->code)) &&
           (r->text.n == 0 || (l->text.n && memmem(l->text.p, l->text.n, r->text.p, r->text.n)));
}

static bool by_rule(const struct classify_conf *conf, const struct look *l, struct classified *out)
{
    for (size_t i = 0; conf && i < conf->n; i++)
        if (rule_fits(&conf->rules[i], l)) {
            *out = (struct classified){conf->rules[i].class, CLASSIFY_BY_RULE + (unsigned)i};
            return true;
        }
    return false;
}

static bool in(const struct row *r, int64_t v)
{
    return v >= r->first && v <= r->last;
}

static bool row_fits(unsigned i, const struct look *l, const struct phrases_found *found)
{
    const struct row *r = &rows[i];

    if (r->family != FAMILY_ANY && r->family != l->family)
        return false;
    switch ((enum row_kind)r->kind) {
    case ROW_CODES:
        return l->has_code && in(r, l->code);
    case ROW_STATUS:
        return in(r, l->status);
    case ROW_PAGE:
        return !l->error && in(r, l->status);
    case ROW_TRACE:
        if (!l->trace)
            return false;
        break;
    case ROW_LIMIT:
        if (l->quotes)
            return false;
        break;
    case ROW_TEXT:
        break;
    }
    return (l->error || r->kind == ROW_LIMIT) && phrases_has(found, 2 * i) &&
           (!r->also || phrases_has(found, 2 * i + 1));
}

static struct classified by_row(const struct look *l, enum answer_class otherwise)
{
    struct phrases_found found;

    phrases_find(&phrases, l->text, &found);
    for (unsigned i = 0; i < ROWS; i++)
        if (row_fits(i, l, &found))
            return (struct classified){(enum answer_class)rows[i].class, i + 1};
    return (struct classified){otherwise, 0};
}

/* The verdict of a node on the transaction itself; not of what stands before it. */
static bool by_verdict(const struct look *l, const struct error_object *e, struct classified *out)
{
    switch (l->status) {
    case 401:
    case 402:
    case 403:
    case 429:
        return false;
    default:
        break;
    }
    if (broadcast_judge(l->family, e) > BROADCAST_STALE_BLOCKHASH)
        return false;
    *out = (struct classified){ANSWER_DETERMINISTIC, CLASSIFY_BY_VERDICT};
    return true;
}

struct classified classify_error(const struct classify_conf *conf, enum chain_family family, const struct method *m,
                                 unsigned status, const struct error_object *e)
{
    char store[ERROR_OBJECT_TEXT_CAP];
    struct look l = {.family = family,
                     .status = status,
                     .error = true,
                     .has_code = e->has_code,
                     .code = e->code,
                     .trace = is_trace(m),
                     .text = error_object_words(e, store)};
    struct classified c;

    l.quotes = e->has_code && status < 400 &&
               (e->code == PARSE_ERROR || e->code == INVALID_REQUEST || e->code == INVALID_PARAMS);
    if (by_rule(conf, &l, &c))
        return c;
    if (m->kind == METHOD_WRITE && by_verdict(&l, e, &c))
        return c;
    return by_row(&l, ANSWER_AMBIGUOUS);
}

static enum answer_class class_of(enum fail f)
{
    switch (f) {
    case FAIL_NONE:
        return ANSWER_OK;
    case FAIL_UPSTREAM_TIMEOUT:
        return ANSWER_TIMEOUT;
    case FAIL_UPSTREAM_DNS:
    case FAIL_UPSTREAM_CONNECT:
    case FAIL_UPSTREAM_PROXY:
    case FAIL_UPSTREAM_TLS:
        return ANSWER_UNREACHED;
    case FAIL_UPSTREAM_RESET:
    case FAIL_UPSTREAM_TRUNCATED:
    case FAIL_UPSTREAM_BAD_HTTP:
    case FAIL_UPSTREAM_CODING:
    case FAIL_UPSTREAM_HTTP_STATUS:
    case FAIL_UPSTREAM_NOT_JSON:
    case FAIL_UPSTREAM_NOT_RPC:
    case FAIL_UPSTREAM_NO_ID:
    case FAIL_UPSTREAM_WRONG_ID:
    case FAIL_UPSTREAM_NO_RESULT:
        return ANSWER_TRANSPORT;
    case FAIL_UPSTREAM_WRONG_HASH:
        return ANSWER_SERVER_FAULT;
    default:
        /* Ours. UPSTREAM_TOO_LARGE too: another endpoint's answer would be as large. */
        return fail_get(f)->retry ? ANSWER_LOCAL : ANSWER_DETERMINISTIC;
    }
}

struct classified classify_failure(const struct classify_conf *conf, enum chain_family family, enum fail fail,
                                   unsigned status, struct slice body)
{
    char store[ERROR_OBJECT_TEXT_CAP];
    struct look l = {.family = family, .status = status};
    struct classified c = {class_of(fail), 0};
    size_t n = body.n < sizeof store ? body.n : sizeof store;

    if (status == 0 || c.class != ANSWER_TRANSPORT)
        return c;
    if (n)
        memcpy(store, body.p, n);
    phrases_lower(store, n);
    l.text = slice_of(store, n);
    return by_rule(conf, &l, &c) ? c : by_row(&l, ANSWER_TRANSPORT);
}
