#include "upstream/credential.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "upstream/jwt.h"

int credential_token(struct slice printed, struct slice *token)
{
    while (printed.n && strchr(" \t\r\n", printed.p[printed.n - 1]) && printed.p[printed.n - 1])
        printed.n--;
    while (printed.n && strchr(" \t\r\n", *printed.p) && *printed.p)
        printed = slice_of(printed.p + 1, printed.n - 1);
    if (printed.n == 0)
        return CREDENTIAL_EMPTY;
    if (printed.n > CREDENTIAL_MAX_TOKEN)
        return CREDENTIAL_TOO_LONG;
    for (size_t i = 0; i < printed.n; i++)
        if (printed.p[i] <= ' ' || printed.p[i] > '~') /* char may be signed: bytes past ASCII are below */
            return CREDENTIAL_BAD_BYTE;
    *token = printed;
    return 0;
}

const char *credential_reason(int bad)
{
    switch (bad) {
    case CREDENTIAL_EMPTY:
        return "holds no token";
    case CREDENTIAL_TOO_LONG:
        return "the token is too long";
    case CREDENTIAL_BAD_BYTE:
        return "the token holds a space, a line break, or a byte that is not visible ASCII";
    case CREDENTIAL_EXPIRED:
        return "the token has expired";
    default:
        return "";
    }
}

void credential_init(struct credential *c, bool periodic)
{
    *c = (struct credential){.exp_s = INT64_MAX, .periodic = periodic};
}

static void forget(struct credential *c)
{
    if (c->token)
        explicit_bzero(c->token, c->token_n);
    free(c->token);
    c->token = NULL;
    c->token_n = 0;
}

void credential_deinit(struct credential *c)
{
    forget(c);
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void credential_failed(struct credential *c, uint64_t now_ms)
{
    unsigned doublings = c->failures < 10 ? c->failures : 10;

    c->failures++;
    c->due_ms = now_ms + least((uint64_t)CREDENTIAL_FIRST_RETRY_MS << doublings, CREDENTIAL_MAX_RETRY_MS);
}

static bool expired(int64_t exp_s, int64_t now_s)
{
    return exp_s != INT64_MAX && now_s >= exp_s + CREDENTIAL_LEEWAY_S;
}

/* Minutes before the token expires; then again and again, each time after half of what is left. */
static void plan(struct credential *c, uint64_t now_ms, int64_t now_s)
{
    uint64_t wait_ms;
    int64_t left_s;

    if (c->exp_s == INT64_MAX) {
        c->due_ms = c->periodic ? now_ms + CREDENTIAL_PERIOD_MS : UINT64_MAX;
        return;
    }
    left_s = c->exp_s > now_s ? c->exp_s - now_s : 0;
    wait_ms = (uint64_t)(left_s > 2 * CREDENTIAL_EARLY_S ? left_s - CREDENTIAL_EARLY_S : left_s / 2) * 1000;
    wait_ms = least(wait_ms, CREDENTIAL_MAX_PERIOD_MS);
    c->due_ms = now_ms + (wait_ms > 1000 ? wait_ms : 1000);
}

int credential_take(struct credential *c, struct slice printed, uint64_t now_ms, int64_t now_s)
{
    int64_t exp_s = INT64_MAX;
    struct slice token;
    int r = credential_token(printed, &token);

    if (r == 0 && jwt_exp(token, &exp_s) && expired(exp_s, now_s))
        r = CREDENTIAL_EXPIRED;
    if (r) {
        credential_failed(c, now_ms);
        return r;
    }
    c->failures = 0;
    if (c->token && slice_eq(slice_of(c->token, c->token_n), token)) {
        plan(c, now_ms, now_s);
        return CREDENTIAL_SAME;
    }
    forget(c);
    c->token = mem_zero(token.n + 1);
    memcpy(c->token, token.p, token.n);
    c->token_n = token.n;
    c->exp_s = exp_s;
    c->generation++;
    plan(c, now_ms, now_s);
    return CREDENTIAL_NEW;
}

bool credential_holds(const struct credential *c, int64_t now_s)
{
    return c->token && !expired(c->exp_s, now_s);
}

bool credential_refused(struct credential *c, uint64_t now_ms)
{
    if (now_ms < c->refused_ms)
        return false;
    c->refused_ms = now_ms + CREDENTIAL_REFUSED_MS;
    return true;
}
