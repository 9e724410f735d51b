/* SPDX-License-Identifier: Apache-2.0
 *
 * libcurl: the table of its functions, its sockets and its timer in the loop. */
#include "base/http_client_priv.h"

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

/* ---- ends of transfers ---- */

/* A certificate does not get better by trying again. */
static void transfer_over(struct hc_req *r, CURLcode rc)
{
    bool certificate = rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE;
    enum fail code = rc == CURLE_OK                   ? FAIL_NONE
                     : rc == CURLE_OPERATION_TIMEDOUT ? FAIL_TIMEOUT
                                                      : FAIL_NET;

    hc_attempt_over(r, code, r->error[0] != '\0' ? r->error : hc_curl.easy_strerror(rc),
                    !certificate);
}

static void check_finished(struct hc *h)
{
    CURLMsg *msg;
    int left;

    hc_sweep(h);
    while ((msg = hc_curl.multi_info_read(h->m, &left)) != NULL) {
        struct hc_req *r = NULL;
        CURLcode rc = msg->data.result; /* msg dies with the handle */

        if (msg->msg != CURLMSG_DONE)
            continue;
        BUG(hc_curl.easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r) != CURLE_OK || r == NULL);
        transfer_over(r, rc);
    }
}

/* ---- sockets and the timer ---- */

static void action(struct hc *h, curl_socket_t fd, int mask)
{
    int running;

    h->in_transfer = true;
    (void)hc_curl.multi_socket_action(h->m, fd, mask, &running);
    h->in_transfer = false;
    check_finished(h);
}

static void on_socket(void *ctx, int fd, unsigned events)
{
    int mask = 0;

    if ((events & LOOP_READ) != 0)
        mask |= CURL_CSELECT_IN;
    if ((events & LOOP_WRITE) != 0)
        mask |= CURL_CSELECT_OUT;
    action(ctx, fd, mask != 0 ? mask : CURL_CSELECT_ERR);
}

static int on_watch(CURL *easy, curl_socket_t fd, int what, void *ctx, void *watch)
{
    struct hc *h = ctx;
    struct loop_fd *w = watch;
    unsigned events = 0;
    struct err e;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_del_fd(w);
        (void)hc_curl.multi_assign(h->m, fd, NULL);
        return 0;
    }
    if (what != CURL_POLL_OUT)
        events |= LOOP_READ;
    if (what != CURL_POLL_IN)
        events |= LOOP_WRITE;
    if (w != NULL) {
        loop_set_fd(w, events);
        return 0;
    }
    if (loop_add_fd(h->l, fd, events, on_socket, h, &w, &e) < 0)
        return -1;
    (void)hc_curl.multi_assign(h->m, fd, w);
    return 0;
}

static int on_timer_wanted(CURLM *m, long delay_ms, void *ctx)
{
    struct hc *h = ctx;

    (void)m;
    loop_set_timer(h->timer, delay_ms);
    return 0;
}

/* libcurl reads the real clock. When the test clock jumps, this timer comes too early and libcurl does not
 * ask for it again, so it is asked. */
void hc_curl_on_timer(void *ctx)
{
    struct hc *h = ctx;
    long delay_ms = -1;

    action(h, CURL_SOCKET_TIMEOUT, 0);
    if (hc_curl.multi_timeout(h->m, &delay_ms) == CURLM_OK && delay_ms >= 0)
        loop_set_timer(h->timer, delay_ms);
}

/* ---- start and end ---- */

int hc_need_curl(struct hc *h, struct err *e)
{
    if (h->m != NULL)
        return 0;
    if (hc_curl_open(e) < 0)
        return -1;
    if (hc_curl.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return err_set(e, FAIL_INTERNAL, "cannot start libcurl");
    h->m = hc_curl.multi_init();
    BUG(h->m == NULL);
    BUG(hc_curl.multi_setopt(h->m, CURLMOPT_SOCKETFUNCTION, on_watch) != CURLM_OK ||
        hc_curl.multi_setopt(h->m, CURLMOPT_SOCKETDATA, h) != CURLM_OK ||
        hc_curl.multi_setopt(h->m, CURLMOPT_TIMERFUNCTION, on_timer_wanted) != CURLM_OK ||
        hc_curl.multi_setopt(h->m, CURLMOPT_TIMERDATA, h) != CURLM_OK);
    return 0;
}

void hc_curl_close(struct hc *h)
{
    if (h->m == NULL)
        return;
    (void)hc_curl.multi_cleanup(h->m);
    hc_curl.global_cleanup();
}
