/* SPDX-License-Identifier: Apache-2.0
 *
 * Workflow commands on the output of a step (spec logs 1): "::name key=value,...::data" and "##[name ...]data". */
#ifndef ACTIONS_COMMAND_H
#define ACTIONS_COMMAND_H

#include "base/buf.h"
#include "base/strv.h"

#define CMD_MAX_PROPERTIES 64
struct cmd_property {
    struct sv key;
    char *value; /* unescaped */
};
struct cmd {
    struct sv name; /* as written, lent from the line */
    struct cmd_property props[CMD_MAX_PROPERTIES];
    size_t n_props;
    char *data; /* unescaped */
};
/* True when the line is a command of known form; *out is then filled and must be freed with cmd_done(). A
 * line that could be both forms is the one whose name is known. Properties above the limit are dropped. */
bool cmd_parse(struct sv line, struct cmd *out);
/* As cmd_parse, with one more known name: the token that ends stop-commands. */
bool cmd_parse_with(struct sv line, struct sv token, struct cmd *out);
void cmd_done(struct cmd *c);
/* Whether the name is one of the table in spec logs 1.3; ASCII case ignored. */
bool cmd_is_known(struct sv name);
const char *cmd_prop(const struct cmd *c, const char *key); /* ASCII case ignored; NULL */
void cmd_escape_data(struct buf *b, struct sv s);
void cmd_escape_property(struct buf *b, struct sv s);

/* The text of a file command as well-formed UTF-8 without a byte order mark: text with a mark of UTF-8, 16 or 32 is
 * decoded; what is ill-formed becomes U+FFFD. Lent from `text` where it is that already, else from *own, which is
 * overwritten and to be freed. */
struct sv cmd_file_text(struct sv s, struct buf *own);
/* One parser of key/value file commands (GITHUB_ENV, OUTPUT, STATE; spec logs 2.2), decoded as above. Calls fn in
 * order, so entries before a wrong one are applied. FAIL_INPUT with the texts of the official runner; fn's failure is passed on. */
typedef int cmd_pair_fn(void *ctx, struct sv key, struct sv value, struct err *e);
MUST_USE int cmd_file_pairs(struct sv text, cmd_pair_fn *fn, void *ctx, struct err *e);
/* GITHUB_PATH: one entry a non-empty line. */
void cmd_file_lines(struct sv text, struct strv *out);
/* Names that GITHUB_ENV may not set (spec logs 2.4). */
bool cmd_env_is_blocked(struct sv name);

#endif
