#include "rpc/broadcast_verdict.h"

enum { PREFLIGHT_FAILED = -32002, DATA_DEPTH = 64 };

static const struct {
    enum chain_family family;
    struct slice words;
    enum broadcast_verdict verdict;
} texts[] = {
#define TEXT(family, words, verdict) {CHAIN_##family, {words, sizeof(words) - 1}, BROADCAST_##verdict},
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

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Both in lower case; no letter before. */
static bool has_words(struct slice text, struct slice words)
{
    const char *end = text.p + text.n, *at = text.p;

    while ((at = memmem(at, (size_t)(end - at), words.p, words.n)) != NULL) {
        if (at == text.p || !is_letter(at[-1]))
            return true;
        at++;
    }
    return false;
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
    enum broadcast_verdict verdict;

    if (family == CHAIN_SOLANA && e->has_code && e->code == PREFLIGHT_FAILED)
        return preflight_verdict(e, &verdict) ? verdict : BROADCAST_REFUSED_FINAL;
    message = error_object_text(e, store);
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (texts[i].family == family && has_words(message, texts[i].words))
            return texts[i].verdict;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (e->has_code && codes[i].family == family && codes[i].code == e->code)
            return codes[i].verdict;
    return BROADCAST_REFUSED_OTHER;
}
