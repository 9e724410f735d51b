/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry-sandbox: launcher, and init of a job. */
#include "base/proc.h"

int main(void)
{
    proc_main_init();
    return 2;
}
