/* SPDX-License-Identifier: Apache-2.0
 *
 * The two processes of a local run, service and listener: started, watched and stopped. Each is in a session of
 * its own, so that a terminal's Ctrl-C reaches the front end alone. */
#ifndef RUNNER_CLI_SUPERVISE_H
#define RUNNER_CLI_SUPERVISE_H

#include "base/buf.h"
#include "base/loop.h"
#include "base/proc.h"
#include "base/secret.h"

#include <stdint.h>

struct programs { /* beside gantry itself */
    char *service, *launcher, *worker, *self;
};
MUST_USE int programs_find(struct programs *out, struct err *e);
void programs_done(struct programs *p); /* for AUTO(programs_done) */

struct sup;
struct sup_events {
    void (*ready)(
        void *ctx); /* the service listens: url and token are set; the listener was told */
    void (*failed)(void *ctx,
                   const struct err *e); /* one of the two ended or could not start; once */
    void (*refused)(void *ctx, struct sv job, struct sv message); /* this host cannot run the job */
    void (*broken)(void *ctx, struct sv job, struct sv message);  /* a worker died */
    void *ctx;
};
/* Numbers 3 and 4 are the service's (docs/internals/local-service.md): kept free from the start of main. */
MUST_USE int sup_reserve(struct err *e);
/* config: JSON of the service; listener: JSON of the listener; log_dir: their standard
 * error goes to service.log and listener.log there, or to ours when NULL. */
struct sup_spec {
    const struct programs *programs;
    struct sv config;
    struct sv listener; /* empty: none. Its last member is followed by late_fd and status_fd */
    const char *log_dir;
    struct sup_events on;
};
struct sup *sup_start(struct loop *l, const struct sup_spec *s, struct err *e);
/* The listener may begin as soon as the service is ready: with this local source, in an object of channel.h, a
 * folder and a listing, which are borrowed until `ready` is called. Once, before the loop runs. */
void sup_go(struct sup *s, const char *source_json, int folder, int listing);
const char *sup_url(const struct sup *s);
const struct secret *sup_token(const struct sup *s);
const char *const *sup_jit(const struct sup *s); /* NULL-terminated */
/* Hands on what the listener has said and nobody has read yet. */
void sup_drain(struct sup *s);
/* Asks both to end and waits; whoever has not ended after grace_ms is killed. 0 = at once. */
void sup_stop(struct sup *s, int64_t grace_ms);
void sup_free(struct sup *s); /* kills what is left */

#endif
