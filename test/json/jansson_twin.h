/* jansson_twin.h - what jansson says about a document, where its word can be held against the scanner's. */
#ifndef MILLRACE_TEST_JSON_JANSSON_TWIN_H
#define MILLRACE_TEST_JSON_JANSSON_TWIN_H

#include <jansson.h>

#include "base/slice.h"

enum twin {
    TWIN_GOOD,
    TWIN_BAD,
    TWIN_UNABLE /* jansson refused what it cannot hold: huge numbers, NUL in names, lone surrogates, great depth */
};

static inline bool twin_has_surrogate_escape(struct slice s)
{
    for (size_t i = 0; i + 2 < s.n; i++)
        if (s.p[i] == '\\' && s.p[i + 1] == 'u' && (s.p[i + 2] | 0x20) == 'd')
            return true;
    return false;
}

/* *out is set when the document is good; json_decref it. */
static inline enum twin twin_load(struct slice text, json_t **out)
{
    json_error_t error;

    *out = NULL;
    /* No JSON text holds a NUL byte, but jansson 2.14 overlooks one that follows a number or a word. */
    if (memchr(text.p, '\0', text.n))
        return TWIN_BAD;
    *out = json_loadb(text.p, text.n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
    if (*out)
        return TWIN_GOOD;
    switch (json_error_code(&error)) {
    case json_error_numeric_overflow:
    case json_error_null_byte_in_key:
    case json_error_null_character:
    case json_error_stack_overflow:
    case json_error_out_of_memory:
        return TWIN_UNABLE;
    default:
        return twin_has_surrogate_escape(text) ? TWIN_UNABLE : TWIN_BAD;
    }
}

#endif
