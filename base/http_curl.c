/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of libcurl's functions. */
#include "base/http_curl_priv.h"

#include "base/dl.h"

struct hc_curl hc_curl;

int hc_curl_open(struct err *e)
{
    static const struct dl_symbol symbols[] = {
#define HC_CURL_SYMBOL(f) {"curl_" #f, &hc_curl.f},
        HC_CURL_FUNCTIONS(HC_CURL_SYMBOL)
#undef HC_CURL_SYMBOL
    };

    return hc_curl.easy_init != NULL
               ? 0
               : dl_open(GANTRY_SONAME_CURL, symbols, sizeof symbols / sizeof symbols[0], e);
}
