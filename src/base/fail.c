#include "base/fail.h"

#include <assert.h>
#include <stddef.h>

static const struct fail_row rows[] = {
    [FAIL_NONE] = {"none", 200, 0, 0, false, ""},
#define FAIL(name, http, evm, solana, retry, text) [FAIL_##name] = {#name, http, evm, solana, retry, text},
#include "base/fail.def"
#undef FAIL
};

const struct fail_row *fail_get(enum fail f)
{
    assert((size_t)f < sizeof rows / sizeof rows[0]);
    return &rows[f];
}
