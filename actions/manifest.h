/* SPDX-License-Identifier: Apache-2.0
 *
 * action.yml / action.yaml (spec expressions 8): inputs, outputs, runs. */
#ifndef ACTIONS_MANIFEST_H
#define ACTIONS_MANIFEST_H

#include "actions/workflow.h"

enum manifest_using { MANIFEST_COMPOSITE, MANIFEST_NODE, MANIFEST_DOCKER, MANIFEST_PLUGIN };
struct manifest_input {
    struct sv name;
    struct tok *dflt; /* NULL = none */
    bool required;
    struct sv deprecation;
};
struct manifest_output {
    struct sv name;
    struct tok *value; /* composite */
};
struct manifest {
    struct sv name, description;
    enum manifest_using using;
    unsigned node_version;                                        /* 12, 16, 20, 24 */
    struct sv main, pre, post, pre_if, post_if;                   /* node */
    struct sv image, entrypoint, pre_entrypoint, post_entrypoint; /* docker */
    struct tok *args, *env;                                       /* docker */
    struct sv plugin; /* of the official runner: the first actions/checkout was one */
    struct manifest_input *inputs;
    size_t n_inputs;
    struct manifest_output *outputs;
    size_t n_outputs;
    struct wf_step *steps; /* composite */
    size_t n_steps;
    struct tok *root;
};
MUST_USE int manifest_parse(struct sv yaml, const char *file, unsigned file_index,
                            struct manifest **out, struct wf_errors *errors, struct err *e);
/* The same for a check: what conversion finds is reported beside errors of the schema (wf_errors.of_schema), of which
 * it may be a consequence. */
MUST_USE int manifest_parse_all(struct sv yaml, const char *file, struct manifest **out,
                                struct wf_errors *errors, struct err *e);
void manifest_free(struct manifest *m);
void auto_manifest(struct manifest **m);

#endif
