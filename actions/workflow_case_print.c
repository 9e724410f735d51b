/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as JSON.stringify(value, null, 2) writes it (ECMA-262), the form in which official results are compared. */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "actions/workflow_case.h"

static void print_string(struct buf *b, struct sv s)
{
    static const char short_form[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};

    buf_addc(b, '"');
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            buf_addf(b, "\\%c", c);
        else if (c >= 0x20)
            buf_addc(b, (char)c);
        else if (short_form[c] != 0)
            buf_addf(b, "\\%c", short_form[c]);
        else
            buf_addf(b, "\\u%04x", c);
    }
    buf_addc(b, '"');
}

/* Number::toString: the fewest digits that read back as the same value; an exponent from 1e21 on and below 1e-6. */
static void print_number(struct buf *b, double v)
{
    char text[40];
    char digits[40] = "0";
    int n = 0, precision = 0;

    if (!(v < 0) && !(v > 0)) {
        buf_addc(b, '0'); /* -0 too */
        return;
    }
    for (; precision < 17; precision++) {
        (void)snprintf(text, sizeof text, "%.*e", precision, fabs(v));
        double back = strtod(text, NULL);
        if (!(back < fabs(v)) && !(back > fabs(v)))
            break;
    }
    const char *p = text;
    for (; *p != 'e' && *p != '\0'; p++) {
        if (ch_is_digit(*p))
            digits[n++] = *p;
    }
    int point = (int)strtod(p + 1, NULL) + 1; /* digits in front of the decimal point */
    if (v < 0)
        buf_addc(b, '-');
    if (point > 21 || point < -5) {
        buf_addc(b, digits[0]);
        if (n > 1)
            buf_addf(b, ".%.*s", n - 1, digits + 1);
        buf_addf(b, "e%c%d", point - 1 < 0 ? '-' : '+', abs(point - 1));
        return;
    }
    for (int i = point < 0 ? point : 0; i < 0; i++)
        buf_adds(b, i == point ? "0.0" : "0");
    if (point == 0)
        buf_adds(b, "0.");
    for (int i = 0; i < n || i < point; i++) {
        if (i == point && i > 0)
            buf_addc(b, '.');
        if (i < n)
            buf_addc(b, digits[i]);
        else
            buf_addc(b, '0');
    }
}

static void print_break(struct buf *b, unsigned depth)
{
    buf_addc(b, '\n');
    for (unsigned i = 0; i < depth; i++)
        buf_adds(b, "  ");
}

static void print(struct buf *b, const json_t *j, unsigned depth);

static void print_array(struct buf *b, const json_t *j, unsigned depth)
{
    size_t n = json_array_size(j);

    buf_addc(b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(b, ',');
        print_break(b, depth + 1);
        print(b, json_array_get(j, i), depth + 1);
    }
    if (n > 0)
        print_break(b, depth);
    buf_addc(b, ']');
}

/* jansson's iterators take a pointer that is not const although they do not change the object. */
static void print_object(struct buf *b, const json_t *j, unsigned depth)
{
    json_t *o = json_incref((json_t *)(uintptr_t)j);
    bool first = true;

    buf_addc(b, '{');
    for (void *it = json_object_iter(o); it != NULL; it = json_object_iter_next(o, it)) {
        if (!first)
            buf_addc(b, ',');
        first = false;
        print_break(b, depth + 1);
        print_string(b, sv_of(json_object_iter_key(it)));
        buf_adds(b, ": ");
        print(b, json_object_iter_value(it), depth + 1);
    }
    if (!first)
        print_break(b, depth);
    buf_addc(b, '}');
    json_decref(o);
}

#define MAX_DEPTH 1024U /* ours: a template of calls in calls; parsed JSON is flatter */

static void print(struct buf *b, const json_t *j, unsigned depth)
{
    if (depth > MAX_DEPTH) {
        b->over = true;
        return;
    }
    if (json_is_object(j))
        print_object(b, j, depth);
    else if (json_is_array(j))
        print_array(b, j, depth);
    else if (json_is_string(j))
        print_string(b, (struct sv){json_string_value(j), json_string_length(j)});
    else if (json_is_number(j))
        print_number(b, json_number_value(j));
    else
        buf_adds(b, json_is_true(j) ? "true" : json_is_false(j) ? "false" : "null");
}

void wf_case_print(struct buf *b, const json_t *j)
{
    print(b, j, 0);
}
