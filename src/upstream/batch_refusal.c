#include "upstream/batch_refusal.h"

#include "base/phrases.h"
#include "rpc/error_object.h"

enum { TEXT_MAX = 512 }; /* of a message that is looked at */

struct row {
    int64_t code;              /* 0: any */
    struct slice has, and_has; /* both in the message, whatever case */
    enum batch_refusal what;
};

#define T(text)                                                                                                        \
    {                                                                                                                  \
        (text), sizeof(text) - 1                                                                                       \
    }
#define ANY                                                                                                            \
    {                                                                                                                  \
        NULL, 0                                                                                                        \
    }

/* First match wins: what is more telling stands before what is looser. */
static const struct row rows[] = {
    /* Alchemy: "Unsupported methods [trace_block] in batch call"; erigon rpc/server.go: "method M not allowed in a
     * batch request"; Hedera's relay: "Method M is not permitted as part of batch requests". */
    {0, T("unsupported method"), T("batch"), BATCH_REFUSAL_METHOD},
    {0, T("not allowed in a batch"), ANY, BATCH_REFUSAL_METHOD},
    {0, T("not permitted as part of batch"), ANY, BATCH_REFUSAL_METHOD},
    /* geth rpc/errors.go -32003, proxyd -32020 "backend response too large"; jsonrpsee -32011 "The batch response was
     * too large"; nethermind -32005 "MaxBatchResponseBodySize of N bytes exceeded". */
    {0, T("response too large"), ANY, BATCH_REFUSAL_ANSWER},
    {-32011, T("batch"), T("response"), BATCH_REFUSAL_ANSWER},
    {0, T("batch response"), T("too "), BATCH_REFUSAL_ANSWER},
    {0, T("batchresponse"), T("exceed"), BATCH_REFUSAL_ANSWER},
    /* dRPC, free tier, code 31: "Batch of more than 3 requests are not allowed on free tier" in every element. */
    {0, T("batch"), T("more than"), BATCH_REFUSAL_CALLS},
    /* jsonrpsee types/src/error.rs -32005 "Batched requests are not supported by this server"; Hedera's relay -32202
     * "Batch requests are disabled"; many: -32600 "batch requests are not supported". */
    {0, T("batch"), T("not supported"), BATCH_REFUSAL_DISABLED},
    {0, T("batch"), T("unsupported"), BATCH_REFUSAL_DISABLED},
    {0, T("batch"), T("disabled"), BATCH_REFUSAL_DISABLED},
    {0, T("batch"), T("not enabled"), BATCH_REFUSAL_DISABLED},
    {0, T("batch"), T("not allowed"), BATCH_REFUSAL_DISABLED},
    {0, T("batch"), T("must not be an array"), BATCH_REFUSAL_DISABLED},
    /* geth -32600 "batch too large"; jsonrpsee -32010 "The batch request was too large"; erigon "batch limit 100
     * exceeded (can increase by --rpc.batch.limit). Requested batch of size: 142"; nethermind -32005 "Batch size limit
     * exceeded"; besu -32005 "Number of requests in batch exceeds max batch size"; proxyd -32014 "too many RPC calls in
     * batch request"; Hedera's relay -32203 "Batch request amount N exceeds max M". */
    {0, T("batch"), T("too large"), BATCH_REFUSAL_CALLS},
    {0, T("batch"), T("too big"), BATCH_REFUSAL_CALLS},
    {0, T("batch"), T("too many"), BATCH_REFUSAL_CALLS},
    {0, T("batch"), T("exceed"), BATCH_REFUSAL_CALLS},
    {0, T("batch limit"), ANY, BATCH_REFUSAL_CALLS},
    {0, T("batch size"), ANY, BATCH_REFUSAL_CALLS},
    {0, T("batch"), T("maximum"), BATCH_REFUSAL_CALLS},
    /* jsonrpsee -32007 "Request is too big"; web servers' 413 pages. */
    {-32007, T("request"), T("too big"), BATCH_REFUSAL_BYTES},
    {0, T("request too large"), ANY, BATCH_REFUSAL_BYTES},
    {0, T("body too large"), ANY, BATCH_REFUSAL_BYTES},
    {0, T("content length too large"), ANY, BATCH_REFUSAL_BYTES},
    {0, T("payload too large"), ANY, BATCH_REFUSAL_BYTES},
    {0, T("entity too large"), ANY, BATCH_REFUSAL_BYTES},
};

