/* SPDX-License-Identifier: Apache-2.0
 *
 * The launcher's loop and the other verbs of gantry-sandbox. All take the control socket over. */
#ifndef SANDBOX_PROGRAM_LAUNCHER_H
#define SANDBOX_PROGRAM_LAUNCHER_H

#include "base/err.h"

MUST_USE int launcher_main_run(int control, struct err *e);

#endif
