/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What does this host's KVM do with deprivileged guest code? Found out by running some in a VM of its own, never by names. */
#ifndef SHADOWPOOL_TRAPD_SELFTEST_H
#define SHADOWPOOL_TRAPD_SELFTEST_H

#include <linux/kvm.h>

#include "trapd/kvm/host_facts.h"

/*
 * kvm_fd: open /dev/kvm, stays the caller's. Fills *facts. 0; -errno with one line (cause and remedy) in err if this host
 * cannot run shadowpool at all. Takes some milliseconds. Thread: any with the kick handler installed.
 */
int selftest_run(int kvm_fd, const struct kvm_cpuid2 *cpuid, struct host_facts *facts, char *err, unsigned err_size);

#endif