enum { ROWS = sizeof rows / sizeof rows[0] };

/* Rate limits: what each member would have met alone. */
static const struct slice rate_texts[] = {
    T("rate limit"),
    T("ratelimit"),
    T("too many requests"),
    T("too many concurrent requests"),
    T("rate exceeded"),
    T("request limit"),
    T("request count exceeded"),
    T("credits limit"),
    T("requests limited to"),
    T("compute units"),
    T("maximum number of concurrent requests"),
    T("cups limit"),
    T("over capacity"),
    T("capacity limit"),
    T("throttl"),
};

/* Made once before main, constant from then on: of row i the phrases 2i and 2i + 1. */
static struct slice row_texts[ROWS * 2];
static struct phrases row_phrases, rate_phrases;

static __attribute__((constructor)) void make_phrases(void)
{
    for (unsigned i = 0; i < ROWS; i++) {
        row_texts[2 * i] = rows[i].has;
        row_texts[2 * i + 1] = rows[i].and_has;
    }
    phrases_init(&row_phrases, row_texts, ROWS * 2, PHRASES_ANYWHERE);
    phrases_init(&rate_phrases, rate_texts, sizeof rate_texts / sizeof rate_texts[0], PHRASES_ANYWHERE);
}

/* What stands before the number of calls that would be taken. */
static const struct slice limit_words[] = {
    T("batch limit "), T("more than "),          T("max limit of "),      T("limit of "),
    T("limit is "),    T("maximum of "),         T("maximum is "),        T("exceeds max "),
    T("up to "),       T("maximum batch size "), T("max batch size of "), T("max batch size "),
};

/* An error as it stands between its quotes; `data` is where jsonrpsee puts the limit. */
struct words {
    int64_t code;
    struct slice message, data;
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* Where `text` (in lower case) ends in s; NULL: it is not there. */
static const char *after(struct slice s, struct slice text)
{
    if (text.n == 0)
        return s.p;
    for (size_t i = 0; i + text.n <= s.n; i++) {
        size_t k = 0;

        while (k < text.n && lower(s.p[i + k]) == text.p[k])
            k++;
        if (k == text.n)
            return s.p + i + k;
    }
    return NULL;
}

static bool has(struct slice s, struct slice text)
{
    return text.n == 0 || after(s, text) != NULL;
}

static struct slice cut(struct slice s)
{
    return slice_of(s.p, s.n < TEXT_MAX ? s.n : TEXT_MAX);
}

/* What a contract or a program says may read like anything: code 3 (geth's reverted), any text of a revert, and the
 * simulation failures of agave. */
static bool is_execution_code(int64_t code)
{
    return code == 3 || code == -32002;
}

static bool is_execution(int64_t code, struct slice message)
{
    return is_execution_code(code) || has(message, SLICE("revert")) || has(message, SLICE("simulation failed"));
}

/* Is any of them there? */
static bool find(const struct phrases *set, struct slice message, struct phrases_found *found)
{
    char low[TEXT_MAX];
    uint64_t any = 0;

    message = cut(message);
    if (message.n)
        memcpy(low, message.p, message.n);
    phrases_lower(low, message.n);
    phrases_find(set, slice_of(low, message.n), found);
    for (size_t i = 0; i < sizeof found->bits / sizeof found->bits[0]; i++)
        any |= found->bits[i];
    return any != 0;
}

static bool row_fits(unsigned i, int64_t code, const struct phrases_found *found)
{
    return (rows[i].code == 0 || rows[i].code == code) && phrases_has(found, 2 * i) &&
           (rows[i].and_has.n == 0 || phrases_has(found, 2 * i + 1));
}

static enum batch_refusal by_text(int64_t code, struct slice message)
{
    struct phrases_found found;

