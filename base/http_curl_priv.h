/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl for the files of the HTTP client: opened by the first hc_new(), not by the dynamic linker (base/dl.h). */
#ifndef BASE_HTTP_CURL_PRIV_H
#define BASE_HTTP_CURL_PRIV_H

#include <curl/curl.h>

#include "base/err.h"

/* Every function that is used, without its "curl_". */
#define HC_CURL_FUNCTIONS(X) \
    X(global_init)           \
    X(global_cleanup)        \
    X(easy_init)             \
    X(easy_cleanup)          \
    X(easy_setopt)           \
    X(easy_getinfo)          \
    X(easy_strerror)         \
    X(multi_init)            \
    X(multi_cleanup)         \
    X(multi_setopt)          \
    X(multi_assign)          \
    X(multi_add_handle)      \
    X(multi_remove_handle)   \
    X(multi_info_read)       \
    X(multi_socket_action)   \
    X(multi_timeout)         \
    X(slist_append)          \
    X(slist_free_all)

struct hc_curl {
#define HC_CURL_MEMBER(f) __typeof__(curl_##f) *f; /* NOLINT(bugprone-macro-parentheses): a name */
    HC_CURL_FUNCTIONS(HC_CURL_MEMBER)
#undef HC_CURL_MEMBER
};
extern struct hc_curl hc_curl; /* filled once, by: */
MUST_USE int hc_curl_open(struct err *e);

#endif
