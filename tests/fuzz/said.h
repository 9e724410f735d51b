/* SPDX-License-Identifier: Apache-2.0
 *
 * What a target said last about its input: replay.c compares the errors of bombs with those that are documented. */
#ifndef TESTS_FUZZ_SAID_H
#define TESTS_FUZZ_SAID_H

void said(const char *text);     /* of any length; kept cut */
const char *what_was_said(void); /* "" when nothing was since forget_said() */
void forget_said(void);

#endif
