/* Programs that are run, and files that are watched, on a real loop. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/hmac.h"
#include "io/loop.h"
#include "io/run.h"
#include "io/watch.h"
#include "test.h"

struct world {
    struct loop *loop;
    struct loop_timer end;
    unsigned done, changed, awaited;
    struct run_result result;
    char out[8192], said[RUN_MAX_SAID + 1];
};

static void on_turn(void *owner)
{
    (void)owner;
}

static void on_end(struct loop_timer *t)
{
    struct world *w = (struct world *)((char *)t - offsetof(struct world, end));

    loop_stop(w->loop);
}

static void begin(struct world *w)
{
    static const struct loop_ops ops = {.on_turn = on_turn};

    memset(w, 0, sizeof *w);
    w->end.fire = on_end;
    CHECK_EQ(loop_new(&w->loop, &ops, w), 0);
}

static void spin(struct world *w, uint64_t ms)
{
    loop_timer_set(w->loop, &w->end, loop_now_ms(w->loop) + ms);
    loop_run(w->loop);
    loop_timer_clear(w->loop, &w->end);
}

static void finish(struct world *w)
{
    loop_finish(w->loop);
    loop_run(w->loop);
    loop_free(w->loop);
}

static void on_done(void *owner, const struct run_result *r)
{
    struct world *w = owner;

    w->done++;
    w->result = *r;
    memcpy(w->out, r->out.p ? r->out.p : "", r->out.n < sizeof w->out ? r->out.n : sizeof w->out);
    memcpy(w->said, r->said.p ? r->said.p : "", r->said.n);
    loop_stop(w->loop);
}

static void sh(struct world *w, const char *script, size_t max_bytes, uint64_t timeout_ms)
{
    const char *const argv[] = {"/bin/sh", "-c", script};

    begin(w);
    run_start(w->loop, argv, 3, max_bytes, timeout_ms, on_done, w);
    CHECK_EQ(w->done, 0);
    spin(w, 20000);
    CHECK_EQ(w->done, 1);
    finish(w);
}

TEST(what_it_prints)
{
    struct world w;

    sh(&w, "echo token; echo words >&2", 100, 10000);
    CHECK_EQ(w.result.status, 0);
    CHECK_EQ(w.result.exit_code, 0);
    CHECK_STR(slice_of(w.out, w.result.out.n), "token\n");
    CHECK_STR(slice_of(w.said, w.result.said.n), "words\n");
    sh(&w, "echo late; exit 3", 100, 10000);
    CHECK_EQ(w.result.exit_code, 3);
    sh(&w, "kill -9 $$", 100, 10000);
    CHECK_EQ(w.result.signal, SIGKILL);
}

TEST(it_is_killed)
{
    struct world w;

    sh(&w, "sleep 100 & sleep 100", 100, 200);
    CHECK(w.result.too_late);
    CHECK_EQ(w.result.signal, SIGKILL);
    sh(&w, "trap '' TERM; while :; do :; done", 100, 200);
    CHECK(w.result.too_late);
    sh(&w, "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done", 5000, 20000);
    CHECK(w.result.too_long && !w.result.too_late);
    CHECK(w.result.out.n <= 5000);
    sh(&w, "while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy >&2; done", 5000, 300);
    CHECK(w.result.too_late);
    CHECK_EQ(w.result.said.n, RUN_MAX_SAID);
}

/* One that it left behind holds its outputs open. */
TEST(children_that_stay_do_not_hold_it)
{
    struct world w;

    sh(&w, "echo token; sleep 3 &", 100, 10000);
    CHECK_STR(slice_of(w.out, w.result.out.n), "token\n");
    CHECK_EQ(w.result.exit_code, 0);
}

TEST(it_is_not_there)
{
    const char *const argv[] = {"/nonexistent/program"};
    struct world w;

    begin(&w);
    run_start(w.loop, argv, 1, 100, 1000, on_done, &w);
    CHECK_EQ(w.done, 0);
    spin(&w, 20000);
    CHECK_EQ(w.done, 1);
    CHECK_EQ(w.result.status, -ENOENT);
    finish(&w);
}

