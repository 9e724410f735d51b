/* SPDX-License-Identifier: Apache-2.0
 *
 * Requests of the worker: JSON calls with the job's token. */
#ifndef RUNNER_WORKER_HTTP_WAIT_H
#define RUNNER_WORKER_HTTP_WAIT_H

#include "base/http_client.h"
#include "base/json.h"

#define HTTP_ANSWER_MAX  (8U << 20)
#define HTTP_REQUEST_MAX (64U << 20)

struct worker;
struct http_headers {
    const char *v[8];
};
/* Fills a POST of `body` with the usual headers; text and h must live until hc_start() returned. */
MUST_USE int http_spec_json(const struct worker *w, const char *url, const json_t *body,
                            struct buf *text, struct http_headers *h, struct hc_spec *out,
                            struct err *e);
/* Waits for the end by turning the loop. FAIL_CANCELED when the job was cancelled meanwhile and `cancellable` is
 * set, and when the listener is gone. */
MUST_USE int http_wait(struct worker *w, const struct hc_spec *s, bool cancellable, int *status,
                       struct buf *body, struct err *e);
MUST_USE int http_json(struct worker *w, const char *url, const json_t *body, bool cancellable,
                       int *status, struct buf *answer, struct err *e);
/* base without its trailing slashes, "/", path; free(). */
char *http_join(struct sv base, const char *path);

#endif
