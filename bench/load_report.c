#include <stdio.h>

#include "load.h"

static const struct {
    const char *name;
    double q;
} quantiles[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}};

enum { QUANTILES = sizeof quantiles / sizeof quantiles[0] };

static uint64_t errors(const struct load_stats *s)
{
    uint64_t n = 0;

    for (unsigned i = 0; i < LOAD_ERRORS; i++)
        n += s->error[i];
    return n;
}

static double us(uint64_t ns)
{
    return (double)ns / 1000;
}

static void json_hist(const char *name, const struct load_hist *h)
{
    printf(",\"%s\":{\"count\":%llu,\"min\":%.3f,\"mean\":%.3f", name, (unsigned long long)h->count,
           h->count ? us(h->min_ns) : 0, h->count ? us(h->sum_ns) / (double)h->count : 0);
    for (unsigned i = 0; i < QUANTILES; i++)
        printf(",\"%s\":%.3f", quantiles[i].name, us(load_hist_quantile(h, quantiles[i].q)));
    printf(",\"max\":%.3f}", us(h->max_ns));
}

static void json_slices(const struct load *l)
{
    /* The clock is CLOCK_MONOTONIC: others can say when they did what. */
    printf(",\"began_ns\":%llu,\"slice_ms\":%u,\"slices\":[", (unsigned long long)l->measure_ns, l->conf.slice_ms);
    for (unsigned i = 0; i < l->slices; i++) {
        const struct load_slice *s = &l->slice[i];

        printf("%s{\"count\":%llu,\"errors\":%llu,\"p50\":%.1f,\"p99\":%.1f,\"max\":%.1f}", i ? "," : "",
               (unsigned long long)s->latency.count, (unsigned long long)s->errors,
               us(load_hist_quantile(&s->latency, 0.5)), us(load_hist_quantile(&s->latency, 0.99)),
               us(s->latency.max_ns));
    }
    putchar(']');
}

static void report_json(const struct load *l, double seconds)
{
    const struct load_stats *s = &l->stats;

    printf("{\"mode\":\"%s\",\"connections\":%u,\"depth\":%u,\"batch\":%u,\"target_rate\":%llu,\"seconds\":%.6f,"
           "\"exchanges\":%llu,\"calls\":%llu,\"rate\":%.1f,\"issued\":%llu,\"bytes_in\":%llu,\"bytes_out\":%llu,"
           "\"connects\":%llu,\"errors\":{\"total\":%llu",
           l->conf.rate ? "open" : "closed", l->conf.connections, l->conf.depth, l->conf.batch,
           (unsigned long long)l->conf.rate, seconds, (unsigned long long)s->exchanges, (unsigned long long)s->calls,
           seconds > 0 ? (double)s->calls / seconds : 0, (unsigned long long)l->issued_calls,
           (unsigned long long)s->bytes_in, (unsigned long long)s->bytes_out, (unsigned long long)s->connects,
           (unsigned long long)errors(s));
    for (unsigned i = 0; i < LOAD_ERRORS; i++)
        printf(",\"%s\":%llu", load_error_name[i], (unsigned long long)s->error[i]);
    putchar('}');
    json_hist("latency_us", &s->latency);
    if (l->conf.burst)
        json_hist("burst_us", &s->bursts);
    if (l->slices)
        json_slices(l);
    puts("}");
}

static void report_text(const struct load *l, double seconds)
{
    const struct load_stats *s = &l->stats;
    const struct load_hist *h = &s->latency;

    if (l->conf.rate)
        printf("open loop, %llu calls/s", (unsigned long long)l->conf.rate);
    else
        printf("closed loop");
    printf(", %u connections, depth %u, batch %u\n", l->conf.connections, l->conf.depth, l->conf.batch);
    printf("%llu calls in %.2f s: %.0f calls/s, %.2f MB/s in, %llu errors\n", (unsigned long long)s->calls, seconds,
           seconds > 0 ? (double)s->calls / seconds : 0, seconds > 0 ? (double)s->bytes_in / seconds / 1e6 : 0,
           (unsigned long long)errors(s));
    for (unsigned i = 0; i < LOAD_ERRORS; i++)
        if (s->error[i])
            printf("  %s: %llu\n", load_error_name[i], (unsigned long long)s->error[i]);
    printf("latency us:");
    for (unsigned i = 0; i < QUANTILES; i++)
        printf(" %s %.1f", quantiles[i].name, us(load_hist_quantile(h, quantiles[i].q)));
    printf(" max %.1f%s\n", us(h->max_ns), l->conf.rate ? " (from the intended time)" : "");
    if (l->conf.burst)
        printf("%llu bursts of %u calls, ms: min %.2f p50 %.2f max %.2f\n", (unsigned long long)s->bursts.count,
               l->conf.burst, us(s->bursts.min_ns) / 1000, us(load_hist_quantile(&s->bursts, 0.5)) / 1000,
               us(s->bursts.max_ns) / 1000);
}

void load_report(const struct load *l, double seconds, bool json)
{
    if (json)
        report_json(l, seconds);
    else
        report_text(l, seconds);
}