TEST(cancelled)
{
    const char *const argv[] = {"/bin/sh", "-c", "sleep 100"}, *const none[] = {"/nonexistent/program"};
    struct world w;
    struct run *r;

    begin(&w);
    r = run_start(w.loop, argv, 3, 100, 60000, on_done, &w);
    spin(&w, 50);
    CHECK(run_cancel(r) == NULL);
    r = run_start(w.loop, none, 1, 100, 60000, on_done, &w);
    run_cancel(r);
    run_cancel(NULL);
    spin(&w, 50);
    CHECK_EQ(w.done, 0);
    finish(&w);
}

static void on_change(void *owner)
{
    struct world *w = owner;

    w->changed++;
    loop_stop(w->loop);
}

static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");

    CHECK(f != NULL);
    if (f) {
        fputs(text, f);
        fclose(f);
    }
}

static void expect_change(struct world *w)
{
    CHECK(w->changed == 0);
    spin(w, 5000);
    CHECK(w->changed > 0);
    spin(w, 50);
    spin(w, 50);
    w->changed = 0;
}

TEST(changes_of_a_file)
{
    char dir[] = "/tmp/millrace-watch-XXXXXX", path[64], other[64], link_to[64];
    struct file_stamp a, b;
    struct world w;
    struct watch *watch = NULL;
    struct buf text;

    CHECK(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/token", dir);
    snprintf(other, sizeof other, "%s/token.new", dir);
    snprintf(link_to, sizeof link_to, "%s/..data", dir);
    write_file(path, "one");
    begin(&w);
    CHECK_EQ(watch_new(&watch, w.loop, path, on_change, &w), 0);
    file_stamp(&a, path);
    spin(&w, 50);
    CHECK_EQ(w.changed, 0);
    write_file(path, "three");
    expect_change(&w);
    file_stamp(&b, path);
    CHECK(!file_stamp_eq(&a, &b));
    write_file(other, "seven");
    expect_change(&w);
    CHECK_EQ(rename(other, path), 0);
    expect_change(&w);
    file_stamp(&a, path);
    CHECK(!file_stamp_eq(&a, &b));
    CHECK_EQ(symlink("nowhere", link_to), 0);
    expect_change(&w);
    buf_init(&text, 5);
    CHECK_EQ(file_read(path, &text), 0);
    CHECK_STR(buf_get(&text), "seven");
    buf_clear(&text);
    write_file(path, "longer");
    CHECK_EQ(file_read(path, &text), BUF_FULL);
    buf_deinit(&text);
    CHECK_EQ(file_read(dir, &text), -EINVAL);
    CHECK_EQ(unlink(path), 0);
    CHECK_EQ(file_read(path, &text), -ENOENT);
    file_stamp(&a, path);
    CHECK_EQ(a.inode, 0);
    watch_close(watch);
    finish(&w);
    unlink(link_to);
    rmdir(dir);
    begin(&w);
    CHECK_EQ(watch_new(&watch, w.loop, path, on_change, &w), -ENOENT);
    finish(&w);
}

/* RFC 4231 section 4.3 */
TEST(hmac)
{
    static const uint8_t want[] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24,
                                   0x26, 0x08, 0x95, 0x75, 0xc7, 0x5a, 0x00, 0x3f, 0x08, 0x9d, 0x27,
                                   0x39, 0x83, 0x9d, 0xec, 0x58, 0xb9, 0x64, 0xec, 0x38, 0x43};
    uint8_t mac[32];

    CHECK_EQ(hmac_sha256(mac, SLICE("Jefe"), SLICE("what do ya want for nothing?")), 0);
    CHECK(memcmp(mac, want, sizeof mac) == 0);
}

TEST_MAIN()
