#include "io/hmac.h"

#include <errno.h>
#include <mbedtls/md.h>

int hmac_sha256(uint8_t out[32], struct slice key, struct slice data)
{
    const mbedtls_md_info_t *sha256 = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);

    if (!sha256 || mbedtls_md_hmac(sha256, (const uint8_t *)key.p, key.n, (const uint8_t *)data.p, data.n, out))
        return -ENOTSUP;
    return 0;
}
