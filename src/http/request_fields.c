#include "http/request_fields.h"

#include "http/field.h"

static unsigned refuse(struct request_fields *f, unsigned status, const char *reason)
{
    f->reason = reason;
    return status;
}

static unsigned content_length(struct request_fields *f, struct h1_request *req, const char *base, struct slice value)
{
    if (f->has_length)
        return refuse(f, 400, "more than one Content-Length");
    if (!field_length(value, &req->content_length))
        return refuse(f, 400, "invalid Content-Length");
    f->has_length = true;
    f->length = part_of(base, value);
    return REQUEST_FIELDS_FRAMING;
}

static unsigned transfer_encoding(struct request_fields *f, struct slice value)
{
    if (f->has_coding)
        return refuse(f, 400, "more than one Transfer-Encoding");
    if (!field_is(value, "chunked"))
        return refuse(f, 400, "Transfer-Encoding must be chunked");
    f->has_coding = true;
    return REQUEST_FIELDS_FRAMING;
}

unsigned request_fields_read(struct request_fields *f, struct h1_request *req, unsigned max_fields, const char *base,
                             struct slice line)
{
    struct slice name, value;

    if (++f->n > max_fields)
        return refuse(f, 431, "too many header fields");
    if (!field_split(line, &name, &value))
        return refuse(f, 400, "malformed header field");
    switch (name.n) {
    case 4:
        if (field_is(name, "host")) {
            if (f->host.at)
                return refuse(f, 400, "more than one Host");
            if (!field_host(value))
                return refuse(f, 400, "invalid Host");
            f->host = part_of(base, value);
        }
        break;
    case 6:
        if (field_is(name, "origin")) {
            if (f->origin.at)
                return refuse(f, 400, "more than one Origin");
            f->origin = part_of(base, value);
        } else if (field_is(name, "expect")) {
            if (field_is(value, "100-continue"))
                f->expects = true;
            else
                f->expects_other = true;
        }
        break;
    case 10:
        if (field_is(name, "connection"))
            field_connection(value, &f->close, &f->keep_alive);
        break;
    case 12:
        if (field_is(name, "content-type") && !f->content_type.at)
            f->content_type = part_of(base, value);
        break;
    case 13:
        if (field_is(name, "authorization") && req->authorizations++ == 0)
            f->authorization = part_of(base, value);
        break;
    case 14:
        if (field_is(name, "content-length"))
            return content_length(f, req, base, value);
        break;
    case 17:
        if (field_is(name, "transfer-encoding"))
            return transfer_encoding(f, value);
        break;
    case 18:
        if (field_is(name, "x-millrace-explain"))
            req->explain = slice_eq(value, SLICE("1"));
        break;
    case 19:
        if (field_is(name, "x-millrace-endpoint"))
            f->endpoint = part_of(base, value);
        else if (field_is(name, "x-millrace-priority"))
            req->priority = field_is(value, "high") ? 1 : slice_eq_nocase(value, SLICE("low")) ? -1 : 0;
        break;
    case 29:
        if (field_is(name, "access-control-request-method") && !f->acrm.at)
            f->acrm = part_of(base, value);
        break;
    }
    return 0;
}

void request_fields_point(const struct request_fields *f, struct h1_request *req, const char *base)
{
    req->host = part_slice(base, f->host);
    req->origin = part_slice(base, f->origin);
    req->content_type = part_slice(base, f->content_type);
    req->acrm = part_slice(base, f->acrm);
    req->authorization = part_slice(base, f->authorization);
    req->endpoint = part_slice(base, f->endpoint);
}

void request_fields_moved(struct request_fields *f, size_t end, ptrdiff_t by)
{
    struct part *const parts[] = {&f->host, &f->origin, &f->content_type, &f->acrm, &f->authorization, &f->endpoint};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i]->at >= end)
            parts[i]->at = (uint32_t)(parts[i]->at + by);
}
