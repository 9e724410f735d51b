/* SPDX-License-Identifier: Apache-2.0
 *
 * What a target said last. */
#include "tests/fuzz/said.h"

#include <stdio.h>

static char text_said[512];

void said(const char *text)
{
    (void)snprintf(text_said, sizeof text_said, "%.500s", text);
}

const char *what_was_said(void)
{
    return text_said;
}

void forget_said(void)
{
    text_said[0] = '\0';
}
