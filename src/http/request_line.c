#include "http/request_line.h"

#include "http/field.h"

/* 0, or the status that refuses it. */
static unsigned read_version(struct request_line *r, struct slice version)
{
    if (version.n == 8 && memcmp(version.p, "HTTP/1.1", 8) == 0) {
        r->minor = 1;
        return 0;
    }
    if (version.n < 6 || memcmp(version.p, "HTTP/", 5) != 0)
        return 400;
    for (size_t i = 5; i < version.n; i++)
        if ((version.p[i] < '0' || version.p[i] > '9') && (version.p[i] != '.' || i == 5 || i == version.n - 1))
            return 400;
    if (version.n != 8 || memcmp(version.p + 5, "1.", 2) != 0 || version.p[7] > '1')
        return 505;
    r->minor = (uint8_t)(version.p[7] - '0');
    return 0;
}

static enum h1_method method_of(struct slice s)
{
    switch (s.n) {
    case 3:
        return memcmp(s.p, "GET", 3) == 0 ? H1_GET : H1_OTHER;
    case 4:
        return memcmp(s.p, "POST", 4) == 0 ? H1_POST : memcmp(s.p, "HEAD", 4) == 0 ? H1_HEAD : H1_OTHER;
    case 7:
        return memcmp(s.p, "OPTIONS", 7) == 0 ? H1_OPTIONS : H1_OTHER;
    }
    return H1_OTHER;
}

unsigned request_line_read(struct request_line *r, struct slice line, size_t max_target_bytes)
{
    const char *space = line.n > 4 && memcmp(line.p, "POST ", 5) == 0 ? line.p + 4 : memchr(line.p, ' ', line.n);
    const char *last = line.n > 8 && memcmp(line.p + line.n - 8, "HTTP/1.1", 8) == 0 ? line.p + line.n - 9
                                                                                     : memrchr(line.p, ' ', line.n);
    unsigned status;

    *r = (struct request_line){.reason = "malformed request line"};
    if (!space || space >= last || *last != ' ')
        return 400;
    r->method_text = slice_of(line.p, (size_t)(space - line.p));
    r->method = method_of(r->method_text);
    r->target = slice_of(space + 1, (size_t)(last - space) - 1);
    status = read_version(r, slice_of(last + 1, line.n - (size_t)(last - line.p) - 1));
    if (status) {
        r->reason = status == 505 ? "HTTP version not supported" : r->reason;
        return status;
    }
    if (r->target.n == 0)
        return 400;
    if (r->target.n > max_target_bytes) {
        r->reason = "request target too long";
        return 414;
    }
    for (size_t i = 0; i < r->target.n; i++)
        if (!byte_is(r->target.p[i], BYTE_TARGET)) {
            r->reason = "forbidden byte in the request target";
            return 400;
        }
    return 0;
}

bool request_target_read(struct h1_request *q, struct slice t, struct slice method)
{
    struct slice authority;
    const char *mark;

    if (t.p[0] != '/') {
        if (slice_eq(method, SLICE("CONNECT"))) {
            q->path = t;
            return field_host(t);
        }
        if (slice_eq(t, SLICE("*"))) {
            q->path = t;
            return true;
        }
        if (t.n > 7 && field_same(t.p, "http://", 7))
            t = slice_of(t.p + 7, t.n - 7);
        else if (t.n > 8 && field_same(t.p, "https://", 8))
            t = slice_of(t.p + 8, t.n - 8);
        else
            return false;
        authority = t;
        for (authority.n = 0; authority.n < t.n; authority.n++)
            if (t.p[authority.n] == '/' || t.p[authority.n] == '?')
                break;
        if (!field_host(authority) || (q->host.p && !slice_eq_nocase(authority, q->host)))
            return false;
        q->host = authority;
        t = slice_of(t.p + authority.n, t.n - authority.n);
    }
    mark = t.n > 1 ? memchr(t.p, '?', t.n) : NULL;
    q->path = mark ? slice_of(t.p, (size_t)(mark - t.p)) : t;
    if (mark)
        q->query = slice_of(mark + 1, (size_t)(t.p + t.n - mark) - 1);
    if (q->path.n == 0)
        q->path = SLICE("/");
    return true;
}
