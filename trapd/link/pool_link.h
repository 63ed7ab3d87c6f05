/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The VM's attach to poold: made, lost, ended. Crash recovery is the same thing once more: when poold dies the vCPU threads find
 * the link lost, detach, and attach to the next poold, whose empty pool is built from guest RAM. doc/spec/ring.md, "Epochs, attach,
 * detach, recovery".
 */
#ifndef SHADOWPOOL_TRAPD_POOL_LINK_H
#define SHADOWPOOL_TRAPD_POOL_LINK_H

#include <stddef.h>
#include <stdint.h>

struct vcpu;
struct vm;

/*
 * Connect to poold, exchange the shared objects, make its pool the VM's. The order of an attach, in which this is one step, is a
 * list in vcpu_thread.c. copies_maddr: of the window of code copies, 0: there is none. 0; -errno with one line (cause and remedy) in err, and
 * nothing is attached. Thread: a vCPU's, while no other one is in the VM.
 */
int pool_link_attach(struct vm *vm, uint64_t copies_maddr, char *err, size_t err_size);
/* The pool's memory is gone from the VM and from the process. Does nothing if nothing is attached. Thread: as for attach. */
void pool_link_detach(struct vm *vm);
/* Detach and free; before the VM's file is closed. Thread: control. */
void pool_link_destroy(struct vm *vm);
/* This vCPU has noticed that the link is of no use any more: the VM attaches anew. Returns -ENOTCONN. Thread: the vCPU's own. */
int pool_link_lost(struct vcpu *v);

#endif
