#include "config/config_report.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

const char *config_shown(const char *text, char out[CONFIG_SHOWN_CAP])
{
    enum { MAX_SHOWN = 64, ROOM = 12 };
    size_t n = 0;

    out[n++] = '"';
    for (size_t i = 0; text[i]; i++) {
        unsigned char c = (unsigned char)text[i];

        /* Cut between characters, never inside one: continuation bytes of UTF-8 are 10xxxxxx. */
        if (n + ROOM > CONFIG_SHOWN_CAP || (i >= MAX_SHOWN && (c & 0xc0) != 0x80)) {
            n += (size_t)snprintf(out + n, CONFIG_SHOWN_CAP - n, "...");
            break;
        }
        if (c < 0x20 || c == 0x7f)
            n += (size_t)snprintf(out + n, CONFIG_SHOWN_CAP - n, "\\u%04x", c);
        else if (c == '"' || c == '\\')
            n += (size_t)snprintf(out + n, CONFIG_SHOWN_CAP - n, "\\%c", c);
        else
            out[n++] = (char)c;
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}

static bool is_plain(const char *key)
{
    if (!*key || strlen(key) > 64)
        return false;
    for (; *key; key++)
        if (!isalnum((unsigned char)*key) && !strchr("_-$*", *key))
            return false;
    return true;
}

static void put_path(struct buf *b, const struct config_path *at)
{
    char shown[CONFIG_SHOWN_CAP];

    if (!at)
        return;
    put_path(b, at->up);
    if (!at->key)
        buf_printf(b, "[%zu]", at->item);
    else if (is_plain(at->key))
        buf_printf(b, "%s%s", at->up ? "." : "", at->key);
    else
        buf_printf(b, "[%s]", config_shown(at->key, shown));
}

void config_error(struct config_report *r, const struct config_path *at, const char *fmt, ...)
{
    char reason[1024];
    va_list ap;

    r->errors++;
    if (!r->report)
        return;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    buf_printf(r->report, "%s: ", r->file);
    put_path(r->report, at);
    buf_printf(r->report, "%s%s\n", at ? ": " : "", reason);
}
