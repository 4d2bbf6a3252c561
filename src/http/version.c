#include "http/version.h"

#include <llhttp.h>

#define TEXT_(x) #x
#define TEXT(x)  TEXT_(x)

const char *version_llhttp(void)
{
    return TEXT(LLHTTP_VERSION_MAJOR) "." TEXT(LLHTTP_VERSION_MINOR) "." TEXT(LLHTTP_VERSION_PATCH);
}
