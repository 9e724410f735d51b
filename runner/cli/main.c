/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry: command line and listener. */
#include "base/proc.h"

int main(void)
{
    proc_main_init();
    return 2;
}