    message = cut(message);
    if (is_execution_code(code) || !find(&row_phrases, message, &found) || is_execution(code, message))
        return BATCH_REFUSAL_NONE;
    for (unsigned i = 0; i < ROWS; i++)
        if (row_fits(i, code, &found))
            return rows[i].what;
    return BATCH_REFUSAL_NONE;
}

static bool rate_text(struct slice message)
{
    struct phrases_found found;

    return find(&rate_phrases, message, &found);
}

/* Codes that say so whatever the text: Alchemy and Infura 429; TheRPC -32029, Cloudflare -32055, Jito -32097 on any
 * chain; on EVM chains proxyd -32012 (over capacity; QuickNode's credits), -32016 and -32017. */
static bool rate_code(bool evm, int64_t code)
{
    switch (code) {
    case 429:
    case -32029:
    case -32055:
    case -32097:
        return true;
    case -32012:
    case -32016:
    case -32017:
        return evm;
    default:
        return false;
    }
}

enum batch_refusal batch_refusal_of(unsigned status, bool has_error, int64_t code, struct slice message)
{
    enum batch_refusal what = by_text(has_error ? code : 0, message);

    if (what)
        return what;
    if (status == 413)
        return BATCH_REFUSAL_BYTES;
    /* Single calls get through, else there would be no batches to this endpoint. */
    if (status == 405 || status == 415 || status == 501)
        return BATCH_REFUSAL_DISABLED;
    /* About the credential, the moment or the server; a single call would have met it too. */
    if (status == 401 || status == 402 || status == 403 || status == 404 || status == 407 || status == 408 ||
        status == 429 || status >= 500)
        return BATCH_REFUSAL_NONE;
    if (!has_error)
        return BATCH_REFUSAL_UNCLEAR;
    if (rate_code(true, code) || code == -32005 || rate_text(message))
        return BATCH_REFUSAL_NONE;
    /* What we send is valid: it is the array that was not understood. */
    if (code == -32600 || code == -32700)
        return BATCH_REFUSAL_DISABLED;
    /* One unsupported member can turn the whole answer into one object (Infura): which one will show when each is asked
     * alone. */
    if (code == -32601 || code == -32004)
        return BATCH_REFUSAL_METHOD;
    return BATCH_REFUSAL_UNCLEAR;
}

static struct slice unquoted(struct slice raw)
{
    return raw.n >= 2 && raw.p[0] == '"' ? slice_of(raw.p + 1, raw.n - 2) : (struct slice){0};
}

static struct words words_of(struct slice error)
{
    struct error_object e;

    if (!error_object_read(&e, error))
        return (struct words){0};
    return (struct words){e.code, unquoted(e.message.raw), unquoted(e.data)};
}

/* The number of calls it would take; 0: it does not say, or what it says cannot be. */
static size_t limit_in(struct slice text, size_t calls)
{
    text = cut(text);
    for (size_t i = 0; i < sizeof limit_words / sizeof limit_words[0]; i++) {
        const char *p = after(text, limit_words[i]), *end = text.p + text.n;
        size_t n = 0;

        for (; p && p < end && *p >= '0' && *p <= '9' && n < calls; p++)
            n = n * 10 + (size_t)(*p - '0');
        if (n && n < calls)
            return n;
    }
    return 0;
}

/* "eth_call", "getSlot", but not a word of a sentence. */
static bool looks_like_method(struct slice s)
{
    bool inner = false;

    for (size_t i = 1; i < s.n; i++)
        inner = inner || s.p[i] == '_' || (s.p[i] >= 'A' && s.p[i] <= 'Z');
    return inner;
}

/* The names in the message: those in brackets (Alchemy), or the word behind "method". */
static struct slice names_in(struct slice message)
{
    const char *p, *end;

