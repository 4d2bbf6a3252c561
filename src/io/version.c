#include "io/version.h"

#include <mbedtls/version.h>
#include <uv.h>

const char *version_libuv(void)
{
    return uv_version_string();
}

const char *version_mbedtls(void)
{
    return MBEDTLS_VERSION_STRING;
}
