/* SPDX-License-Identifier: Apache-2.0
 *
 * Outputs of jobs, and how large they may be: 1 MiB a job, 50 MiB a run, of UTF-16 text (spec logs 10). A job that passes
 * the first limit fails on github.com with the text below, whatever its steps did, and its outputs are lost. The text
 * of the second limit is ours. */
#include "runner/service/svc_priv.h"

#include <jansson.h>

#define JOB_BYTES ((uint64_t)1 << 20)
#define RUN_BYTES ((uint64_t)50 << 20)

uint64_t outputs_bytes(const struct val *outputs)
{
    uint64_t units = 0;

    for (size_t i = 0; outputs != NULL && i < val_count(outputs); i++)
        units += utf8_utf16_len(val_key_at(outputs, i)) +
                 utf8_utf16_len(val_get_string(val_at(outputs, i)));
    return 2 * units;
}

const char *outputs_take(struct leg *l, json_t *outputs)
{
    uint64_t all = 0;
    const char *name;
    json_t *v;

    val_unref(l->outputs);
    l->outputs = val_object();
    json_object_foreach(outputs, name, v)
    {
        const json_t *text = json_is_object(v) ? jx_iget(v, "value") : v;
        if (json_is_string(text))
            val_sets(l->outputs, name,
                     val_string((struct sv){json_string_value(text), json_string_length(text)}));
    }
    l->output_bytes = outputs_bytes(l->outputs);
    for (size_t i = 0; i < l->run->n_legs; i++)
        all += l->run->legs[i]->output_bytes;
    if (l->output_bytes <= JOB_BYTES && all <= RUN_BYTES)
        return NULL;
    const char *reason = l->output_bytes > JOB_BYTES
                             ? "Job outputs exceed 1,048,576 bytes"
                             : "The outputs of all jobs of the run exceed 52,428,800 bytes";
    val_unref(l->outputs);
    l->outputs = val_object();
    l->output_bytes = 0;
    return reason;
}