    message = cut(message);
    end = message.p + message.n;
    p = after(message, SLICE("["));
    if (!p)
        p = after(message, SLICE("method "));
    if (!p)
        return (struct slice){0};
    message = slice_of(p, (size_t)(end - p));
    for (size_t i = 0; i < message.n; i++)
        if (message.p[i] == ']' || (message.p[i] == ' ' && (i == 0 || message.p[i - 1] != ',')))
            message.n = i;
    return looks_like_method(message) ? message : (struct slice){0};
}

bool batch_refusal_name(struct slice *names, struct slice *name)
{
    static const char around[] = " ,'\"`\\";
    size_t n = 0;

    while (names->n && memchr(around, names->p[0], sizeof around - 1))
        names->p++, names->n--;
    while (n < names->n && !memchr(around, names->p[n], sizeof around - 1))
        n++;
    *name = slice_of(names->p, n);
    names->p += n;
    names->n -= n;
    return n > 0;
}

static void judge_whole(struct batch_verdict *v, struct batch_answer *a, const struct words *w)
{
    v->whole = true;
    if (v->what == BATCH_REFUSAL_CALLS) {
        v->limit = limit_in(w->message, a->n);
        if (!v->limit)
            v->limit = limit_in(w->data, a->n);
    }
    if (v->what == BATCH_REFUSAL_METHOD)
        v->methods = names_in(w->message);
    batch_answer_void(a);
}

static const struct message_response *error_of(const struct batch_member *m)
{
    return batch_member_answered(m) && m->answer.kind == MESSAGE_ERROR ? &m->answer : NULL;
}

/* An array: refused as a whole by the same words in each element, or cut off from some member on. */
static void judge_array(struct batch_verdict *v, struct batch_answer *a)
{
    const struct message_response *last = error_of(&a->members[a->n - 1]);
    struct words w;
    size_t same = 0;

    if (a->answered == 0) {
        *v = (struct batch_verdict){.what = BATCH_REFUSAL_UNCLEAR, .whole = true};
        return;
    }
    if (!last)
        return;
    w = words_of(last->payload);
    v->what = by_text(w.code, w.message);
    if (!v->what)
        return;
    for (size_t i = 0; i < a->n; i++) {
        const struct message_response *e = error_of(&a->members[i]);

        same += e && slice_eq(e->payload, last->payload);
    }
    if (same == a->n)
        judge_whole(v, a, &w);
    else if (v->what == BATCH_REFUSAL_ANSWER)
        v->limit = a->n - same;
    else
        v->what = BATCH_REFUSAL_NONE; /* a member's own affair */
}

void batch_refusal_judge(struct batch_verdict *v, struct batch_answer *a, enum fail scanned, struct slice body,
                         unsigned status)
{
    struct words w = {0};

    *v = (struct batch_verdict){0};
    if (a->n == 0)
        return;
    if (scanned) {
        /* A page or a plain text; but not what is left of real answers. */
        if (body.n && body.p[0] != '[')
            w.message = body;
        v->what = batch_refusal_of(status, false, 0, w.message);
        if (v->what)
            judge_whole(v, a, &w);
        return;
    }
    if (a->shape == BATCH_ANSWER_ARRAY) {
        judge_array(v, a);
        return;
    }
    if (a->whole.kind == MESSAGE_ERROR)
        w = words_of(a->whole.payload);
    if (a->shape == BATCH_ANSWER_LONE) {
        /* Its member's own error unless it speaks of the batch. */
        v->what = by_text(w.code, w.message);
        if (!v->what && w.code == -32600)
            v->what = BATCH_REFUSAL_DISABLED;
    } else {
        v->what =
            a->whole.kind == MESSAGE_ERROR ? batch_refusal_of(status, true, w.code, w.message) : BATCH_REFUSAL_UNCLEAR;
        if (!v->what)
            v->error = a->whole.payload;
    }
    if (v->what)
        judge_whole(v, a, &w);
}

bool batch_element_retry_alone(enum chain_family family, int64_t code, struct slice message)
{
    bool evm = family == CHAIN_EVM;

    message = cut(message);
    if (rate_code(evm, code))
        return true;
    /* geth rpc/errors.go: what is left of a batch when its time is up. */
    if (evm && code == -32002 && has(message, SLICE("timed out")))
        return true;
    if (is_execution(code, message))
        return false;
    if (by_text(code, message))
        return true;
    /* Verdicts of agave that say the same wherever they are asked (custom_error.rs, JSON-RPC 2.0). */
    if (!evm && (code == -32003 || code == -32006 || code == -32013 || code == -32015 || code == -32602))
        return false;
    /* Infura, erigon, nethermind: limit exceeded; but a range of logs that is too wide stays so. */
    if (evm && code == -32005)
        return !has(message, SLICE("range")) && !has(message, SLICE("more than")) && !has(message, SLICE("results"));
    return rate_text(message);
}

bool batch_error_retry_alone(enum chain_family family, struct slice error)
{
    struct words w = words_of(error);

    return batch_element_retry_alone(family, w.code, w.message);
}
