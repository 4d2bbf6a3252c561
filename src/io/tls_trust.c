#include "io/tls_trust.h"

#include <errno.h>
#include <mbedtls/error.h>
#include <mbedtls/pk.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"

struct tls_trust {
    struct list node;
    unsigned refs;
    char *path;
    struct stat st; /* a bundle that was replaced on disk is another bundle */
    mbedtls_x509_crt chain;
};

/* Process-wide on purpose: what it saves is the same for all workers. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct list bundles = {&bundles, &bundles};

static const char *system_bundle(void)
{
    static const char *const paths[] = {
        "/etc/ssl/certs/ca-certificates.crt", /* Debian, Alpine */
        "/etc/pki/tls/certs/ca-bundle.crt",   /* Fedora, RHEL */
        "/etc/ssl/ca-bundle.pem",             /* SUSE */
        "/etc/ssl/cert.pem",                  /* Alpine, BSD */
    };
    const char *env = getenv("SSL_CERT_FILE");

    if (env && *env)
        return env;
    for (unsigned i = 0; i < sizeof paths / sizeof paths[0]; i++)
        if (access(paths[i], R_OK) == 0)
            return paths[i];
    return NULL;
}

int tls_file_error(char *err, size_t err_cap, const char *what, const char *path, int mbed)
{
    char why[128];
    FILE *f = fopen(path, "r");

    if (!f) {
        int e = errno;

        snprintf(err, err_cap, "%s %s: %s", what, path, strerror(e));
        return -e;
    }
    fclose(f);
    mbedtls_strerror(mbed, why, sizeof why);
    snprintf(err, err_cap, "%s %s: %s", what, path, mbed > 0 ? "holds no usable certificate" : why);
    return -EINVAL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static struct tls_trust *find(const char *path, const struct stat *st)
{
    list_each (it, &bundles) {
        struct tls_trust *t = container_of(it, struct tls_trust, node);

        if (strcmp(t->path, path) == 0 && same_file(&t->st, st))
            return t;
    }
    return NULL;
}

static int load(struct tls_trust **out, const char *path, const struct stat *st, char *err, size_t err_cap)
{
    struct tls_trust *t = mem_zero(sizeof *t);
    int r;

    mbedtls_x509_crt_init(&t->chain);
    /* >0: some certificates are of a kind this library does not know; a system's bundle may have such. */
    r = mbedtls_x509_crt_parse_file(&t->chain, path);
    if (r < 0 || t->chain.version == 0) {
        mbedtls_x509_crt_free(&t->chain);
        free(t);
        return tls_file_error(err, err_cap, "CA bundle", path, r ? r : 1);
    }
    t->path = mem_strdup(path);
    t->st = *st;
    list_push(&bundles, &t->node);
    *out = t;
    return 0;
}

int tls_trust_get(struct tls_trust **out, const char *ca_file, char *err, size_t err_cap)
{
    const char *path = *ca_file ? ca_file : system_bundle();
    struct tls_trust *t;
    struct stat st;
    int r = 0;

    if (!path) {
        snprintf(err, err_cap, "this system has no CA bundle: set tls.ca_file or SSL_CERT_FILE");
        return -ENOENT;
    }
    if (stat(path, &st) != 0)
        return tls_file_error(err, err_cap, "CA bundle", path, 0);
    pthread_mutex_lock(&lock);
    t = find(path, &st);
    if (!t)
        r = load(&t, path, &st, err, err_cap);
    if (r == 0) {
        t->refs++;
        *out = t;
    }
    pthread_mutex_unlock(&lock);
    return r;
}

struct tls_trust *tls_trust_unref(struct tls_trust *t)
{
    if (!t)
        return NULL;
    pthread_mutex_lock(&lock);
    if (--t->refs == 0) {
        list_remove(&t->node);
        mbedtls_x509_crt_free(&t->chain);
        free(t->path);
        free(t);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

mbedtls_x509_crt *tls_trust_chain(struct tls_trust *t)
{
    return &t->chain;
}
