/* SPDX-License-Identifier: Apache-2.0
 *
 * gantry-service: the embedded Actions service. */
#include "base/proc.h"

int main(void)
{
    proc_main_init();
    return 2;
}
