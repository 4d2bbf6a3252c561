#include "rpc/broadcast_verdict.h"

#include "base/phrases.h"

enum { PREFLIGHT_FAILED = -32002, DATA_DEPTH = 64 };

static const struct {
    enum chain_family family;
    enum broadcast_verdict verdict;
} texts[] = {
#define TEXT(family, words, verdict) {CHAIN_##family, BROADCAST_##verdict},
#define CODE(family, code, verdict)
#include "rpc/broadcast_verdict.def"
#undef TEXT
#undef CODE
};

enum { TEXTS = sizeof texts / sizeof texts[0] };

static const struct slice words_of[TEXTS] = {
#define TEXT(family, words, verdict) {words, sizeof(words) - 1},
#define CODE(family, code, verdict)
#include "rpc/broadcast_verdict.def"
#undef TEXT
#undef CODE
};

static const struct {
    enum chain_family family;
    int64_t code;
    enum broadcast_verdict verdict;
} codes[] = {
#define TEXT(family, words, verdict)
#define CODE(family, code, verdict) {CHAIN_##family, code, BROADCAST_##verdict},
#include "rpc/broadcast_verdict.def"
#undef TEXT
#undef CODE
};

/* Made once before main, constant from then on. */
static struct phrases phrases;

static __attribute__((constructor)) void make_phrases(void)
{
    phrases_init(&phrases, words_of, TEXTS, PHRASES_AT_WORDS);
}

static bool has_words(struct slice text, struct slice words)
{
    return memmem(text.p, text.n, words.p, words.n) != NULL;
}

/* What the simulation of a preflight said (solana-transaction-error): the string that is data.err. An err of another
 * form is a fault of the transaction; logs are the programs' own words and say nothing. */
static bool preflight_verdict(const struct error_object *e, enum broadcast_verdict *verdict)
{
    static const char known_text[] = "this transaction has already been processed";
    static const char stale_text[] = "blockhash not found";
    char text[ERROR_OBJECT_TEXT_CAP];
    struct jtok t;
    struct jval key, v, err = {0};
    int r;

    jtok_init(&t, e->data, DATA_DEPTH);
    r = jtok_object(&t);
    while (r == 0 && (r = jtok_member(&t, &key)) == 0) {
        r = jtok_value(&t, &v);
        if (r == 0 && jtok_text_eq(&key, SLICE("err")))
            err = v;
    }
    if (r == JTOK_END && err.raw.n && err.type != J_NULL) {
        if (jtok_text_eq(&err, SLICE("AlreadyProcessed")))
            *verdict = BROADCAST_ALREADY_KNOWN;
        else if (jtok_text_eq(&err, SLICE("BlockhashNotFound")))
            *verdict = BROADCAST_STALE_BLOCKHASH;
        else
            return false;
        return true;
    }
    /* A proxy left the data out: agave puts the error's text behind "Transaction simulation failed: ". */
    if (e->data.n == 0) {
        struct slice message = error_object_text(e, text);

        if (has_words(message, SLICE(known_text)))
            *verdict = BROADCAST_ALREADY_KNOWN;
        else if (has_words(message, SLICE(stale_text)))
            *verdict = BROADCAST_STALE_BLOCKHASH;
        else
            return false;
        return true;
    }
    return false;
}

enum broadcast_verdict broadcast_judge(enum chain_family family, const struct error_object *e)
{
    char store[ERROR_OBJECT_TEXT_CAP];
    struct slice message;
    struct phrases_found found;
    enum broadcast_verdict verdict;

    if (family == CHAIN_SOLANA && e->has_code && e->code == PREFLIGHT_FAILED)
        return preflight_verdict(e, &verdict) ? verdict : BROADCAST_REFUSED_FINAL;
    message = error_object_text(e, store);
    phrases_find(&phrases, message, &found);
    for (unsigned i = 0; i < TEXTS; i++)
        if (texts[i].family == family && phrases_has(&found, i))
            return texts[i].verdict;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (e->has_code && codes[i].family == family && codes[i].code == e->code)
            return codes[i].verdict;
    return BROADCAST_REFUSED_OTHER;
}
