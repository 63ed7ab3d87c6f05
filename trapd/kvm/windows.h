/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A VM's machine addresses: the windows in which stub, pool and guest RAM lie; copies of guest code lie behind RAM. Nothing
 * else exists there, so a shadow entry, whatever it says, reaches nothing else. doc/architecture.md has the map.
 */
#ifndef SHADOWPOOL_TRAPD_WINDOWS_H
#define SHADOWPOOL_TRAPD_WINDOWS_H

#define VM_STUB_MADDR	0ull
#define VM_STUB_BYTES	(4ull << 20)
#define VM_DUMMY_MADDR	(768ull << 20)	/* one page, there for a moment only: slots_dummy_cycle() */
#define VM_POOL_MADDR	(1ull << 30)
#define VM_RAM_MADDR	(64ull << 30)	/* of gpa 0 */
#define VM_POOL_MAX	(VM_RAM_MADDR - VM_POOL_MADDR)
/* PML4 index at which each shadow root maps stub and pool, until a guest uses an address in there: stub_move.c. Linux leaves it free. */
#define VM_STUB_SLOT	271u

#endif
