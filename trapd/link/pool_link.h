/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VM's attach to poold: made, lost, ended. Crash recovery is the same thing once more: when poold dies the vCPU threads find
 * the link lost, detach, and attach to the next poold, whose empty pool is built from guest RAM. doc/spec/ring.md, "Epochs,
 * attach, detach, recovery".
 */
#ifndef SHADOWPOOL_TRAPD_POOL_LINK_H
#define SHADOWPOOL_TRAPD_POOL_LINK_H

#include <stddef.h>
#include <stdint.h>

struct vcpu;
struct vm;

/*
 * Connect to poold, exchange the shared objects, and make poold's pool that of the VM. This is one step of an attach;
 * vcpu_thread.c has the list of all steps in their order. copies_maddr: machine address of the window of code copies, 0: there is
 * none. Returns 0; or -errno with one line (cause and remedy) in err, and nothing is attached. Thread: a vCPU's, while all other
 * vCPUs rest.
 */
int pool_link_attach(struct vm *vm, uint64_t copies_maddr, char *err, size_t err_size);
/*
 * Remove the pool's memory from the VM and from the process and close the connection. Nothing happens if nothing is attached.
 * Thread: a vCPU's, while all other vCPUs rest or have ended.
 */
void pool_link_detach(struct vm *vm);
/* Detach and free everything. Called before the VM's file is closed. Thread: control. */
void pool_link_destroy(struct vm *vm);
/*
 * The calling vCPU has found the link lost or poold at fault: have the VM attach anew. Returns -ENOTCONN. Thread: the vCPU's own.
 */
int pool_link_lost(struct vcpu *v);

#endif
