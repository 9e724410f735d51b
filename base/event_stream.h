/* SPDX-License-Identifier: Apache-2.0
 *
 * The events of a run as they are stored and handed to a front end: JSON objects, one a line, and blocks of log
 * lines as plain bytes behind a line of JSON that says whose they are. A block stands for as many objects of type
 * `log` (docs/internals/local-service.md). */
#ifndef BASE_EVENT_STREAM_H
#define BASE_EVENT_STREAM_H

#include "base/json.h"

#include <stdint.h>

#define EVENT_STREAM_TYPE "application/x-gantry-events"
/* Ours: one object. */
#define EVENT_MAX_BYTES (64U << 20)
/* Ours: a line above this is handed on in parts. */
#define EVENT_LINE_BYTES (64U << 10)

/* What stands in front of the bytes. */
struct event_block {
    struct sv job, name;
    int64_t step;
    struct sv time;
    uint64_t seq;   /* of its first line; each further one has the next */
    uint64_t lines; /* each ends with a LF */
    uint64_t bytes;
    bool partial; /* one line, without its LF: it goes on in the next block */
};
void event_block_head(struct buf *b, const struct event_block *k);

/* A line of a block, or a part of one. */
struct event_line {
    const struct event_block *block;
    uint64_t seq;
    struct sv text; /* whole characters, where the line is well-formed */
    bool first,
        last; /* it begins, it ends the line (of a partial block: what the block has of it) */
};
/* As the object of type `log` that it stands for: its parts, one after the other, are the object's text. */
void event_line_json(struct buf *b, const struct event_line *l);

/* An object: its text, without the line feed, and its value. Both of these return -1 with e set to stop. */
typedef int event_object_fn(void *ctx, struct sv text, const json_t *event, struct err *e);
typedef int event_line_fn(void *ctx, const struct event_line *l, struct err *e);

/* Takes a stream apart, in pieces of any size; its memory does not depend on the lengths of lines. */
struct event_reader;
struct event_reader *event_reader_new(event_object_fn *object, event_line_fn *line, void *ctx);
void event_reader_free(struct event_reader *r);
MUST_USE int event_reader_feed(struct event_reader *r, struct sv in, struct err *e);
/* A stream begins whose events up to number `after` are not wanted: they are passed over. */
void event_reader_begin(struct event_reader *r, uint64_t after);
/* One that was interrupted begins again, at any event that was handed on or the next: what was handed on, be it a
 * part of a line, is passed over. */
void event_reader_resume(struct event_reader *r);
/* Number of the last event that was handed on whole. */
uint64_t event_reader_last(const struct event_reader *r);
/* Bytes since the beginning up to the end of the last whole object or block; inside of a callback: up to the
 * beginning of what it is called for. */
uint64_t event_reader_whole(const struct event_reader *r);

#endif
