/* The files of the project that belong to the key table: docs/config.md and endpoints.schema.json equal what the
 * table writes, and the shipped endpoints.json loads.  MILLRACE_WRITE=1 writes the files anew. */
#include "test.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "config/config.h"

/* Up from a place until the root of the sources is found; false when it is not above. */
static bool root_above(const char *from, char root[PATH_MAX])
{
    if (!realpath(from, root))
        return false;
    while (*root) {
        char probe[PATH_MAX + 32];

        snprintf(probe, sizeof probe, "%s/src/config/config.def", root);
        if (access(probe, R_OK) == 0)
            return true;
        *strrchr(root, '/') = '\0';
    }
    return false;
}

/* The test may run from the build folder, from the root, or from elsewhere. */
static const char *source_file(const char *name, char path[2 * PATH_MAX])
{
    char root[PATH_MAX], exe[PATH_MAX];
    const char *env = getenv("MILLRACE_SOURCE_ROOT");
    ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);

    exe[n > 0 ? n : 0] = '\0';
    if (!(env && root_above(env, root)) && !root_above(__FILE__, root) && !root_above(exe, root) &&
        !root_above(".", root))
        root[0] = '\0';
    snprintf(path, 2 * PATH_MAX, "%s/%s", root, name);
    return path;
}

static void equals_file(const char *name, int (*write)(struct buf *))
{
    char path[2 * PATH_MAX];
    struct buf want, have;
    size_t n = 0;
    FILE *f;

    buf_init(&want, 1 << 20);
    buf_init(&have, 1 << 20);
    CHECK_EQ(write(&want), 0);
    source_file(name, path);
    if (getenv("MILLRACE_WRITE") && (f = fopen(path, "w"))) {
        CHECK_EQ(fwrite(want.p, 1, want.n, f), want.n);
        fclose(f);
    }
    f = fopen(path, "r");
    CHECK(f != NULL);
    buf_reserve(&have, 1 << 19);
    if (f) {
        n = fread(have.p, 1, 1 << 19, f);
        fclose(f);
    }
    have.n = n;
    CHECK(want.n > 1000);
    if (!slice_eq(buf_get(&want), buf_get(&have))) {
        CHECK(!"the file is not what the key table writes: run this test with MILLRACE_WRITE=1");
        printf("# %s\n", path);
    }
    buf_deinit(&want);
    buf_deinit(&have);
}

TEST(reference_is_current)
{
    equals_file("docs/config.md", config_reference);
}

TEST(schema_is_current)
{
    equals_file("endpoints.schema.json", config_schema);
}

TEST(shipped_endpoints_load)
{
    char path[2 * PATH_MAX];
    struct buf report;
    struct config *c = NULL;

    buf_init(&report, 1 << 16);
    CHECK_EQ(config_load(&c, source_file("endpoints.json", path), &report), 0);
    CHECK_STR(buf_get(&report), "");
    if (c) {
        CHECK_EQ(c->n_chains, 2);
        CHECK_STR(slice_str(c->chains[0].name), "ethereum");
        CHECK(c->chains[0].is_default);
        CHECK_STR(slice_str(c->chains[1].name), "solana");
        for (size_t i = 0; i < c->n_chains; i++)
            for (size_t j = 0; j < c->chains[i].n_endpoints; j++)
                CHECK(strncmp(c->chains[i].endpoints[j].url, "https://", 8) == 0);
    }
    config_free(c);
    buf_deinit(&report);
}

TEST_MAIN()
