/* SPDX-License-Identifier: Apache-2.0
 *
 * The smallest worker: sends its socket to init and its actions folder to the bench, and ends with the channel. */
#include "base/ipc.h"

#include <unistd.h>

int main(void)
{
    struct ipc_out o;
    struct err e;
    char byte;

    ipc_begin(&o, 1, 0);
    ipc_put_fd(&o, 4);
    ipc_put_fd(&o, 5);
    if (ipc_send(3, &o, &e) < 0 || close(4) < 0)
        return 1;
    while (read(3, &byte, 1) > 0)
        ;
    return 0;
}
