#include "http/date.h"

enum { DAY_S = 86400, CENTURY_AHEAD_Y = 50 /* a two-digit year that seems further ahead is past: RFC 9110 5.6.7 */ };

/* Takes exactly n digits. */
static bool digits(struct slice *s, size_t n, int *out)
{
    *out = 0;
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *out = *out * 10 + (s->p[i] - '0');
    }
    *s = slice_of(s->p + n, s->n - n);
    return true;
}

static bool literal(struct slice *s, struct slice what)
{
    if (!slice_starts(*s, what))
        return false;
    *s = slice_of(s->p + what.n, s->n - what.n);
    return true;
}

/* 0 January .. 11 */
static bool month(struct slice *s, int *out)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

    if (s->n < 3)
        return false;
    for (int i = 0; i < 12; i++)
        if (memcmp(s->p, names + i * 3, 3) == 0) {
            *out = i;
            return literal(s, slice_of(names + i * 3, 3));
        }
    return false;
}

static bool clock_time(struct slice *s, int *out)
{
    int h, m, sec;

    if (!digits(s, 2, &h) || !literal(s, SLICE(":")) || !digits(s, 2, &m) || !literal(s, SLICE(":")) ||
        !digits(s, 2, &sec) || h > 23 || m > 59 || sec > 60)
        return false;
    *out = h * 3600 + m * 60 + sec;
    return true;
}

static bool is_leap(int y)
{
    return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

/* Days from 1970-01-01 to the first of January of y. */
static int64_t days_before(int y)
{
    int64_t n = y - 1;

    return n * 365 + n / 4 - n / 100 + n / 400 - 719162;
}

static bool assemble(int y, int mon, int day, int time, int64_t *out)
{
    static const int before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};
    int leap = is_leap(y) && mon >= 2;

    if (y < 1970 || day < 1 || day > before[mon + 1] - before[mon] + (is_leap(y) && mon == 1))
        return false;
    *out = (days_before(y) + before[mon] + leap + day - 1) * DAY_S + time;
    return true;
}

static int year_of(int64_t now_s)
{
    int y = 1970 + (int)(now_s / ((int64_t)365 * DAY_S));

    while (days_before(y) * DAY_S > now_s)
        y--;
    return y;
}

/* "06 Nov 1994 08:49:37 GMT" */
static bool imf(struct slice s, int64_t *out)
{
    int day, mon, y, time;

    return digits(&s, 2, &day) && literal(&s, SLICE(" ")) && month(&s, &mon) && literal(&s, SLICE(" ")) &&
           digits(&s, 4, &y) && literal(&s, SLICE(" ")) && clock_time(&s, &time) && slice_eq(s, SLICE(" GMT")) &&
           assemble(y, mon, day, time, out);
}

/* "06-Nov-94 08:49:37 GMT" */
static bool rfc850(struct slice s, int64_t now_s, int64_t *out)
{
    int day, mon, y, time, this_year = year_of(now_s);

    if (!digits(&s, 2, &day) || !literal(&s, SLICE("-")) || !month(&s, &mon) || !literal(&s, SLICE("-")) ||
        !digits(&s, 2, &y) || !literal(&s, SLICE(" ")) || !clock_time(&s, &time) || !slice_eq(s, SLICE(" GMT")))
        return false;
    y += this_year / 100 * 100;
    if (y > this_year + CENTURY_AHEAD_Y)
        y -= 100;
    return assemble(y, mon, day, time, out);
}

/* "Nov  6 08:49:37 1994" */
static bool asctime_form(struct slice s, int64_t *out)
{
    int day, mon, y, time;

    if (!month(&s, &mon) || !literal(&s, SLICE(" ")))
        return false;
    if (literal(&s, SLICE(" ")) ? !digits(&s, 1, &day) : !digits(&s, 2, &day))
        return false;
    return literal(&s, SLICE(" ")) && clock_time(&s, &time) && literal(&s, SLICE(" ")) && digits(&s, 4, &y) &&
           s.n == 0 && assemble(y, mon, day, time, out);
}

bool http_date(struct slice text, int64_t now_s, int64_t *out)
{
    size_t name = 0;

    /* The name of the day says nothing that the rest does not. */
    while (name < text.n && name < 10 && ((text.p[name] | 0x20) >= 'a' && (text.p[name] | 0x20) <= 'z'))
        name++;
    if (name < 3)
        return false;
    text = slice_of(text.p + name, text.n - name);
    if (literal(&text, SLICE(", ")))
        return imf(text, out) || rfc850(text, now_s, out);
    return literal(&text, SLICE(" ")) && asctime_form(text, out);
}
