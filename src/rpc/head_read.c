#include "rpc/head_read.h"

#include <string.h>

/* How far a member is looked for: blocks of nodes begin with their header fields, but sort them differently. */
enum { LOOK_BYTES = 65536 };

enum head_place head_place_of(bool solana, struct slice name)
{
    static const struct {
        const char *name;
        enum head_place place;
    } evm[] =
        {
            {"eth_blockNumber", HEAD_HEX},
            {"eth_getBlockByNumber", HEAD_BLOCK},
            {"eth_getBlockByHash", HEAD_BLOCK},
            {"eth_getTransactionByHash", HEAD_TRANSACTION},
            {"eth_getTransactionReceipt", HEAD_TRANSACTION},
        },
      svm[] = {
          {"getSlot", HEAD_NUMBER},
          {"getAccountInfo", HEAD_CONTEXT},
          {"getMultipleAccounts", HEAD_CONTEXT},
          {"getBalance", HEAD_CONTEXT},
          {"getLatestBlockhash", HEAD_CONTEXT},
          {"getSignatureStatuses", HEAD_CONTEXT},
          {"getTokenAccountBalance", HEAD_CONTEXT},
          {"getTokenAccountsByOwner", HEAD_CONTEXT},
          {"getTokenAccountsByDelegate", HEAD_CONTEXT},
          {"getTokenSupply", HEAD_CONTEXT},
          {"isBlockhashValid", HEAD_CONTEXT},
          {"getFeeForMessage", HEAD_CONTEXT},
          {"simulateTransaction", HEAD_CONTEXT},
      };

    for (size_t i = 0; !solana && i < sizeof evm / sizeof evm[0]; i++)
        if (slice_eq(name, slice_str(evm[i].name)))
            return evm[i].place;
    for (size_t i = 0; solana && i < sizeof svm / sizeof svm[0]; i++)
        if (slice_eq(name, slice_str(svm[i].name)))
            return svm[i].place;
    return HEAD_NOWHERE;
}

static bool hex(struct slice s, uint64_t *number)
{
    uint64_t n = 0;
    size_t i = 3;

    if (s.n < 4 || memcmp(s.p, "\"0x", 3) != 0)
        return false;
    for (; i < s.n && s.p[i] != '"'; i++) {
        char c = s.p[i];
        unsigned digit = c >= '0' && c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;

        if (digit > 15 || i > 18)
            return false;
        n = n << 4 | digit;
    }
    *number = n;
    return i > 3 && i < s.n;
}

static bool decimal(struct slice s, uint64_t *number)
{
    uint64_t n = 0;
    size_t i = 0;

    for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
        if (i > 18)
            return false;
        n = n * 10 + (uint64_t)(s.p[i] - '0');
    }
    *number = n;
    return i > 0 && (i == s.n || !strchr(".eE", s.p[i])); /* 4e8 is no 4 */
}

/* What stands behind the first `"name":`.  The text is valid JSON; a member of that name deeper inside tells of the
 * same block, or of an older one. */
static struct slice member(struct slice s, const char *quoted_name)
{
    size_t n = strlen(quoted_name);
    const char *at = memmem(s.p, s.n < LOOK_BYTES ? s.n : LOOK_BYTES, quoted_name, n), *end = s.p + s.n;

    if (!at)
        return slice_of(s.p, 0);
    for (at += n; at < end && (*at == ' ' || *at == ':' || *at == '\n' || *at == '\t' || *at == '\r');)
        at++;
    return slice_of(at, (size_t)(end - at));
}

bool head_member(struct slice object, struct slice quoted_name, uint64_t *number)
{
    return hex(member(object, quoted_name.p), number);
}

bool head_member_hash(struct slice block, char digits[64])
{
    struct slice s = member(block, "\"hash\"");

    if (s.n < 68 || memcmp(s.p, "\"0x", 3) != 0 || s.p[67] != '"')
        return false;
    for (size_t i = 0; i < 64; i++) {
        char c = s.p[3 + i];

        digits[i] = (char)(c >= 'A' && c <= 'F' ? c | 0x20 : c);
    }
    return true;
}

bool head_read(enum head_place place, struct slice result, uint64_t *number)
{
    switch (place) {
    case HEAD_NOWHERE:
        return false;
    case HEAD_HEX:
        return hex(result, number);
    case HEAD_NUMBER:
        return decimal(result, number);
    case HEAD_BLOCK:
        return hex(member(result, "\"number\""), number);
    case HEAD_TRANSACTION:
        return hex(member(result, "\"blockNumber\""), number);
    case HEAD_CONTEXT:
        return decimal(member(result, "\"slot\""), number);
    }
    return false;
}
